"""The link: two directions, one session, whole schedules both ways."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsim import Channel, Link, NetworkConditions
from wsim.errors import ConditionsError
from wsim.link import Schedule

MS = 1_000_000
STILL = NetworkConditions(
    latency_ms=20, jitter_ms=3, packet_loss_rate=0.02, disconnect_rate=0, bandwidth_mbps=5
)


def test_directions_have_streams_and_conditions_of_their_own():
    link = Link(STILL.replace(outbound={"latency_ms": 80}), seed=1)
    times = np.arange(500) * 20 * MS
    down, up = link.send_many(Schedule(times, 100), Schedule(times, 100))
    assert np.median((down.delivered_ns - times)[~down.dropped]) < 30 * MS
    assert np.median((up.delivered_ns - times)[~up.dropped]) > 70 * MS
    assert not np.array_equal(down.dropped, up.dropped)


def test_a_cut_loses_both_directions():
    link = Link(STILL.replace(packet_loss_rate=0))
    link.inbound.send(0, 10)
    link.outbound.send(0, 10)
    link.session.cut(5 * MS)
    assert link.inbound.advance(5 * MS)[0].cause == "disconnected"
    assert link.outbound.advance(5 * MS)[0].cause == "disconnected"
    assert link.next_event_ns == link.session.back_ns(5 * MS)


def test_a_change_reaches_both_directions_and_close_ends_them():
    link = Link(STILL)
    link.change(0, STILL.replace(latency_ms=1, jitter_ms=0, packet_loss_rate=0))
    link.inbound.send(0, 0)
    link.outbound.send(0, 0)
    assert link.next_event_ns == MS
    inbound, outbound = link.close(0)
    assert [t.cause for t in inbound + outbound] == ["closed", "closed"]


def rows(transits):
    return [(t.number, t.delivered_ns, t.cause, t.parts) for t in transits]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([0.0, 0.02]),
    st.sampled_from(["datagram", "tcp"]),
    st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=120),
)
def test_schedules_both_ways_equal_stepping(disconnect_rate, transport, script):
    c = STILL.replace(disconnect_rate=disconnect_rate, transport=transport)
    at = np.cumsum([gap for gap, _ in script]) * MS
    inward = np.array([inward for _, inward in script])
    times = (at[inward], at[~inward])
    whole = Link(c, seed=4).send_many(Schedule(times[0], 99), Schedule(times[1], 99))
    link = Link(c, seed=4)
    order = sorted([(t, 0) for t in times[0].tolist()] + [(t, 1) for t in times[1].tolist()])
    for now, side in order:
        (link.inbound, link.outbound)[side].send(now, 99)
    single = [[], []]
    while link.inbound.in_flight or link.outbound.in_flight:
        due = link.next_event_ns
        single[0] += link.inbound.advance(due)
        single[1] += link.outbound.advance(due)
    for side in (0, 1):
        assert rows(whole[side]) == sorted(rows(single[side]))


def test_changes_come_before_sends_of_the_same_instant():
    times = np.arange(10) * 10 * MS
    fast = STILL.replace(latency_ms=1, jitter_ms=0, packet_loss_rate=0, bandwidth_mbps=None)
    slow = fast.replace(latency_ms=50)
    down, _ = Link(fast).send_many(Schedule(times, 9), changes=[(50 * MS, slow)])
    assert (down.delivered_ns - times).tolist() == [MS] * 5 + [50 * MS] * 5


@pytest.mark.parametrize("wrong", ["default", {"latency_ms": 3}, None])
def test_what_are_no_conditions_is_named(wrong):
    for make in (Link, Channel):
        with pytest.raises(ConditionsError, match="is not a NetworkConditions; for a profile give"):
            make(wrong)
    link = Link(NetworkConditions())
    for changing in (link, link.inbound):
        with pytest.raises(ConditionsError, match="is not a NetworkConditions"):
            changing.change(0, wrong)
    assert link.inbound.conditions == NetworkConditions()


def test_schedules_that_do_not_fit_are_refused_and_leave_the_channel_as_it_was():
    channel = Channel(NetworkConditions())
    with pytest.raises(ConditionsError, match=r"shape \(1,\) and sizes of shape \(2,\) do not fit"):
        channel.send_many([1], [5, 5])
    with pytest.raises(ConditionsError, match="before the start of the run"):
        channel.send_many([-1, 2], [5, 5])
    assert channel.send(0, 10) == 0
