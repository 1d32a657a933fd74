"""Loss processes against theory: rates, bursts and correlation at 10^6 messages."""

import numpy as np
import pytest

from wsim.errors import ConditionsError
from wsim.impairments import spec_from
from wsim.impairments.gilbert_elliott import GilbertElliott, GilbertElliottTime
from wsim.impairments.markov_loss import MarkovLoss
from wsim.impairments.rule_loss import RuleLoss

COUNT = 1_000_000
NUMBERS = np.arange(COUNT)
U = np.random.Generator(np.random.SFC64(11)).random(COUNT)
EVERY_20_MS = NUMBERS * 20_000_000


def run(spec, loss_rate, times=EVERY_20_MS):
    return spec.start(loss_rate).lost(NUMBERS, times, U)


def spells(flags):
    """Return the lengths of runs of True."""
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return edges[1::2] - edges[::2]


def chain_error(rate, memory):
    """Standard error of the mean of a two-state chain with lag-one correlation `memory`."""
    return np.sqrt(rate * (1 - rate) / COUNT * (1 + memory) / (1 - memory))


def test_bernoulli_loses_its_rate():
    lost = run(spec_from("loss", "bernoulli"), 0.03)
    assert abs(lost.mean() - 0.03) < 4 * chain_error(0.03, 0.0)


class TestGilbertElliott:
    @pytest.mark.parametrize(("rate", "burst"), [(0.015, 6), (0.1, 4), (0.3, 20), (0.4, 1)])
    def test_loss_and_burst_lie_within_four_standard_errors(self, rate, burst):
        lost = run(GilbertElliott(mean_burst=burst), rate)
        to_bad, to_good = GilbertElliott(mean_burst=burst).transitions(rate)
        assert abs(lost.mean() - rate) < 4 * chain_error(rate, 1 - to_bad - to_good)
        lengths = spells(lost)
        deviation = np.sqrt(burst * (burst - 1))
        assert abs(lengths.mean() - burst) <= 4 * deviation / np.sqrt(len(lengths)) + 1e-12

    def test_correlation_of_the_losses(self):
        lost = run(GilbertElliott(mean_burst=6), 0.1).astype(float)
        to_bad, to_good = GilbertElliott(mean_burst=6).transitions(0.1)
        got = np.corrcoef(lost[1:], lost[:-1])[0, 1]
        assert got == pytest.approx(1 - to_bad - to_good, abs=0.01)

    def test_equals_a_loop_over_the_definition(self):
        for burst, rate, good, bad in [(6, 0.1, 0, 1), (1, 0.45, 0, 1), (3, 0.2, 0.05, 0.7)]:
            spec = GilbertElliott(loss_in_good=good, loss_in_bad=bad, mean_burst=burst)
            u = U[:20_000]
            lost = spec.start(rate).lost(NUMBERS[:20_000], EVERY_20_MS[:20_000], u)
            assert lost.tolist() == looped(spec, rate, u.tolist())

    def test_loss_in_both_states(self):
        spec = GilbertElliott(loss_in_good=0.01, loss_in_bad=0.5, mean_burst=8)
        lost = run(spec, 0.05)
        assert abs(lost.mean() - 0.05) < 4 * 3 * chain_error(0.05, 0.0)

    def test_starts_in_its_stationary_state(self):
        spec = GilbertElliott(mean_burst=50)
        first = [
            spec.start(0.2).lost(np.array([0]), np.array([0]), np.array([u]))[0] for u in U[:4000]
        ]
        assert abs(np.mean(first) - 0.2) < 4 * np.sqrt(0.16 / 4000)

    @pytest.mark.parametrize(
        ("fields", "rate", "words"),
        [
            ({"mean_burst": 0.5}, 0.1, "mean_burst=0.5 is not a number from 1"),
            ({"mean_burst": 2}, 0.9, "use 9 messages or more"),
            ({"loss_in_good": 0.5, "loss_in_bad": 0.2}, 0.3, "below 0.2"),
            ({"loss_in_bad": 0.5}, 0.6, "packet_loss_rate=0.6 is not from"),
            ({"loss_in_good": 0.1}, 0.05, "packet_loss_rate=0.05 is not from"),
        ],
    )
    def test_refuses_contradictions(self, fields, rate, words):
        with pytest.raises(ConditionsError, match=words):
            GilbertElliott(**fields).check(rate)


class TestGilbertElliottTime:
    def test_bad_time_and_loss_do_not_depend_on_the_rate_of_messages(self):
        for gap_ms in (5, 20, 100):
            times = NUMBERS * gap_ms * 1_000_000
            lost = run(GilbertElliottTime(mean_burst_s=0.2), 0.05, times)
            memory = np.exp(-gap_ms / 1e3 / 0.2 / 0.95)
            assert abs(lost.mean() - 0.05) < 4 * chain_error(0.05, memory)
            got = np.corrcoef(lost[1:], lost[:-1])[0, 1]
            assert got == pytest.approx(memory, abs=0.015)

    def test_a_fine_comb_sees_bursts_of_their_length(self):
        lost = run(GilbertElliottTime(mean_burst_s=0.2), 0.05, NUMBERS * 1_000_000)
        lengths = spells(lost) / 1e3
        assert abs(lengths.mean() - 0.2) < 4 * 0.2 / np.sqrt(len(lengths)) + 0.001

    def test_a_long_silence_forgets(self):
        lost = run(GilbertElliottTime(mean_burst_s=0.2), 0.3, NUMBERS * 60_000_000_000)
        assert abs(np.corrcoef(lost[1:], lost[:-1])[0, 1]) < 4 / np.sqrt(COUNT)


class TestMarkov:
    spec = MarkovLoss(p13=0.01, p31=0.2, p32=0.1, p23=0.3, p14=0.005)

    def test_loses_its_stationary_share(self):
        lost = run(self.spec, 0.0)
        assert self.spec.loss_rate() == pytest.approx(0.0513, abs=1e-4)
        assert abs(lost.mean() - self.spec.loss_rate()) < 4 * 5 * chain_error(0.0513, 0.0)

    @pytest.mark.parametrize(
        "spec",
        [
            spec,
            MarkovLoss(p13=0.4, p31=0.5, p32=0.5, p23=0.9, p14=0.6),
            MarkovLoss(p14=0.3, p13=0.0),
            MarkovLoss(p13=1.0, p31=1.0),
        ],
    )
    def test_equals_a_loop_over_the_definition(self, spec):
        u = U[:20_000]
        lost = spec.start(0.0).lost(NUMBERS[:20_000], EVERY_20_MS[:20_000], u)
        state, expected = 1, []
        for value in u.tolist():
            state = next_state(spec, state, value)
            expected.append(state in (3, 4))
        assert lost.tolist() == expected

    def test_refuses_probabilities_that_exceed_one(self):
        with pytest.raises(ConditionsError, match=r"p31 \+ p32 = 1.2 is more than 1"):
            MarkovLoss(p31=0.7, p32=0.5)
        with pytest.raises(ConditionsError, match=r"p13=1\.5 is not a number from 0 to 1"):
            MarkovLoss(p13=1.5, p31=0.5)


class TestRule:
    def test_loses_what_its_rules_name(self):
        times = np.arange(12) * 100_000_000
        spec = RuleLoss(every=5, first=2, windows_s=((0.6, 0.8),))
        lost = spec.start(0.0).lost(np.arange(12), times)
        assert np.flatnonzero(lost).tolist() == [0, 1, 4, 6, 7, 9]

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({}, "no rule; give every, first or windows_s"),
            ({"every": -1}, "every=-1"),
            ({"windows_s": ((2, 1),)}, "ends at 1, not after its start 2"),
            ({"windows_s": ((0, 2), (1, 3))}, "starts at 1, before 2"),
        ],
    )
    def test_refuses_nonsense(self, fields, words):
        with pytest.raises(ConditionsError, match=words):
            RuleLoss(**fields)


def looped(spec, rate, uniforms):
    """Follow the two-state chain message by message."""
    to_bad, to_good = spec.transitions(rate)
    share = spec.bad_share(rate)
    bad, lost = False, []
    for i, u in enumerate(uniforms):
        edge = share if i == 0 else (1.0 - to_good if bad else to_bad)
        turns_good = u >= edge
        rest = (u - edge) / (1.0 - edge) if turns_good else u / edge
        bad = not turns_good
        lost.append(rest < (spec.loss_in_bad if bad else spec.loss_in_good))
    return lost


def next_state(spec, state, u):
    if state == 1:
        return 3 if u < spec.p13 else 4 if u < spec.p13 + spec.p14 else 1
    if state == 2:
        return 3 if u < spec.p23 else 2
    if state == 3:
        return 1 if u < spec.p31 else 2 if u < spec.p31 + spec.p32 else 3
    return 1
