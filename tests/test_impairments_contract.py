"""One contract for every registered impairment: the same test for all of them."""

import dataclasses
import json
from itertools import pairwise

import numpy as np
import pytest

from wsim import NetworkConditions
from wsim.channel import Channel
from wsim.conditions import SPEC_FIELDS
from wsim.errors import ConditionsError
from wsim.impairments import kinds, spec_from
from wsim.impairments.correlation import CopulaState, normals
from wsim.randomness import Stream

RNG = np.random.default_rng(5)
TRACE = sorted(RNG.integers(1, 2_000, 300).tolist())

EXAMPLES = {
    "jitter": [
        ("normal", {}),
        ("normal", {"latency_ms": 10.0, "jitter_ms": 20.0}),
        ("uniform", {}),
        ("clipped_normal", {"latency_ms": 10.0, "jitter_ms": 20.0}),
        ("pareto", {}),
        ({"kind": "pareto", "floor": 0.5}, {"jitter_ms": 40.0}),
        ("pareto_normal", {}),
        ("lognormal", {}),
        ({"kind": "gamma", "floor": 0.4}, {}),
        ({"kind": "quantiles", "points": [[0.5, 3], [0.9, 20], [0.99, 250]]}, {}),
        ({"kind": "samples", "values_ms": [4.0, 1.0, 2.5]}, {}),
        ("netem_table", {}),
        ({"kind": "netem_table", "table": [-8192, 0, 8192]}, {}),
    ],
    "loss": [
        ("bernoulli", {}),
        ({"kind": "gilbert_elliott", "mean_burst": 6}, {}),
        ({"kind": "gilbert_elliott", "mean_burst": 1}, {"packet_loss_rate": 0.4}),
        ({"kind": "gilbert_elliott", "loss_in_good": 0.01, "loss_in_bad": 0.6}, {}),
        ({"kind": "gilbert_elliott_time", "mean_burst_s": 0.3}, {}),
        ({"kind": "markov4", "p13": 0.05, "p31": 0.2, "p32": 0.1, "p23": 0.3, "p14": 0.02}, {}),
        ({"kind": "rule", "every": 7, "first": 2, "windows_s": [[1.0, 1.5]]}, {}),
    ],
    "rate": [
        ("constant", {"bandwidth_mbps": 0.1}),
        ({"kind": "token_bucket", "burst_bytes": 3000}, {"bandwidth_mbps": 0.1}),
        ({"kind": "schedule", "steps": [[0, 0.2], [2, 0], [3, 1.5]], "period_s": 4}, {}),
        ({"kind": "slots", "period_ms": 210, "window_ms": 100}, {"bandwidth_mbps": 0.2}),
        ({"kind": "slots", "period_ms": 210, "window_ms": 100}, {"bandwidth_mbps": None}),
        ({"kind": "trace", "times_ms": TRACE}, {}),
    ],
    "outage": [
        ({"kind": "renewal", "mean_up_s": 1.0, "mean_down_s": 0.3}, {}),
        ({"kind": "renewal", "mean_up_s": 2.0, "mean_down_s": 0.5, "effect": "hold"}, {}),
        ({"kind": "renewal", "mean_up_s": 9.0, "mean_down_s": 2.0, "effect": "close"}, {}),
        ({"kind": "windows", "windows_s": [[1, 2], [4, 5]], "period_s": 6, "effect": "hold"}, {}),
        ({"kind": "windows", "windows_s": [[2, 60]], "effect": "half_open"}, {}),
        ({"kind": "periodic", "every_s": 4, "down_s": 1}, {}),
    ],
}
CASES = [
    pytest.param(family, value, changes, id=f"{family}-{spec_from(family, value).kind}-{place}")
    for family, examples in EXAMPLES.items()
    for place, (value, changes) in enumerate(examples)
]
FIELDS = {family: field for field, family in SPEC_FIELDS.items()}
COUNT = 600


def conditions_of(family, value, changes):
    base = NetworkConditions(bandwidth_mbps=1.0, packet_loss_rate=0.05, disconnect_rate=0.0)
    return base.replace(**changes, **{FIELDS[family]: value})


def traffic(count=COUNT, seed=3):
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.integers(0, 40_000_000, count)), rng.integers(20, 400, count)


def blocks(count, seed):
    """Yield slices of random lengths, some of them empty or of one message."""
    rng = np.random.default_rng(seed)
    edges = [0]
    while edges[-1] < count:
        edges.append(min(edges[-1] + int(rng.integers(0, 70)), count))
    return [slice(a, b) for a, b in pairwise(edges)]


def test_every_registered_kind_has_an_example():
    for family, examples in EXAMPLES.items():
        assert {spec_from(family, value).kind for value, _ in examples} == set(kinds(family))


@pytest.mark.parametrize(("family", "value", "changes"), CASES)
class TestSpec:
    def test_survives_json_equal_and_hashable(self, family, value, changes):
        spec = spec_from(family, value)
        again = spec_from(family, json.loads(json.dumps(spec.to_dict())))
        assert again == spec
        assert hash(again) == hash(spec)
        conditions = conditions_of(family, value, changes)
        assert NetworkConditions.from_dict(json.loads(json.dumps(conditions.to_dict()))) == (
            conditions
        )

    def test_is_frozen(self, family, value, changes):
        spec = spec_from(family, value)
        with pytest.raises(dataclasses.FrozenInstanceError):
            spec.anything = 1

    def test_declares_the_unit_of_every_number(self, family, value, changes):
        spec = spec_from(family, value)
        for field in dataclasses.fields(spec):
            if not isinstance(getattr(spec, field.name), str):
                assert field.name in spec.units

    def test_refuses_a_field_it_does_not_have(self, family, value, changes):
        with pytest.raises(ConditionsError, match="no field 'nonsense'"):
            spec_from(family, {**spec_from(family, value).to_dict(), "nonsense": 1})

    @pytest.mark.parametrize("bad", [None, "many", float("nan"), float("inf"), -3, [], [[1]], {}])
    def test_refuses_nonsense_by_the_name_of_the_kind(self, family, value, changes, bad):
        spec = spec_from(family, value)
        for field in dataclasses.fields(spec):
            values = {**spec.to_dict(), field.name: bad}
            assert spec.kind in complaint(family, values, otherwise=spec.kind)

    def test_repr_can_be_pasted_back(self, family, value, changes):
        spec = spec_from(family, value)
        assert eval(repr(spec), {type(spec).__name__: type(spec)}) == spec


def complaint(family, values, otherwise):
    """Return what is said against the values; any other kind of error fails the test."""
    try:
        spec_from(family, values)
    except ConditionsError as error:
        return str(error)
    return otherwise


def jitter_run(spec, conditions, seed, parts):
    u = Stream(seed, 0, "inbound", "delay").many(0, COUNT)
    sample = spec.sampler(conditions.latency_ms, conditions.jitter_ms)
    return np.concatenate([sample(u[part]) for part in parts])


def loss_run(spec, conditions, seed, parts):
    times, _ = traffic()
    uniforms = [Stream(seed, 0, "inbound", p).many(0, COUNT) for p in spec.purposes]
    state = spec.start(conditions.packet_loss_rate)
    numbers = np.arange(COUNT)
    return np.concatenate(
        [state.lost(numbers[part], times[part], *(u[part] for u in uniforms)) for part in parts]
    )


def rate_run(spec, conditions, seed, parts):
    times, sizes = traffic(seed=seed)
    state, last, finishes = spec.start(conditions.bandwidth_mbps, 0), 0, []
    for part in parts:
        if part.stop - part.start == 1:
            finishes.append(state.finish(max(int(times[part.start]), last), int(sizes[part.start])))
        else:
            finishes += state.finish_many(times[part], sizes[part], last).tolist()
        last = finishes[-1] if finishes else last
    return np.array(finishes)


def outage_run(spec, conditions, seed, parts):
    state = spec.start(Stream(seed, 0, "link", "outage"))
    times, _ = traffic()
    order = np.concatenate([np.arange(COUNT)[part] for part in parts])
    if len(parts) > 1:
        order = order[::-1]  # asked in any order
    windows = {i: (state.window(int(times[i])), state.next_start_ns(int(times[i]))) for i in order}
    return [windows[i] for i in range(COUNT)]


RUNS = {"jitter": jitter_run, "loss": loss_run, "rate": rate_run, "outage": outage_run}


@pytest.mark.parametrize(("family", "value", "changes"), CASES)
class TestState:
    def run(self, family, value, changes, seed=1, parts=(slice(0, COUNT),)):
        conditions = conditions_of(family, value, changes)
        return list(RUNS[family](spec_from(family, value), conditions, seed, parts))

    def test_repeats_with_its_seed(self, family, value, changes):
        assert self.run(family, value, changes) == self.run(family, value, changes)

    def test_is_the_same_whatever_the_blocks(self, family, value, changes):
        at_once = self.run(family, value, changes)
        assert self.run(family, value, changes, parts=blocks(COUNT, 1)) == at_once
        steps = [slice(i, i + 1) for i in range(COUNT)]
        assert self.run(family, value, changes, parts=steps) == at_once

    def test_gives_sensible_values(self, family, value, changes):
        values = self.run(family, value, changes)
        if family == "jitter":
            assert np.isfinite(values).all()
            assert np.min(values) >= 0.0
        elif family == "loss":
            assert 0 < np.sum(values) < COUNT
        elif family == "rate":
            assert (np.diff(values) >= 0).all()
            assert (np.array(values) >= traffic(seed=1)[0]).all()
        else:
            now = traffic()[0].tolist()
            for at, (window, following) in zip(now, values, strict=True):
                assert window is None or window[0] <= at < window[1]
                assert following is None or following > at


@pytest.mark.parametrize(("family", "value", "changes"), CASES)
class TestChannel:
    def fates(self, conditions, client=0, seed=1):
        channel = Channel(conditions, seed=seed, client=client)
        times, sizes = traffic()
        found = {}
        for at, size in zip(times.tolist(), sizes.tolist(), strict=True):
            for transit in channel.advance(at):
                found.setdefault(transit.number, transit)
            channel.send(at, size)
        while channel.next_event_ns is not None:
            for transit in channel.advance(channel.next_event_ns):
                found.setdefault(transit.number, transit)
        return [
            (found[i].delivered_ns, found[i].cause, tuple(found[i].parts)) for i in range(COUNT)
        ]

    def test_steps_and_blocks_agree_bit_for_bit(self, family, value, changes):
        conditions = conditions_of(family, value, changes)
        times, sizes = traffic()
        many = Channel(conditions, seed=1).send_many(times, sizes)
        assert [(t.delivered_ns, t.cause, tuple(t.parts)) for t in many] == self.fates(conditions)

    def test_delays_are_not_negative_and_parts_sum_to_them(self, family, value, changes):
        times = traffic()[0].tolist()
        for sent, (delivered, cause, parts) in zip(
            times, self.fates(conditions_of(family, value, changes)), strict=True
        ):
            assert (delivered is None) == bool(cause)
            if delivered is not None:
                assert delivered >= sent
                assert sum(parts) == delivered - sent

    def test_state_belongs_to_the_connection(self, family, value, changes):
        conditions = conditions_of(family, value, changes)
        alone = self.fates(conditions)
        other = self.fates(conditions, client=1)
        assert self.fates(conditions) == alone
        assert other != alone


@pytest.mark.parametrize(("rho", "memory_s"), [(0.7, 0.0), (0.9999, 0.0), (0.0, 0.2), (0.0, 1e-3)])
def test_correlation_keeps_the_same_contract(rho, memory_s):
    times, _ = traffic()
    u = Stream(1, 0, "inbound", "delay").many(0, COUNT)
    at_once = CopulaState(rho, memory_s).apply(times, u)
    state = CopulaState(rho, memory_s)
    parts = [state.apply(times[part], u[part]) for part in blocks(COUNT, 2)]
    assert np.concatenate(parts).tolist() == at_once.tolist()
    state = CopulaState(rho, memory_s)
    steps = [state.apply(times[i : i + 1], u[i : i + 1])[0] for i in range(COUNT)]
    assert steps == at_once.tolist()
    state = CopulaState(rho, memory_s)
    ones = map(state.one, times.tolist(), normals(u).tolist())
    assert list(ones) == at_once.tolist()
    assert ((at_once >= 0.0) & (at_once < 1.0)).all()
