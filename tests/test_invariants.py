"""What holds whatever happens: nothing lost track of, order kept, the same seed the same story."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsim import NetworkConditions, Traffic, create_websocket_simulator, run, simulate
from wsim.profiles import PROFILES
from wsim.timeline import Timeline

STRESSED = PROFILES["stressed"].conditions
FLOATS = ("created_s", "sent_s", "delivered_s", "latency_ms")

conditions = st.builds(
    NetworkConditions,
    latency_ms=st.sampled_from([0.0, 1.0, 50.0, 400.0]),
    jitter_ms=st.sampled_from([0.0, 20.0, 200.0]),
    packet_loss_rate=st.sampled_from([0.0, 0.1, 0.6]),
    disconnect_rate=st.sampled_from([0.0, 0.02, 0.3]),
    bandwidth_mbps=st.sampled_from([None, 0.05, 5.0]),
    enabled=st.sampled_from([True, True, True, False]),
    transport=st.sampled_from(["datagram", "datagram", "tcp"]),
    reorder=st.just(False),
    duplicate_rate=st.sampled_from([0.0, 0.2]),
    client_buffer=st.booleans(),
    auto_reconnect=st.sampled_from([True, True, False]),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, 2), st.booleans(), st.integers(0, 300)),
        st.tuples(st.just("wait"), st.sampled_from([0.0, 0.001, 0.05, 2.0])),
        st.tuples(st.just("bad"), st.integers(0, 2)),
        st.tuples(st.just("leave"), st.integers(0, 2)),
        st.tuples(st.just("change"), conditions.map(lambda c: c.to_dict(changed_only=True))),
    ),
    max_size=40,
)

pytestmark = pytest.mark.filterwarnings("ignore::wsim.tcp.law.SaturationWarning")


def tell(network, script, seed):
    """Play a script in virtual time; return the simulator and when each client left."""

    async def main():
        sim = create_websocket_simulator(network, seed=seed, max_history=None)
        clients = [sim.admit().id for _ in range(3)]
        heard, left = [], {}
        sim.on("x", heard.append)
        for number, (kind, *rest) in enumerate(script):
            if kind == "send":
                client, inbound, size = clients[rest[0]], rest[1], rest[2]
                send = sim.receive_nowait if inbound else sim.emit_nowait
                send("x", {"n": number, "filler": "x" * size}, client)
            elif kind == "bad":
                sim.receive_nowait("driveCommands", {"linear": "x"}, clients[rest[0]])
            elif kind == "wait":
                await sim.sleep(rest[0])
            elif kind == "leave":
                if await sim.disconnect(clients[rest[0]]):
                    left[clients[rest[0]]] = sim.now_s
            else:
                # off means no waiting, not even for those before
                changed = {**rest[0], "enabled": network.enabled}
                sim.set_network_conditions(NetworkConditions.from_dict(changed))
        await sim.sleep(10_000)
        return sim, heard, left

    return run(main())


@settings(max_examples=150, deadline=None)
@given(conditions, steps, st.integers(0, 3))
def test_nothing_is_lost_track_of(network, script, seed):
    sim, heard, left = tell(network, script, seed)
    frame, stats = sim.history, sim.stats
    own = frame[frame["copy"] == 0]
    asked = sum(kind in ("send", "bad") for kind, *_ in script)
    fates = own["fate"].value_counts()
    assert len(own) == asked
    assert fates["delivered"] + fates["dropped"] + fates["refused"] == asked
    assert stats["messages_in_flight"] == 0
    # counted as recorded
    outbound = own["direction"] == "outbound"
    delivered = own["fate"] == "delivered"
    assert stats["messages_sent"] == outbound.sum()
    assert stats["messages_received"] == (delivered & ~outbound).sum()
    assert stats["messages_delivered"] == delivered.sum()
    assert stats["messages_dropped"] == own["dropped"].sum()
    assert stats["validation_errors"] == fates["refused"]
    assert stats["duplicates"] == ((frame["copy"] > 0) & (frame["fate"] == "delivered")).sum()
    mean = own["latency_ms"][delivered].mean()
    assert stats["avg_latency_ms"] == pytest.approx(0.0 if np.isnan(mean) else mean)
    # heard as recorded
    inbound_x = (frame["direction"] == "inbound") & (frame["event_name"] == "x")
    assert len(heard) == (inbound_x & (frame["fate"] == "delivered")).sum()
    # never before it was sent, in order, and never after the client left
    arrived = frame[frame["fate"].isin(["delivered", "refused"])]
    assert (arrived["delivered_s"] >= arrived["created_s"]).all()
    for _, one_way in arrived[arrived["copy"] == 0].groupby(
        ["client_id", "direction"], observed=True
    ):
        assert one_way.sort_values("message_id")["delivered_s"].is_monotonic_increasing
    for client, at in left.items():
        assert not (arrived["delivered_s"][arrived["client_id"] == client] > at).any()
    # the parts are the whole
    parts = arrived.filter(regex="(queue|buffer|serial|propag|jitter|retrans|head|outage).*_ms$")
    assert np.allclose(parts.sum(axis=1), arrived["latency_ms"], atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(conditions, steps, st.integers(0, 3))
def test_the_same_seed_tells_the_same_story(network, script, seed):
    first, second = tell(network, script, seed)[0], tell(network, script, seed)[0]
    assert first.history.equals(second.history)


TRAFFIC = (
    Traffic.periodic("driveCommands", 20, size_bytes=60)
    + Traffic.periodic("cameraFeed", 5, size_bytes=30_000, direction="outbound")
    + Traffic.poisson("sensorData", 3, size_bytes=100, direction="outbound")
)
TUNNEL = (
    Timeline()
    .at(10.001, profile="lte")
    .at(15.0003, outage="hold", for_s=2)
    .at(20.0007, set={"transport": "tcp"})
    .at(23.0001, set={"transport": "datagram", "bandwidth_mbps": 0.3, "duplicate_rate": 0.1})
    .at(25.0009, restore=True)
)


def played(network, seed, clients, timeline, clock="virtual", traffic=TRAFFIC, duration_s=30):
    async def main():
        sim = create_websocket_simulator(network, seed=seed, max_history=None)
        steering = None if timeline is None else asyncio.create_task(sim.play(timeline))
        await asyncio.sleep(0)
        await sim.play_traffic(traffic, duration_s=duration_s, clients=clients)
        if steering is not None:
            await steering
        await sim.sleep(50_000 if clock == "virtual" else 3)
        return sim.history

    return run(main(), clock)


def sorted_rows(frame, drop=("seq",)):
    return frame.sort_values(["message_id", "copy"]).drop(columns=list(drop)).reset_index(drop=True)


NETWORKS = {
    "perfect": "perfect",
    "default": "default",
    "stressed": "stressed",
    "mars": "mars",
    "copies": STRESSED.replace(duplicate_rate=0.1, reorder=True),
    "damage": STRESSED.replace(corrupt_rate=0.2),
    "buffer": STRESSED.replace(client_buffer=True),
    "final": STRESSED.replace(auto_reconnect=False),
    "queue": STRESSED.replace(bandwidth_mbps=0.5, queue_limit_messages=5, disconnect_rate=0.0),
    "priority": STRESSED.replace(bandwidth_mbps=0.5, priority_events=("driveCommands",)),
    "tcp": STRESSED.replace(transport="tcp", disconnect_rate=0.0),
    "tcp cut": STRESSED.replace(transport="tcp"),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("timeline", [None, TUNNEL], ids=["steady", "tunnel"])
def test_virtual_time_and_batch_agree_to_the_last_bit(name, timeline):
    network = NETWORKS[name]
    live = sorted_rows(played(network, 5, 2, timeline))
    batch = simulate(TRAFFIC, network, duration_s=30, seed=5, clients=2, timeline=timeline)
    batch = sorted_rows(batch)
    assert len(live) == len(batch) > 1500
    # a batch gives up on what is not there an hour after the last send
    settled = batch["fate"] != "in_flight"
    assert (live["delivered_s"][~settled] > 3600).all()
    live, batch = live[settled], batch[settled]
    arrived = live["fate"] == "delivered"
    for column in live.columns:
        left, right = live[column], batch[column]
        if column == "profile":  # in force when the fate was settled; batch knows arrivals only
            left, right = left[arrived], right[arrived]
        if left.dtype == "category":
            left, right = left.astype(str), right.astype(str)
        assert left.equals(right), column


def test_rows_come_in_the_order_of_decision_in_both():
    live = played("perfect", 5, 1, None)
    assert live["delivered_s"].is_monotonic_increasing
    batch = simulate(TRAFFIC, "stressed", duration_s=30, seed=5)
    decided = batch["delivered_s"].fillna(batch["created_s"])
    assert decided.is_monotonic_increasing


@pytest.mark.realtime
def test_live_runs_draw_as_virtual_ones_do():
    network = STRESSED.replace(disconnect_rate=0.0, bandwidth_mbps=None)
    traffic = Traffic.periodic("driveCommands", 20, size_bytes=60)
    live = sorted_rows(played(network, 7, 1, None, clock=10.0, traffic=traffic))
    virtual = sorted_rows(played(network, 7, 1, None, traffic=traffic))
    assert live["fate"].tolist() == virtual["fate"].tolist()
    assert np.allclose(live["jitter_ms"].fillna(0), virtual["jitter_ms"].fillna(0))
    assert np.median(np.abs(live["created_s"] - virtual["created_s"])) < 0.2
    assert (live["lateness_ms"].dropna() >= 0).all()


def test_clients_do_not_disturb_each_other():
    alone = simulate(TRAFFIC, "stressed", duration_s=20, seed=3, clients=1)
    many = simulate(TRAFFIC, "stressed", duration_s=20, seed=3, clients=3)
    first = many[many["client_id"] == "client-1"]
    for column in FLOATS:
        assert np.array_equal(alone[column], first[column], equal_nan=True)
