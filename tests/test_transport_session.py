"""The session: cuts, back-off as the Socket.IO clients do it, outages that close."""

from __future__ import annotations

import pytest

from wsim import Channel, NetworkConditions
from wsim.transport.session import NEVER, Session

S = 1_000_000_000
STILL = NetworkConditions(
    latency_ms=0, jitter_ms=0, packet_loss_rate=0, disconnect_rate=0, bandwidth_mbps=None
)


def session(conditions: NetworkConditions, seed: int = 0) -> Session:
    return Session(conditions, conditions, seed, 0, lambda at_ns: None)


def windows(effect: str, *spans: tuple[float, float]) -> dict:
    return {"kind": "windows", "windows_s": list(spans), "effect": effect}


@pytest.mark.parametrize(("client", "low", "high"), [("js", 0.5, 1.5), ("python", 0.5, 1.5)])
def test_the_first_attempt_comes_after_about_a_second(client, low, high):
    waits = []
    for seed in range(200):
        s = session(STILL.replace(reconnect_client=client), seed)
        s.cut(7)
        waits.append((s.back_ns(7) - 7) / S)
    assert low <= min(waits) < low + 0.1
    assert high - 0.1 < max(waits) <= high


def test_the_handshake_takes_three_round_trips():
    near, far = (session(STILL.replace(latency_ms=ms)) for ms in (0, 100))
    near.cut(0)
    far.cut(0)
    assert far.back_ns(0) - near.back_ns(0) == 600_000_000


def test_a_client_that_does_not_come_back():
    s = session(STILL.replace(auto_reconnect=False))
    s.cut(5)
    assert s.back_ns(10**15) == NEVER
    assert s.next_event_ns is None
    assert not s.connected(10**15)


def test_an_outage_that_closes_cuts_at_its_start_and_refuses_until_its_end():
    s = session(STILL.replace(outage=windows("close", (10, 40))))
    assert s.next_event_ns == 10 * S
    assert s.connected(10 * S - 1)
    assert not s.connected(10 * S)
    events = s.events(60 * S)
    assert [(e.kind, e.number) for e in events] == [("cut", 1), ("reconnected", 2)]
    assert 40 * S <= events[1].at_ns <= 46 * S


def test_a_half_open_outage_is_noticed_by_the_heartbeat():
    for seed in range(20):
        s = session(STILL.replace(outage=windows("half_open", (10, 100))), seed)
        cut, *_ = s.events(200 * S)
        assert 30 * S <= cut.at_ns <= 55 * S
        back = s.events(10**13) or s.events(0)
        assert s.connected(200 * S), back
    short = session(STILL.replace(outage=windows("half_open", (10, 25))))
    assert short.next_event_ns is None
    keen = STILL.replace(heartbeat_interval_s=2, heartbeat_timeout_s=1)
    cut, *_ = session(keen.replace(outage=windows("half_open", (10, 25)))).events(50 * S)
    assert 11 * S <= cut.at_ns <= 13 * S
    deaf = STILL.replace(heartbeat_interval_s=None, outage=windows("half_open", (10, 100)))
    assert session(deaf).next_event_ns is None


def test_messages_of_an_outage_are_dropped_or_held():
    for effect, fate in (("drop", None), ("hold", 5 * S)):
        channel = Channel(STILL.replace(outage=windows(effect, (2, 5))))
        channel.send(3 * S, 10)
        (transit,) = channel.advance(5 * S)
        assert transit.delivered_ns == fate
        assert transit.cause == ("outage" if fate is None else "")
        assert transit.parts[-1] == (0 if fate is None else 2 * S)


def test_asking_often_or_seldom_makes_no_difference():
    c = STILL.replace(
        outage={"kind": "renewal", "mean_up_s": 20, "mean_down_s": 4, "effect": "close"}
    )
    often, seldom = session(c, 3), session(c, 3)
    seen = [e for at in range(0, 400 * S, S // 3) for e in often.events(at)]
    seen += often.events(400 * S)
    assert seen == seldom.events(400 * S)
    assert len(seen) > 5


def test_a_real_client_that_comes_back_ends_the_back_off():
    s = session(STILL)
    s.cut(0)
    s.resume(S // 10)
    assert s.connected(S // 10)
    assert [(e.kind, e.at_ns) for e in s.events(S)] == [("cut", 0), ("reconnected", S // 10)]
    s.resume(S)
    assert s.number == 2
