"""Rates against step-by-step readings of their definitions, on random input."""

import numpy as np
import pytest

from wsim.errors import ConditionsError, FormatError
from wsim.impairments import spec_from
from wsim.impairments.scheduled_rate import ScheduledRate, SlotRate
from wsim.impairments.token_bucket import TokenBucket
from wsim.impairments.trace_rate import TraceRate

MS = 1_000_000


def traffic(seed, count=3000, gap_ns=4 * MS, largest=1500):
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.integers(0, 2 * gap_ns, count)), rng.integers(1, largest, count)


def fifo(times, sizes, mbps):
    finishes, last = [], 0
    for at, size in zip(times.tolist(), sizes.tolist(), strict=True):
        last = max(at, last) + int(size * 8000 / mbps)
        finishes.append(last)
    return finishes


@pytest.mark.parametrize("mbps", [0.5, 3.0, 1000.0])
def test_constant_rate_equals_a_loop(mbps):
    times, sizes = traffic(1)
    got = spec_from("rate", "constant").start(mbps, 0).finish_many(times, sizes, 0)
    assert got.tolist() == fifo(times, sizes, mbps)


class TestTokenBucket:
    def test_equals_a_bucket_filled_step_by_step(self):
        times, sizes = traffic(2)
        got = TokenBucket(4000).start(1.0, 0).finish_many(times, sizes, 0)
        tokens, at, last, expected = 4000.0, 0, 0, []
        for arrival, size in zip(times.tolist(), sizes.tolist(), strict=True):
            start = max(arrival, last)
            tokens = min(4000.0, tokens + (start - at) / 8000)
            wait = max(0.0, size - tokens) * 8000
            last, at = round(start + wait), start
            tokens -= size
            expected.append(last)
        assert got == pytest.approx(expected, abs=2)

    def test_a_burst_passes_and_then_the_mean_rate_holds(self):
        sizes = np.full(100, 1000)
        got = TokenBucket(10_000).start(1.0, 0).finish_many(np.zeros(100, np.int64), sizes, 0)
        assert (got[:10] == 0).all()
        assert (np.diff(got[10:]) == 8 * MS).all()


class TestSchedule:
    def test_equals_an_integration_in_small_steps(self):
        spec = ScheduledRate(((0, 2.0), (0.5, 0.0), (0.7, 5.0), (1.2, 0.3)), period_s=1.5)
        times, sizes = traffic(3, count=300, gap_ns=20 * MS)
        got = spec.start(None, 0).finish_many(times, sizes, 0)
        last, expected = 0.0, []
        for arrival, size in zip(times.tolist(), sizes.tolist(), strict=True):
            last = served(spec, max(arrival, last), size * 8)
            expected.append(last)
        assert got == pytest.approx(expected, abs=len(got))

    def test_one_step_is_a_constant_rate(self):
        times, sizes = traffic(4)
        got = ScheduledRate(((0, 3.0),)).start(None, 0).finish_many(times, sizes, 0)
        assert np.abs(got - fifo(times, sizes, 3.0)).max() <= len(got)

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({}, "begins at 0 seconds"),
            ({"steps": ((1, 2),)}, "begins at 0 seconds"),
            ({"steps": ((0, 2), (0, 3))}, "list steps in order"),
            ({"steps": ((0, 2), (1, 0))}, "ends at 0 Mbit/s for ever"),
            ({"steps": ((0, 2), (5, 1)), "period_s": 4}, "after the last step"),
            ({"steps": ((0, -2),)}, "from 0 to"),
            ({"steps": "fast"}, "list of pairs"),
        ],
    )
    def test_refuses_contradictions(self, fields, words):
        with pytest.raises(ConditionsError, match=words):
            ScheduledRate(**fields)


def served(spec, start_ns, bits):
    """Walk through the steps of a schedule until `bits` are served."""
    period = spec.period_s * 1e9
    edges = [at * 1e9 for at, _ in spec.steps] + [period]
    now = float(start_ns)
    while True:
        base = now // period * period
        place = max(i for i, edge in enumerate(edges[:-1]) if edge <= now - base + 1e-6)
        end = base + edges[place + 1]
        rate = spec.steps[place][1] * 1e-3
        if rate and bits <= (end - now) * rate:
            return now + bits / rate
        bits -= (end - now) * rate
        now = end


class TestSlots:
    def test_waits_have_the_mean_and_maximum_of_the_phase(self):
        rng = np.random.default_rng(5)
        arrivals = np.sort(rng.integers(0, 21_000_000 * MS, 200_000))
        waits = SlotRate(210, 100).start(None, 0).finish_many(arrivals, np.ones(200_000), 0)
        waits = (waits - arrivals) / MS
        assert waits.mean() == pytest.approx(110**2 / 2 / 210, abs=0.3)
        assert 109 < waits.max() <= 110

    def test_a_message_that_does_not_fit_goes_on_in_the_next_slot(self):
        state = SlotRate(210, 100).start(0.008, 0)  # a byte per ms
        assert state.finish(0, 150) == pytest.approx((210 + 50) * MS, abs=2)
        assert state.finish(300 * MS, 10) == pytest.approx(310 * MS, abs=2)
        assert state.finish(520 * MS, 10) == pytest.approx(640 * MS, abs=2)

    def test_refuses_a_window_longer_than_the_period(self):
        with pytest.raises(ConditionsError, match="window_ms=300"):
            SlotRate(210, 300)


def mahimahi(times_ms, arrivals_ms, sizes):
    """Follow mm-link: burn every opportunity that has passed, then enqueue (ms by ms)."""
    queue, finishes = [], [None] * len(sizes)
    opportunities = iter_opportunities(times_ms)
    upcoming = next(opportunities)

    def rationalize(now):
        nonlocal upcoming
        while upcoming <= now:
            left = 1500
            while left and queue:
                sent = min(left, queue[0][1])
                queue[0][1] -= sent
                left -= sent
                if queue[0][1] == 0:
                    finishes[queue.pop(0)[0]] = upcoming
            upcoming = next(opportunities)

    for number, (at, size) in enumerate(zip(arrivals_ms, sizes, strict=True)):
        rationalize(at)
        queue.append([number, size])
    while queue:
        rationalize(upcoming)
    return finishes


def iter_opportunities(times_ms):
    base = 0
    while True:
        for at in times_ms:
            yield base + at
        base += times_ms[-1]


class TestTrace:
    @pytest.mark.parametrize("seed", range(12))
    def test_equals_mm_link_step_by_step_on_random_input(self, seed):
        rng = np.random.default_rng(seed)
        trace = np.sort(rng.integers(0, 3000, int(rng.integers(1, 900)))).tolist()
        trace[-1] = max(trace[-1], 1)
        times, sizes = traffic(seed, count=2000, gap_ns=int(rng.integers(1, 8)) * MS)
        times = times + (times % MS == 0)  # mm-link reads whole ms; stay off their edges
        got = TraceRate(tuple(trace)).start(None, 0).finish_many(times, sizes, 0)
        stepped = mahimahi(trace, (times // MS).tolist(), sizes.tolist())
        assert (got // MS).tolist() == stepped

    def test_an_opportunity_at_the_instant_of_sending_carries_it(self):
        assert TraceRate((5, 9)).start(None, 0).finish(5 * MS, 100) == 5 * MS
        assert TraceRate((5, 9)).start(None, 0).finish(5 * MS + 1, 100) == 9 * MS

    def test_reads_a_file_and_names_the_line_of_a_bad_word(self, tmp_path):
        path = tmp_path / "up.trace"
        path.write_text("0\n5\n5\n12\n")
        spec = TraceRate.from_file(path)
        assert spec.times_ms == (0, 5, 5, 12)
        path.write_text("0\nfive\n")
        with pytest.raises(FormatError, match=r"up.trace: line 2: 'five' is no whole number"):
            TraceRate.from_file(path)
        path.write_text("7\n5\n")
        with pytest.raises(FormatError, match=r"up.trace: .*times_ms\[1\]=5"):
            TraceRate.from_file(path)

    @pytest.mark.parametrize("times", [(), (0,), (3, 1), (1.5,), (-2, 4), (True, 5)])
    def test_refuses_what_is_no_trace(self, times):
        with pytest.raises(ConditionsError, match="trace"):
            TraceRate(times)
