"""The heartbeat over TCP: nothing changes until a deadline is missed, then both ends know it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsim import Channel, Link, NetworkConditions, Traffic, create_websocket_simulator, simulate
from wsim.link import Schedule
from wsim.profiles import PROFILES
from wsim.serving.door import Door
from wsim.transport.heartbeat import NEVER, Heartbeat, Regime, Way

S = 1_000_000_000
MS = 1_000_000
TCP = NetworkConditions(
    latency_ms=50, jitter_ms=0, packet_loss_rate=0, disconnect_rate=0, bandwidth_mbps=None,
    transport="tcp",
)  # fmt: skip
OUT = {"kind": "windows", "windows_s": [(60, 180)]}


def events(link: Link, until_s: float) -> list[tuple[float, str, str]]:
    found = link.session.events(int(until_s * S))
    return [(round(e.at_ns / S, 3), e.kind, e.cause) for e in found]


def drain(link: Link) -> list[list]:
    found: list[list] = [[], []]
    while link.inbound.in_flight or link.outbound.in_flight:
        due = link.next_event_ns
        found[0] += link.inbound.advance(due)
        found[1] += link.outbound.advance(due)
    return found


def rows(transits) -> list[tuple]:
    return sorted((t.number, t.delivered_ns, t.cause, t.parts) for t in transits)


# -- one deadline after the other --------------------------------------------------------------


def test_an_idle_connection_lives_and_its_pings_keep_their_distance():
    beat = Heartbeat()
    beat.configure(0, TCP, TCP, None, connected=True)
    deadlines = []
    for _ in range(6):
        deadlines.append(beat.due_ns)
        assert not beat.missed()
    # the client waits 45 s after each ping, the server 20 s after each of its own
    assert [at / S for at in deadlines] == [45, 45, 70.05, 70.1, 95.15, 95.2]


def test_a_ping_arrives_with_what_was_sent_before_it():
    way = Way()
    way.enter(Regime(0, 50 * MS, 300 * MS, None))
    for number, (sent, delivered) in enumerate([(0, 1 * S), (2 * S, 9 * S), (3 * S, None)]):
        way.note_sent(number, sent)
        if delivered is not None:
            way.note_delivered(number, delivered)
    assert way.arrival_ns(S // 2, 20 * S) == S
    assert way.arrival_ns(S, 20 * S) == S + 50 * MS
    assert way.arrival_ns(2 * S, 20 * S) == 9 * S
    assert way.arrival_ns(3 * S, 20 * S) == NEVER
    way.forget(2 * S)
    assert way.arrival_ns(2 * S, 20 * S) == 9 * S


def test_short_intervals_forget_nothing_too_early():
    c = TCP.replace(heartbeat_interval_s=0.2, heartbeat_timeout_s=5)
    beat = Heartbeat()
    beat.configure(0, c, c, None, connected=True)
    sent = [0, S // 4, 3 * S]
    for number, (now, delivered) in enumerate(zip(sent, [S // 10, 9 * S, 10 * S], strict=True)):
        beat.ways["outbound"].note_sent(number, now)
        beat.ways["outbound"].note_delivered(number, delivered)
    # the ping of 0.2 s crosses at once, that of 0.5 s waits behind what was sent at 0.25 s
    assert not beat.missed()
    assert not beat.missed()
    assert (beat.due_ns, beat.missed()) == (S // 4 + (200 + 5000) * MS, True)


def test_an_outage_is_tried_again_at_twice_the_distance():
    link = Link(TCP.replace(outage={"kind": "windows", "windows_s": [(10, 20)]}))
    way = link.session.heartbeat.ways["inbound"]
    # 10 s, then after 0.3, 0.6, 1.2, 2.4, 4.8 and 9.6 s
    assert way.arrival_ns(10 * S, 100 * S) == (10 + 18.9) * S + 50 * MS
    assert way.arrival_ns(10 * S, 15 * S) == NEVER


# -- who gives up, and when --------------------------------------------------------------------


def test_the_client_gives_up_where_pings_wait_behind_frames():
    link = Link(TCP.replace(bandwidth_mbps=1))
    times = np.arange(0, 60 * S, 33 * MS)
    down, up = link.send_many(outbound=Schedule(times, 12_000))
    assert len(down) == 0
    cut, back = events(link, 50)
    assert cut == (45.0, "cut", "ping_timeout")
    assert back[1] == "reconnected"
    assert 45.5 < back[0] < 46.9
    first = times < 45 * S
    assert up.delivered_ns[first].max() <= 45 * S
    assert set(up.cause[first]) == {"", "disconnected"}
    assert (up.cause[(times >= 45 * S) & (times < back[0] * S)] == "not_connected").all()


def test_the_server_gives_up_where_answers_wait_behind_commands():
    link = Link(TCP.replace(outbound={"bandwidth_mbps": None}, bandwidth_mbps=0.02))
    link.send_many(Schedule(np.arange(0, 60 * S, 20 * MS), 200))
    assert events(link, 50)[0] == (45.0, "cut", "ping_timeout")
    late = Link(TCP.replace(outbound={"bandwidth_mbps": None}, bandwidth_mbps=0.02))
    late.send_many(Schedule(np.arange(26 * S, 100 * S, 20 * MS), 200))
    # the second ping leaves at 50.1 s; its answer is missed 20 s later, when the client, who
    # got that ping, would have waited on
    assert events(late, 80)[0] == (70.1, "cut", "ping_timeout")


@pytest.mark.parametrize("effect", ["drop", "hold", "half_open"])
def test_a_long_outage_is_noticed_and_the_client_comes_back_after_it(effect):
    link = Link(TCP.replace(outage={**OUT, "effect": effect}))
    times = np.arange(0, 200 * S, 50 * MS)
    down, _ = link.send_many(Schedule(times, 100))
    cut, back = events(link, 200)
    assert cut == (95.15, "cut", "ping_timeout")  # 45 s after the ping of 50.1 s came
    assert 180 < back[0] < 190
    assert down.delivered_ns.max() > 199 * S
    assert (down.cause[(times > 61 * S) & (times < 95 * S)] == "disconnected").all()


def test_what_the_client_buffer_holds_is_flushed_in_the_new_session():
    link = Link(TCP.replace(outage=OUT, client_buffer=True))
    times = np.arange(0, 200 * S, 50 * MS)
    down, _ = link.send_many(Schedule(times, 100))
    cut, back = events(link, 200)
    waited = (times >= cut[0] * S) & (times < back[0] * S)
    assert waited.sum() > 1000
    assert (down.delivered_ns[waited] >= back[0] * S).all()
    assert down.parts[waited, 0].max() > 80 * S


def test_short_outages_pass_unnoticed():
    windows = {"kind": "windows", "windows_s": [(26, 45)]}
    link = Link(TCP.replace(outage=windows))
    down, _ = link.send_many(Schedule(np.arange(0, 100 * S, 50 * MS), 100))
    assert events(link, 100) == []
    assert not down.dropped.any()


def test_no_connection_to_mars_lasts_unless_heartbeats_are_off():
    far = PROFILES["mars"].conditions.replace(transport="tcp")
    drive = Traffic.periodic("driveCommands", 1, size_bytes=60)
    assert simulate(drive, far, duration_s=60)["dropped"].all()
    patient = far.replace(heartbeat_interval_s=None)
    assert not simulate(drive, patient, duration_s=60)["dropped"].any()
    assert not simulate(drive, "mars", duration_s=60)["dropped"].any()


def test_a_change_of_the_latency_does_not_reach_pings_that_came_through():
    link = Link(TCP)
    link.change(26 * S, TCP.replace(latency_ms=30_000))
    assert link.session.connected(46 * S)
    assert not link.session.connected(100 * S)


# -- where there is no heartbeat ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["default", "stressed", "mars", "lte_driving"])
def test_datagrams_know_no_heartbeat(name):
    drive = Traffic.periodic("driveCommands", 20, size_bytes=60)
    c = PROFILES[name].conditions
    frames = [
        simulate(drive, c.replace(heartbeat_interval_s=every), duration_s=100, seed=3)
        for every in (25, None)
    ]
    assert frames[0].equals(frames[1])


def test_real_clients_send_pings_of_their_own():
    link = Link(TCP.replace(outage={**OUT, "effect": "hold"}))
    Door(link)
    assert events(link, 1000) == []
    link.change(1000 * S, TCP.replace(heartbeat_timeout_s=1))
    assert events(link, 2000) == []


def test_a_perfect_link_needs_none():
    link = Link(TCP.replace(latency_ms=0))
    assert link.session.steady
    link.change(0, TCP)
    assert not link.session.steady
    assert link.next_event_ns == 45 * S


@pytest.mark.wsim
async def test_a_client_counts_from_when_it_connects():
    closing = {**OUT, "effect": "close"}
    sim = create_websocket_simulator("perfect", seed=1)
    sim.set_network_conditions(TCP.replace(outage=closing))
    await sim.sleep(200)
    name = await sim.connect()
    assert await sim.receive("driveCommands", {"linear": 0.1}, name)
    states = [entry["state"] for entry in sim.history.attrs["wsim"]["run-1"]["connections"]]
    assert states == ["connected"]


# -- live, in steps and whole schedules: the same ----------------------------------------------

quick = st.builds(
    TCP.replace,
    latency_ms=st.sampled_from([0.0, 5.0, 80.0]),
    packet_loss_rate=st.sampled_from([0.0, 0.05]),
    bandwidth_mbps=st.sampled_from([None, 0.1, 1.0]),
    heartbeat_interval_s=st.sampled_from([0.2, 0.5, 25.0]),
    heartbeat_timeout_s=st.sampled_from([0.1, 0.3]),
    client_buffer=st.booleans(),
    outage=st.sampled_from(
        [None, {"kind": "windows", "windows_s": [(0.3, 2.0)]},
         {"kind": "windows", "windows_s": [(0.3, 0.9)], "effect": "half_open"}]
    ),
)  # fmt: skip
script = st.lists(
    st.tuples(st.integers(0, 100), st.integers(1, 4000), st.booleans()), min_size=1, max_size=80
)


@settings(max_examples=150, deadline=None)
@given(quick, script, st.lists(st.integers(0, 6000), max_size=12), st.booleans())
def test_looking_often_or_seldom_makes_no_difference(c, script, looks, change):
    at = (np.cumsum([gap for gap, _, _ in script]) + 1) * MS
    sizes = np.array([size for _, size, _ in script])
    inward = np.array([inward for _, _, inward in script])
    changes = [(int(at[len(at) // 2]), c.replace(latency_ms=30))] if change else []
    whole = Link(c, seed=4)
    ways = [Schedule(at[side], sizes[side]) for side in (inward, ~inward)]
    expected = whole.send_many(*ways, list(changes))
    link, found = Link(c, seed=4), [[], []]
    looks = sorted(look * MS + 7 for look in looks)  # at no instant of a send
    for now, size, side in zip(at.tolist(), sizes.tolist(), (~inward).tolist(), strict=True):
        while looks and looks[0] < now:
            look = looks.pop(0)
            found[0] += link.inbound.advance(look)
            found[1] += link.outbound.advance(look)
        while changes and changes[0][0] <= now:
            link.change(*changes.pop(0))
        (link.inbound, link.outbound)[side].send(now, size)
    rest = drain(link)
    for side in (0, 1):
        assert rows(expected[side]) == rows(found[side] + rest[side])
    assert whole.session.events(60 * S) == link.session.events(60 * S)


@settings(max_examples=100, deadline=None)
@given(quick, script, st.integers(0, 30))
def test_a_channel_that_sends_whole_schedules_steps_alike(c, script, later_s):
    at = (np.cumsum([gap for gap, _, _ in script]) + 1) * MS
    sizes = np.array([size for _, size, _ in script])
    whole, single = Channel(c, seed=2), Channel(c, seed=2)
    for shift in (0, int(at[-1]) + later_s * S):
        found = []
        for now, size in zip((at + shift).tolist(), sizes.tolist(), strict=True):
            single.send(now, size)
        while single.in_flight:
            found += single.advance(single.next_event_ns)
        assert rows(whole.send_many(at + shift, sizes)) == rows(found)
    end = 2 * int(at[-1]) + 60 * S
    assert whole.session.events(end) == single.session.events(end)


@settings(max_examples=60, deadline=None)
@given(quick, script)
def test_a_heartbeat_that_is_not_missed_changes_nothing(c, script):
    at = (np.cumsum([gap for gap, _, _ in script]) + 1) * MS
    sizes = np.array([size for _, size, _ in script])
    c = c.replace(heartbeat_timeout_s=1000, heartbeat_interval_s=0.2)
    fates = [Link(d, seed=6) for d in (c, c.replace(heartbeat_interval_s=None))]
    plain, without = (link.send_many(Schedule(at, sizes), Schedule(at, sizes)) for link in fates)
    for side in (0, 1):
        assert rows(plain[side]) == rows(without[side])


@pytest.mark.wsim
async def test_a_live_run_is_cut_as_a_batch_is():
    c = TCP.replace(bandwidth_mbps=0.5, packet_loss_rate=0.01)
    frames = Traffic.periodic("cameraFeed", 15, size_bytes=9000, direction="outbound")
    traffic = Traffic.periodic("driveCommands", 10, size_bytes=100) + frames
    batch = simulate(traffic, c, duration_s=120, seed=9)
    sim = create_websocket_simulator("perfect", seed=9)
    sim.set_network_conditions(c)
    await sim.play_traffic(traffic, duration_s=120)
    await sim.sleep(100)
    columns = ["created_s", "delivered_s", "direction", "session", "cause"]
    key = ["created_s", "direction"]
    live = sim.history[columns].astype({"direction": str, "cause": str}).sort_values(key)
    expected = batch[columns].astype({"direction": str, "cause": str}).sort_values(key)
    assert live.reset_index(drop=True).equals(expected.reset_index(drop=True))
    assert batch["session"].max() >= 3


def test_a_ping_meets_the_conditions_of_when_it_was_sent():
    link = Link(TCP)
    for second in range(26, 60):  # many changes between a ping and its deadline
        link.change(second * S, TCP.replace(latency_ms=second))
    link.change(60 * S, TCP.replace(latency_ms=40_000))
    assert link.session.connected(80 * S)
    cut = events(link, 200)[0]
    assert cut[1:] == ("cut", "ping_timeout")
    # the ping of 50.1 s came at once; the next one, of 75.2 s, would take 40 s
    assert 95 < cut[0] < 95.3
