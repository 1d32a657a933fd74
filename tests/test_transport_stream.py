"""The way through TCP: in order, behind what went before, and lost only by a cut."""

from __future__ import annotations

import numpy as np

from wsim import Channel, Link, NetworkConditions

MS = 1_000_000
TCP = NetworkConditions(
    latency_ms=50, jitter_ms=0, packet_loss_rate=0, disconnect_rate=0, bandwidth_mbps=None,
    transport="tcp",
)  # fmt: skip


def drain(channel: Channel) -> list:
    found = []
    while channel.in_flight:
        found += channel.advance(channel.next_event_ns)
    return found


def test_an_empty_message_takes_a_byte_and_arrives():
    channel = Channel(TCP)
    channel.send(0, 0, token="nothing")
    assert [(t.token, t.delivered_ns) for t in drain(channel)] == [("nothing", 50 * MS)]


def test_nothing_overtakes_the_datagrams_of_before_a_change():
    channel = Channel(TCP.replace(transport="datagram", latency_ms=500))
    channel.send(0, 100)
    channel.change(10 * MS, TCP)
    channel.send(20 * MS, 100)
    first, second = drain(channel)
    assert (first.number, second.number) == (0, 1)
    assert second.delivered_ns == first.delivered_ns == 500 * MS
    assert second.parts[6] == 430 * MS  # waited for the one before


def test_what_is_sent_offline_joins_the_stream_in_order_when_the_client_is_back():
    link = Link(TCP.replace(client_buffer=True))
    link.inbound.send(0, 100)
    link.session.cut(10 * MS)
    for i in range(5):
        link.inbound.send((20 + i) * MS, 100)
    back = link.session.back_ns(20 * MS)
    assert link.inbound.next_event_ns == 10 * MS  # the one that was lost
    assert [t.cause for t in link.inbound.advance(30 * MS)] == ["disconnected"]
    assert link.inbound.next_event_ns == back
    found = drain(link.inbound)
    assert [t.number for t in found] == [1, 2, 3, 4, 5]
    assert all(t.parts[0] == back - t.sent_ns for t in found)


def test_a_closed_direction_gives_up_its_messages_and_hears_no_more_of_them():
    link = Link(TCP)
    link.inbound.send(0, 100)
    link.outbound.send(0, 100)
    assert [t.cause for t in link.inbound.close(20 * MS)] == ["closed"]
    assert [t.delivered_ns for t in drain(link.outbound)] == [50 * MS]
    assert link.inbound.advance(10**10) == []


def test_whole_schedules_leave_the_stream_as_stepping_does():
    lossy = TCP.replace(packet_loss_rate=0.05)
    whole, single = Channel(lossy, seed=2), Channel(lossy, seed=2)
    times = np.arange(400) * 20 * MS
    first = whole.send_many(times, 200)
    for now in times.tolist():
        single.send(now, 200)
    assert [t.delivered_ns for t in drain(single)] == first.delivered_ns.tolist()
    assert not whole.in_flight
    later = int(times[-1]) + 40_000 * MS
    for channel in (whole, single):
        channel.send(later, 5000)
    assert drain(whole) == drain(single)
