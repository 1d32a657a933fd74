"""The connection: TCP lives as long as its session."""

from __future__ import annotations

from wsim import Link, NetworkConditions

MS = 1_000_000
TCP = NetworkConditions(
    latency_ms=50, jitter_ms=0, packet_loss_rate=0, disconnect_rate=0, bandwidth_mbps=None,
    transport="tcp",
)  # fmt: skip


def test_a_cut_loses_what_tcp_holds_and_a_new_connection_serves_the_next_session():
    link = Link(TCP)
    link.inbound.send(0, 200, token="old")
    link.session.cut(10 * MS)
    assert [t.cause for t in link.inbound.advance(10 * MS)] == ["disconnected"]
    back = link.session.back_ns(10 * MS)
    link.inbound.send(back, 200, token="new")
    found = []
    while link.inbound.in_flight:
        found += link.inbound.advance(link.next_event_ns)
    assert [(t.token, t.delivered_ns) for t in found] == [("new", back + 50 * MS)]


def test_tcp_may_be_switched_on_and_off_with_messages_under_way():
    link = Link(TCP.replace(transport="datagram", latency_ms=200))
    link.inbound.send(0, 100)
    link.change(10 * MS, TCP)
    link.inbound.send(20 * MS, 100)
    link.change(30 * MS, TCP.replace(transport="datagram", latency_ms=1))
    link.inbound.send(40 * MS, 100)
    found = []
    while link.inbound.in_flight:
        found += link.inbound.advance(link.next_event_ns)
    assert [t.fate for t in found] == ["delivered"] * 3
    assert all(sum(t.parts) == t.delivered_ns - t.sent_ns for t in found)
    assert found[0].delivered_ns == 200 * MS


def test_messages_of_the_client_buffer_go_through_the_new_connection():
    link = Link(TCP.replace(client_buffer=True))
    link.session.cut(0)
    for i in range(3):
        link.inbound.send(i * 20 * MS, 100)
    back = link.session.back_ns(0)
    found = []
    while link.inbound.in_flight:
        found += link.inbound.advance(link.next_event_ns)
    assert [t.number for t in found] == [0, 1, 2]
    assert found[0].delivered_ns == back + 50 * MS
    assert found[1].parts[0] == back - 20 * MS


def test_an_outage_set_later_reaches_tcp():
    link = Link(TCP)
    link.inbound.send(0, 100)
    windows = {"kind": "windows", "windows_s": [(1, 3)]}
    link.change(100 * MS, TCP.replace(outage=windows))
    link.inbound.send(1500 * MS, 100)
    found = []
    while link.inbound.in_flight:
        found += link.inbound.advance(link.next_event_ns)
    assert found[0].delivered_ns == 50 * MS
    assert found[1].delivered_ns >= 3000 * MS


def test_the_client_buffer_is_flushed_before_what_the_server_sends_later():
    fates = []
    for looks in (False, True):
        link = Link(TCP.replace(client_buffer=True, bandwidth_mbps=1, packet_loss_rate=0.2), seed=3)
        link.session.cut(0)
        for i in range(50):
            link.inbound.send(i * 20 * MS, 900)
        back = link.session.back_ns(0)
        if looks:
            link.inbound.advance(back)
        for i in range(20):
            link.outbound.send(back + i * 10 * MS, 1200)
        found = []
        while link.inbound.in_flight or link.outbound.in_flight:
            due = link.next_event_ns
            found += link.inbound.advance(due) + link.outbound.advance(due)
        fates.append(sorted((t.sent_ns, t.delivered_ns) for t in found))
    assert fates[0] == fates[1]
