"""The channel: fates, parts, order, ties, changes and the equality of its ways of use."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsim import Channel, NetworkConditions
from wsim.conditions import condition_fields
from wsim.errors import ConditionsError
from wsim.schema import PARTS
from wsim.transit import Transit

MS = 1_000_000
IDEAL = NetworkConditions(
    latency_ms=0, jitter_ms=0, packet_loss_rate=0, disconnect_rate=0, bandwidth_mbps=None
)


def drain(channel: Channel, until: int = 10**15) -> list[Transit]:
    found = []
    while channel.in_flight and (due := channel.next_event_ns) is not None and due <= until:
        found += channel.advance(due)
    return found


def part(transit: Transit, name: str) -> int:
    return transit.parts[PARTS.index(f"{name}_ms")]


def test_a_message_takes_the_latency_and_no_more():
    channel = Channel(IDEAL.replace(latency_ms=50))
    assert channel.send(7, 100, token="t") == 0
    assert channel.next_event_ns == 50 * MS + 7
    assert channel.advance(50 * MS + 6) == []
    (transit,) = channel.advance(50 * MS + 7)
    assert (transit.delivered_ns, transit.fate, transit.token) == (50 * MS + 7, "delivered", "t")
    assert part(transit, "propagation") == 50 * MS
    assert channel.next_event_ns is None


def test_serialisation_delays_the_command_behind_the_frame():
    channel = Channel(IDEAL.replace(bandwidth_mbps=1))
    channel.send(0, 12_500)
    channel.send(MS, 125)
    frame, command = drain(channel)
    assert frame.delivered_ns == 100 * MS
    assert part(command, "queue") == 99 * MS
    assert part(command, "serialization") == MS
    assert command.delivered_ns == 101 * MS


def test_jitter_keeps_the_order_unless_reordering_is_asked_for():
    jittery = IDEAL.replace(latency_ms=50, jitter_ms=30)
    times = np.arange(500) * 5 * MS
    ordered = Channel(jittery).send_many(times, 100).delivered_ns
    loose = Channel(jittery.replace(reorder=True)).send_many(times, 100).delivered_ns
    assert np.all(np.diff(ordered) >= 0)
    assert np.any(np.diff(loose) < 0)
    assert np.array_equal(ordered, np.maximum.accumulate(loose))


def test_loss_is_decided_at_once_and_takes_no_airtime():
    channel = Channel(IDEAL.replace(packet_loss_rate=1.0, bandwidth_mbps=1))
    channel.send(5, 12_500)
    (transit,) = channel.advance(5)
    assert (transit.fate, transit.cause, transit.delivered_ns) == ("dropped", "loss", None)


def test_switching_one_effect_leaves_the_others_draws_alone():
    times = np.arange(2000) * 10 * MS
    lossy = IDEAL.replace(latency_ms=20, packet_loss_rate=0.1, reorder=True)
    jittery = lossy.replace(jitter_ms=5)
    dropped = Channel(lossy, seed=3).send_many(times, 10).dropped
    both = Channel(jittery, seed=3).send_many(times, 10)
    alone = Channel(jittery.replace(packet_loss_rate=0), seed=3).send_many(times, 10)
    assert np.array_equal(dropped, both.dropped)
    assert np.array_equal(both.delivered_ns[~dropped], alone.delivered_ns[~dropped])
    late = Channel(lossy, seed=3)
    late.send_many(times[:1000], 10)
    late.change(int(times[999]) + 1, jittery)
    assert np.array_equal(late.send_many(times[1000:], 10).delivered_ns, both.delivered_ns[1000:])


def test_a_rate_change_applies_to_bytes_not_yet_serialised():
    channel = Channel(IDEAL.replace(bandwidth_mbps=1))
    channel.send(0, 12_500)  # 100 ms at 1 Mbit/s
    channel.send(0, 12_500)
    channel.change(50 * MS, IDEAL.replace(bandwidth_mbps=10))
    first, second = drain(channel)
    assert first.delivered_ns == 55 * MS
    assert second.delivered_ns == 65 * MS


def test_a_cut_loses_what_is_in_flight_and_the_client_comes_back():
    channel = Channel(IDEAL.replace(latency_ms=100, client_buffer=False), seed=1)
    channel.send(0, 10)
    channel.session.cut(50 * MS)
    channel.send(60 * MS, 10)
    assert [(t.number, t.cause) for t in channel.advance(60 * MS)] == [
        (0, "disconnected"),
        (1, "not_connected"),
    ]
    back = channel.session.back_ns(60 * MS)
    assert back is not None
    assert 0.5 * 1000 * MS <= back - 50 * MS - 600 * MS <= 1.5 * 1000 * MS
    channel.send(back, 10)
    assert [t.fate for t in drain(channel)] == ["delivered"]
    assert [e.kind for e in channel.session.events(back)] == ["cut", "reconnected"]
    assert channel.session.number == 2


def test_the_client_buffer_is_flushed_on_reconnection():
    channel = Channel(IDEAL.replace(latency_ms=10, client_buffer=True))
    channel.session.cut(0)
    for i in range(5):
        channel.send(i * 50 * MS, 10)
    back = channel.session.back_ns(0)
    stale = drain(channel)
    assert [t.delivered_ns for t in stale] == [back + 10 * MS] * 5
    assert part(stale[0], "client_buffer") == back


def test_priority_overtakes_in_the_queue():
    plain = IDEAL.replace(bandwidth_mbps=1)
    for conditions, priority in ((plain.replace(priority_events=("stop",)), 0), (plain, 1)):
        channel = Channel(conditions)
        for _ in range(3):
            channel.send(0, 12_500, event="camera")
        channel.send(MS, 125, event="stop", priority=priority)
        order = {t.number: t.delivered_ns for t in drain(channel)}
        assert order == {0: 100 * MS, 3: 101 * MS, 1: 201 * MS, 2: 301 * MS}


@pytest.mark.parametrize(
    ("limits", "lost"),
    [
        ({"queue_limit_messages": 2}, [2, 3]),
        ({"queue_limit_bytes": 25_000}, [2, 3]),
        ({"queue_limit_ms": 150}, [2, 3]),
        ({"queue_limit_messages": 2, "queue_policy": "head"}, [0, 1]),
        ({"max_age_ms": 150}, [2, 3]),
    ],
)
def test_limits_of_the_queue(limits, lost):
    channel = Channel(IDEAL.replace(bandwidth_mbps=1, **limits))
    for _ in range(4):
        channel.send(0, 12_500)
    assert sorted(t.number for t in drain(channel) if t.fate == "dropped") == lost


def test_codel_keeps_the_standing_queue_short():
    crowded = IDEAL.replace(bandwidth_mbps=1)
    times = np.arange(3000) * 9 * MS
    plain = Channel(crowded).send_many(times, 1250)
    codel = Channel(crowded.replace(queue_policy="codel")).send_many(times, 1250)
    wait = (codel.delivered_ns - times)[~codel.dropped]
    assert (plain.delivered_ns - times).max() > 2500 * MS
    assert np.median(wait[1000:]) < 120 * MS
    assert 0.05 < codel.dropped.mean() < 0.2


def test_disabled_conditions_wait_for_nothing():
    channel = Channel(NetworkConditions(packet_loss_rate=1.0, enabled=False))
    channel.send(9, 10)
    assert channel.advance(9)[0].delivered_ns == 9
    assert channel.pass_now(10)


def test_close_reports_what_was_in_flight():
    channel = Channel(IDEAL.replace(latency_ms=10))
    channel.send(0, 1)
    channel.send(5 * MS, 1)
    causes = [(t.number, t.cause) for t in channel.close(12 * MS)]
    assert causes == [(0, ""), (1, "closed")]
    channel.send(13 * MS, 1)
    assert [t.cause for t in channel.advance(13 * MS)] == ["closed"]


def test_schedules_that_cannot_be_are_refused():
    channel = Channel(IDEAL)
    with pytest.raises(ConditionsError, match=r"times_ns\[1\]=3 is before"):
        channel.send_many(np.array([5, 3]), 10)
    with pytest.raises(ConditionsError, match="0 bytes or more"):
        channel.send_many(np.array([5]), -1)
    with pytest.raises(ConditionsError, match="did you mean 'inbound'"):
        Channel(IDEAL, direction="inboud")


# -- the equality of stepping and whole schedules, under anything ------------------------------

rates = st.sampled_from([0.0, 0.0, 0.05, 0.4])
conditions = st.builds(
    NetworkConditions,
    latency_ms=st.sampled_from([0.0, 3.5, 40.0]),
    jitter_ms=st.sampled_from([0.0, 2.0, 25.0]),
    jitter_model=st.sampled_from(["normal", "uniform"]),
    jitter_correlation=st.sampled_from([0.0, 0.7]),
    packet_loss_rate=rates,
    disconnect_rate=st.sampled_from([0.0, 0.0, 0.01]),
    bandwidth_mbps=st.sampled_from([None, 0.2, 5.0]),
    duplicate_rate=st.sampled_from([0.0, 0.0, 0.1]),
    corrupt_rate=rates,
    reorder=st.booleans(),
    reorder_rate=rates,
    reorder_gap=st.integers(1, 3),
    overhead_bytes=st.sampled_from([0, 54]),
    queue_limit_bytes=st.sampled_from([None, None, 2000]),
    queue_limit_messages=st.sampled_from([None, None, 3]),
    queue_limit_ms=st.sampled_from([None, None, 30.0]),
    queue_policy=st.sampled_from(["tail", "tail", "head", "codel"]),
    max_age_ms=st.sampled_from([None, None, 20.0]),
    client_buffer=st.booleans(),
    enabled=st.sampled_from([True, True, True, False]),
)
schedules = st.lists(
    st.tuples(st.integers(0, 30 * MS), st.integers(0, 1500)), min_size=1, max_size=60
)


def stepped(channel: Channel, times, sizes, looks: list[int], changes: list = ()) -> list[Transit]:
    """Send one by one, calling `advance` also at odd moments."""
    found, pending, looks = [], list(changes), sorted(looks)
    for now, size in zip(times.tolist(), sizes.tolist(), strict=True):
        while pending and pending[0][0] <= now:
            channel.change(*pending.pop(0))
        while looks and looks[0] <= now:
            found += channel.advance(looks.pop(0))
        channel.send(now, size)
    for change in pending:
        channel.change(*change)
    return found + drain(channel)


def table(transits) -> dict:
    return {
        (t.number, t.copy): (t.sent_ns, t.delivered_ns, t.cause, t.parts, t.corruption)
        for t in transits
    }


@settings(max_examples=300, deadline=None)
@given(
    conditions,
    schedules,
    st.lists(st.integers(0, 1500 * MS), max_size=8),
    st.lists(st.tuples(st.integers(0, 900 * MS), conditions), max_size=2),
)
def test_stepping_and_whole_schedules_agree_bit_for_bit(c, schedule, looks, changes):
    gaps, sizes = (np.array(column, np.int64) for column in zip(*schedule, strict=True))
    times = np.cumsum(gaps)
    changes = [c for c in sorted(changes, key=lambda c: c[0]) if c[0] not in looks]
    looks = [at for at in looks if at not in times]
    whole = Channel(c, seed=5).send_many(times, sizes, changes=changes)
    single = stepped(Channel(c, seed=5), times, sizes, looks, changes)
    assert table([*whole, *whole.copies]) == table(single)


@settings(max_examples=200, deadline=None)
@given(conditions, schedules)
def test_every_message_has_one_fate_and_its_parts_sum_to_its_delay(c, schedule):
    gaps, sizes = (np.array(column, np.int64) for column in zip(*schedule, strict=True))
    times = np.cumsum(gaps)
    channel = Channel(c, seed=2)
    transits = stepped(channel, times, sizes, [])
    originals = [t for t in transits if not t.copy]
    assert sorted(t.number for t in originals) == list(range(len(times)))
    for t in transits:
        if t.delivered_ns is not None:
            assert sum(t.parts) == t.delivered_ns - t.sent_ns >= 0
            assert t.delivered_ns >= t.sent_ns
    arrivals = [t for t in originals if t.delivered_ns is not None]
    if not c.reorder and c.enabled:
        by_arrival = [t.delivered_ns for t in sorted(arrivals, key=lambda t: t.number)]
        assert by_arrival == sorted(by_arrival)


@settings(max_examples=60, deadline=None)
@given(
    conditions.map(
        lambda c: c.replace(
            transport="tcp", packet_loss_rate=min(c.packet_loss_rate, 0.1), queue_limit_bytes=None
        )
    ),
    schedules,
    st.lists(st.integers(0, 1500 * MS), max_size=8),
    st.lists(st.tuples(st.integers(0, 900 * MS), conditions), max_size=1),
)
def test_tcp_agrees_too_and_loses_nothing_but_by_a_cut(c, schedule, looks, changes):
    gaps, sizes = (np.array(column, np.int64) for column in zip(*schedule, strict=True))
    times = np.cumsum(gaps)
    looks = [at for at in looks if at not in times and at not in [at for at, _ in changes]]
    whole = Channel(c, seed=5).send_many(times, sizes, changes=changes)
    single = stepped(Channel(c, seed=5), times, sizes, looks, changes)
    assert table([*whole, *whole.copies]) == table(single)
    for t in single:
        if t.delivered_ns is not None:
            assert sum(t.parts) == t.delivered_ns - t.sent_ns
    if not changes and not c.disconnect_rate:
        assert all(t.delivered_ns is not None for t in single)


def test_batch_and_stepping_agree_over_many_blocks():
    c = NetworkConditions(
        latency_ms=20, jitter_ms=9, packet_loss_rate=0.03, disconnect_rate=0, bandwidth_mbps=1,
        queue_limit_bytes=9000,
    )  # fmt: skip
    rng = np.random.default_rng(4)
    times = np.cumsum(rng.exponential(5 * MS, 70_000).astype(np.int64))
    sizes = rng.integers(50, 1200, len(times))
    whole = Channel(c, seed=1).send_many(times, sizes)
    single = {t.number: t.delivered_ns for t in stepped(Channel(c, seed=1), times, sizes, [])}
    assert [single[i] for i in range(len(times))] == [
        None if d < 0 else d for d in whole.delivered_ns.tolist()
    ]
    assert 0.03 < whole.dropped.mean() < 0.5


def test_switched_off_midway_new_messages_overtake_those_in_flight():
    slow = NetworkConditions(latency_ms=100, jitter_ms=0, packet_loss_rate=0, disconnect_rate=0)
    channel = Channel(slow)
    channel.send(0, 10)
    channel.change(1_000_000, slow.replace(enabled=False))
    channel.send(2_000_000, 10)
    arrived = {t.number: t.delivered_ns for t in channel.advance(10**9)}
    assert arrived[1] == 2_000_000
    assert arrived[0] > arrived[1]
    assert "overtake" in next(i.help for i in condition_fields() if i.name == "enabled")
