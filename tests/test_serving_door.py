"""The door: control packets keep their place, messages meet the fates of their channel."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsim.channel import Channel
from wsim.conditions import NetworkConditions
from wsim.link import Link
from wsim.serving.door import Door
from wsim.serving.packets import Assembler, encode_event

MS = 1_000_000
CLEAN = {"packet_loss_rate": 0, "disconnect_rate": 0, "bandwidth_mbps": None, "jitter_ms": 0}
FAR = 10**15


def conditions(**changes):
    return NetworkConditions(**{**CLEAN, "latency_ms": 50, **changes})


def unit(frame, *more):
    assembler = Assembler()
    return next(unit for piece in (frame, *more) for unit in assembler.feed(piece))


def event(number, name="drive"):
    return unit(*encode_event(name, [{"n": number}]))


def run_to(door, until_ns):
    """Step from event to event, as a pump does; return (time, passage)."""
    found = []
    while (due := door.next_event_ns) is not None and due <= until_ns:
        found += [(due, passage) for passage in door.advance(due)]
        door.link.session.events(due)
    return found


@pytest.fixture
def door():
    return Door(Link(conditions()))


def test_a_message_crosses_in_the_latency(door):
    route = SimpleNamespace(backlog_bytes=0)
    door.put(0, "inbound", event(1), route)
    ((at, passage),) = run_to(door, FAR)
    assert at == passage.transit.delivered_ns == 50 * MS
    assert passage.passes
    assert passage.cargo.route is route


def test_a_heartbeat_crosses_in_the_latency_and_takes_no_number(door):
    door.put(0, "outbound", unit("2"))
    door.put(0, "outbound", event(1))
    passages = run_to(door, FAR)
    assert [at for at, _ in passages] == [50 * MS, 50 * MS]
    assert [p.cargo.unit.kind for _, p in passages] == ["control", "event"]
    assert passages[1][1].transit.number == 0


def test_control_waits_behind_an_earlier_message_and_goes_before_a_later_one():
    door = Door(Link(conditions(bandwidth_mbps=1)))
    big = unit("42" + '["pic","' + "x" * 12_500 + '"]')
    door.put(0, "inbound", big)
    door.put(1, "inbound", unit("3"))
    door.put(2, "inbound", event(2))
    passages = run_to(door, FAR)
    kinds = [p.cargo.unit.name for _, p in passages]
    assert kinds == ["EVENT", "pong", "EVENT"]
    assert passages[0][0] >= 150 * MS
    assert passages[1][0] >= passages[0][0]


def test_control_is_not_lost_at_random():
    door = Door(Link(conditions(packet_loss_rate=1.0)))
    for number in range(20):
        door.put(number * MS, "inbound", unit("3"))
        door.put(number * MS, "inbound", event(number))
    passages = [p for _, p in run_to(door, FAR)]
    assert sum(p.passes for p in passages) == 20
    assert {p.transit.cause for p in passages if not p.passes} == {"loss"}


def test_conditions_that_are_off_let_control_through_at_once():
    door = Door(Link(conditions(enabled=False)))
    door.put(5, "inbound", unit("2"))
    assert [at for at, _ in run_to(door, FAR)] == [5]


def test_beyond_the_bounds_messages_overflow():
    door = Door(Link(conditions()), max_in_flight=3)
    for number in range(5):
        door.put(0, "inbound", event(number))
    passages = [p for _, p in run_to(door, FAR)]
    assert [p.transit.cause for p in passages] == ["overflow", "overflow", "", "", ""]
    assert door.in_flight == 0


def test_what_the_far_side_has_not_taken_counts():
    slow = SimpleNamespace(backlog_bytes=1000)
    door = Door(Link(conditions()), max_in_flight_bytes=1010)
    door.put(0, "outbound", event(1), slow)
    ((_, passage),) = run_to(door, FAR)
    assert passage.transit.cause == "overflow"


def test_a_failure_of_the_client_swallows_everything_and_draws_nothing():
    door = Door(Link(conditions(packet_loss_rate=0.5), seed=3))
    door.lanes["inbound"].swallow(0, event(1), None)
    door.lanes["inbound"].swallow(0, unit("3"), None)
    door.put(0, "inbound", event(2))
    causes = [p.transit.cause for _, p in run_to(door, FAR)]
    assert causes[:2] == ["outage", "outage"]
    assert run_to(door, FAR) == []


def test_a_lost_transport_loses_what_is_under_way(door):
    door.put(0, "outbound", event(1))
    door.put(0, "outbound", unit("2"))
    door.disconnected(10 * MS)
    passages = [p for _, p in run_to(door, 10 * MS)]
    assert sorted(p.transit.cause for p in passages) == ["disconnected", "disconnected"]
    assert not door.link.session.connected(10 * MS)
    door.link.session.resume(20 * MS)
    assert door.link.session.number == 2


def test_nothing_passes_between_the_cut_and_the_return(door):
    door.disconnected(0)
    door.put(1, "inbound", event(1))
    door.put(1, "inbound", unit("2"))
    passages = [p for _, p in run_to(door, 2)]
    assert {p.transit.cause for p in passages} == {"not_connected"}


@pytest.mark.parametrize("effect", ["drop", "hold"])
def test_an_outage_swallows_or_holds_heartbeats_and_messages_alike(effect):
    outage = {"kind": "windows", "windows_s": [[0.1, 1.1]], "effect": effect}
    door = Door(Link(conditions(outage=outage)))
    for at in (90 * MS, 200 * MS, 1200 * MS):
        door.put(at - 1, "inbound", unit("3"))
        door.put(at, "inbound", event(at))
    passages = run_to(door, FAR)
    assert len(passages) == 6
    out = [(at // MS, p.cargo.unit.kind) for at, p in passages if p.passes]
    held = [(1150, "control"), (1150, "event")] if effect == "hold" else []
    assert sorted(out) == sorted(
        [(139, "control"), (140, "event"), *held, (1249, "control"), (1250, "event")]
    )
    causes = {p.transit.cause for _, p in passages if not p.passes}
    assert causes == (set() if effect == "hold" else {"outage"})


def test_an_outage_that_closes_cuts_the_session():
    outage = {"kind": "windows", "windows_s": [[0.1, 0.5]], "effect": "close"}
    link = Link(conditions(outage=outage))
    door = Door(link)
    assert door.next_event_ns == 100 * MS
    list(door.advance(100 * MS))
    assert [event.kind for event in link.session.events(100 * MS)] == ["cut"]


sends = st.lists(
    st.tuples(
        st.integers(0, 30),  # ms since the one before
        st.sampled_from(["inbound", "outbound"]),
        st.sampled_from(["event", "ack", "control"]),
    ),
    max_size=60,
)
networks = st.builds(
    lambda latency, jitter, loss, rate, seed: (
        conditions(
            latency_ms=latency, jitter_ms=jitter, packet_loss_rate=loss, bandwidth_mbps=rate
        ),
        seed,
    ),
    st.sampled_from([0, 1, 40]),
    st.sampled_from([0, 15]),
    st.sampled_from([0, 0.3]),
    st.sampled_from([None, 0.05]),
    st.integers(0, 1000),
)


def made(kind, number):
    if kind == "control":
        return unit("2")
    return event(number) if kind == "event" else unit(f"43{number}[]")


@settings(max_examples=150, deadline=None)
@given(sends, networks)
def test_order_conservation_and_the_fates_of_a_bare_channel(script, network):
    setting, seed = network
    door = Door(Link(setting, seed=seed))
    bare = {name: Channel(setting, seed=seed, direction=name) for name in door.lanes}
    now = put = 0
    passages, expected = [], {name: [] for name in door.lanes}
    for number, (gap, direction, kind) in enumerate(script):
        now += gap * MS
        passages += run_to(door, now - 1)
        packet = made(kind, number)
        door.put(now, direction, packet)
        put += 1
        if kind != "control":
            bare[direction].send(now, packet.size, event=packet.event)
    passages += run_to(door, FAR)
    assert len(passages) == put
    assert door.in_flight == 0
    for name in door.lanes:
        mine = [(at, p) for at, p in passages if p.direction == name]
        out = [p.cargo.order for _, p in mine if p.passes]
        assert out == sorted(out), "what is sent first comes out first"
        assert all(at >= p.cargo.sent_ns for at, p in mine)
        expected[name] = [(t.number, t.delivered_ns, t.cause) for t in bare[name].advance(FAR)]
        fates = [p.transit for _, p in mine if p.transit is not None]
        assert sorted((t.number, t.delivered_ns, t.cause) for t in fates) == sorted(expected[name])
