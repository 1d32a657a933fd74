"""All impairments together, at random: stepping and whole schedules agree, parts sum up."""

import numpy as np
import pytest
from test_impairments_contract import EXAMPLES, FIELDS

from wsim import NetworkConditions
from wsim.channel import Channel
from wsim.errors import ConditionsError

COUNT = 300
CHANCES = (
    (0.4, {"jitter_correlation": 0.6}),
    (0.3, {"jitter_memory_s": 0.1}),
    (0.3, {"duplicate_rate": 0.1}),
    (0.3, {"corrupt_rate": 0.1}),
    (0.3, {"reorder": True, "reorder_rate": 0.2, "reorder_gap": 3}),
    (0.2, {"queue_limit_bytes": 2000}),
    (0.2, {"queue_limit_messages": 5}),
    (0.2, {"queue_limit_ms": 150.0}),
    (0.2, {"queue_policy": "head"}),
    (0.1, {"queue_policy": "codel"}),
    (0.2, {"max_age_ms": 100.0}),
    (0.2, {"disconnect_rate": 0.01}),
    (0.2, {"client_buffer": True}),
    (0.15, {"transport": "tcp"}),
)


def random_conditions(rng):
    """Draw conditions until some are no contradiction."""
    while True:
        values = {"disconnect_rate": 0.0, "bandwidth_mbps": float(rng.choice([0.05, 0.2, 5.0]))}
        for family, examples in EXAMPLES.items():
            if family != "outage" or rng.random() < 0.5:
                value, changes = examples[rng.integers(len(examples))]
                values |= {**changes, FIELDS[family]: value}
        for chance, changes in CHANCES:
            values |= changes if rng.random() < chance else {}
        if values.get("packet_loss_rate", 0.0) > 0.3:
            values["transport"] = "datagram"  # TCP would try for hours
        try:
            return NetworkConditions(**values)
        except ConditionsError:
            continue


def essence(transits):
    return sorted(
        (t.number, t.copy, -1 if t.delivered_ns is None else t.delivered_ns, t.cause,
         tuple(t.parts), str(t.corruption))
        for t in transits
    )  # fmt: skip


def stepped(conditions, times, sizes, rng):
    """Send one by one, looking at the channel every now and then."""
    channel, found = Channel(conditions, seed=7), []
    for at, size in zip(times.tolist(), sizes.tolist(), strict=True):
        if rng.random() < 0.5:
            found += channel.advance(at)
        channel.send(at, size)
    while channel.next_event_ns is not None:
        found += channel.advance(channel.next_event_ns)
    return found


def check(seed):
    rng = np.random.default_rng(seed)
    conditions = random_conditions(rng)
    times, sizes = np.cumsum(rng.integers(0, 40_000_000, COUNT)), rng.integers(20, 400, COUNT)
    many = Channel(conditions, seed=7).send_many(times, sizes)
    one_by_one = stepped(conditions, times, sizes, rng)
    said = conditions.to_dict(changed_only=True)
    assert essence([*many, *many.copies]) == essence(one_by_one), said
    for transit in one_by_one:
        if transit.delivered_ns is not None:
            assert sum(transit.parts) == transit.delivered_ns - transit.sent_ns, said


@pytest.mark.parametrize("seed", range(40))
def test_any_mixture(seed):
    check(seed)


@pytest.mark.slow
def test_many_mixtures():
    for seed in range(1000, 1400):
        check(seed)
