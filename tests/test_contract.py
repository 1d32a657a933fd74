"""The contract: what a user of the simulator was promised, promise by promise."""

from __future__ import annotations

import asyncio
import json
import logging
import time

import pytest

from wsim import (
    ConnectionState,
    MessageRecord,
    NetworkConditions,
    WebSocketServerSimulator,
    create_websocket_simulator,
    load,
    run,
)
from wsim.errors import ConditionsError, PayloadError, UnknownNameError, UsageError

pytestmark = pytest.mark.wsim  # async tests run in virtual time


def perfect(**overrides):
    return create_websocket_simulator("perfect", **{"seed": 1, **overrides})


async def connected(sim):
    return sim, await sim.connect()


# -- quick start -----------------------------------------------------------------------------


async def test_a_configured_simulator_carries_commands_and_status():
    sim = WebSocketServerSimulator(
        {
            "network": {
                "latency_ms": 50.0, "jitter_ms": 10.0, "packet_loss_rate": 0.0,
                "disconnect_rate": 0.0, "bandwidth_mbps": 100.0, "enabled": True,
            },
            "validate_messages": True, "record_messages": True, "max_history": 10_000, "seed": 2,
        }
    )  # fmt: skip
    commands = []

    async def drive(command):
        await asyncio.sleep(0)
        commands.append(command)

    sim.on("driveCommands", drive)
    client = await sim.connect()
    assert await sim.receive("driveCommands", {"linear": 0.5, "angular": 0.2}, client)
    assert await sim.emit("systemStatus", {"battery": 95.0, "mode": "autonomous"}, client)
    statistics = sim.get_statistics()
    assert statistics["stats"]["messages_sent"] == 1
    assert statistics["stats"]["messages_received"] == 1
    assert commands[0]["linear"] == 0.5
    assert {"timestamp", "message_id"} < set(commands[0])


def test_defaults_of_the_six_conditions():
    conditions = WebSocketServerSimulator().network_conditions
    assert conditions == NetworkConditions()
    values = conditions.to_dict()
    assert [values[name] for name in ("latency_ms", "jitter_ms", "packet_loss_rate")] == [
        50.0, 10.0, 0.01,
    ]  # fmt: skip
    assert [values[name] for name in ("disconnect_rate", "bandwidth_mbps", "enabled")] == [
        0.001, 100.0, True,
    ]  # fmt: skip


# -- one-way delay ---------------------------------------------------------------------------


async def test_every_crossing_costs_one_one_way_delay():
    sim = perfect(latency_ms=50)
    begin = sim.now_s
    client = await sim.connect()
    assert sim.now_s - begin == pytest.approx(0.05)
    await sim.receive("x", {}, client)
    await sim.emit("x", {}, client)
    assert sim.now_s - begin == pytest.approx(0.15)


async def test_a_client_is_connecting_while_the_handshake_crosses():
    sim = perfect(latency_ms=50)
    assert sim.connection_state is ConnectionState.DISCONNECTED
    task = asyncio.create_task(sim.connect())
    await asyncio.sleep(0.01)
    assert sim.connection_state is ConnectionState.CONNECTING
    assert len(sim.connected_clients) == 0
    client = await task
    assert sim.connection_state is ConnectionState.CONNECTED
    assert client in sim.connected_clients


async def test_a_lost_message_takes_as_long_as_one_that_arrives():
    sim, client = await connected(perfect(latency_ms=50, packet_loss_rate=1.0))
    begin = sim.now_s
    assert await sim.emit("x", {}, client) is False
    assert sim.now_s - begin == pytest.approx(0.05)


@pytest.mark.realtime
@pytest.mark.wsim(clock="real")
async def test_a_stopwatch_sees_fifty_milliseconds(capsys):
    sim, client = await connected(create_websocket_simulator("default", seed=1))
    sim.set_network_conditions({"latency_ms": 50.0, "jitter_ms": 0.0, "disconnect_rate": 0.0})
    taken = []
    for _ in range(9):
        begin = time.perf_counter()
        await sim.emit("test", {}, client)
        taken.append(time.perf_counter() - begin)
    median = sorted(taken)[4]
    with capsys.disabled():
        print(f"\na crossing of 50 ms took {1000 * median:.2f} ms (strictly 45 to 55)")
    assert min(taken) > 0.045
    assert median < 0.075
    assert sim.get_message_history()[-1].latency_ms == pytest.approx(50.0, abs=0.1)


async def test_bandwidth_is_a_shared_queue():
    sim, client = await connected(perfect(bandwidth_mbps=1.0))
    picture = bytes(12_500 - 62)
    began = sim.now_s
    sim.receive_nowait("cameraFeed", picture, client)
    await sim.receive("driveCommands", {"linear": 0.5}, client)
    behind = sim.get_message_history()[-1]
    assert behind.queue_ms == pytest.approx(100.0, abs=0.5)
    assert sim.now_s - began > 0.1


async def test_disabled_simulation_waits_for_nothing_and_draws_nothing():
    sim, client = await connected(
        create_websocket_simulator("stressed", seed=1, enabled=False, packet_loss_rate=1.0)
    )
    for number in range(20):
        assert await sim.receive("x", {"n": number}, client)
    assert sim.now_s == 0.0
    assert sim.stats["messages_dropped"] == 0


# -- order, loss, disconnects ----------------------------------------------------------------


async def test_messages_of_a_client_arrive_in_order_whatever_the_jitter():
    sim, client = await connected(perfect(latency_ms=50, jitter_ms=40))
    seen = []
    sim.on("x", lambda data: seen.append(data["n"]))
    for number in range(300):
        sim.receive_nowait("x", {"n": number}, client)
        await sim.sleep(0.002)
    await sim.sleep(2)
    assert seen == list(range(300))


async def test_reordering_is_an_option():
    sim, client = await connected(perfect(latency_ms=50, jitter_ms=40, reorder=True))
    seen = []
    sim.on("x", lambda data: seen.append(data["n"]))
    for number in range(300):
        sim.receive_nowait("x", {"n": number}, client)
        await sim.sleep(0.002)
    await sim.sleep(2)
    assert sorted(seen) == list(range(300)) != seen


async def test_stressed_drops_messages():
    sim, client = await connected(create_websocket_simulator("stressed", seed=1))
    for number in range(100):
        await sim.emit("test", {"id": number}, client)
    assert sim.get_statistics()["stats"]["messages_dropped"] > 0


async def test_a_cut_client_comes_back_under_its_name_and_a_new_session():
    sim, client = await connected(perfect(latency_ms=50, disconnect_rate=1.0))
    assert await sim.receive("x", {}, client) is False
    assert sim.client_state(client) is ConnectionState.RECONNECTING
    assert sim.connection_state is ConnectionState.RECONNECTING
    assert client not in sim.connected_clients
    assert await sim.receive("x", {}, client) is False
    sim.set_network_conditions({"disconnect_rate": 0.0})
    await sim.sleep(10)
    assert sim.client_state(client) is ConnectionState.CONNECTED
    assert await sim.receive("x", {}, client)
    assert [m.cause for m in sim.get_message_history()] == ["disconnected", "not_connected", ""]
    assert [m.session for m in sim.get_message_history()] == [1, 1, 2]
    assert sim.stats["disconnections"] == sim.stats["reconnections"] == 1


async def test_without_auto_reconnect_a_cut_is_the_end():
    sim, client = await connected(perfect(disconnect_rate=1.0, auto_reconnect=False))
    await sim.receive("x", {}, client)
    await sim.sleep(100)
    assert sim.client_state(client) is ConnectionState.DISCONNECTED


async def test_a_client_buffer_is_flushed_on_reconnection():
    sim, client = await connected(perfect(latency_ms=20, disconnect_rate=1.0, client_buffer=True))
    sim.receive_nowait("driveCommands", {"linear": 0.1}, client)
    sim.set_network_conditions({"disconnect_rate": 0.0})
    for number in range(5):
        await sim.sleep(0.05)
        sim.receive_nowait("driveCommands", {"linear": float(number)}, client)
    await sim.sleep(20)
    flushed = sim.history[1:]
    assert (flushed["fate"] == "delivered").all()
    assert (flushed["client_buffer_ms"] > 300).all()
    assert flushed["delivered_s"].max() - flushed["delivered_s"].min() < 0.05


async def test_in_flight_messages_die_with_their_client():
    sim, client = await connected(perfect(latency_ms=100))
    heard = []
    sim.on("x", heard.append)
    fate = asyncio.create_task(sim.receive("x", {}, client))
    await asyncio.sleep(0.05)
    assert await sim.disconnect(client)
    assert await fate is False
    await sim.sleep(1)
    assert heard == []
    assert sim.get_message_history()[-1].cause == "closed"
    assert await sim.disconnect(client) is False


async def test_gone_and_unknown_clients_are_recorded_and_never_raise():
    sim, client = await connected(perfect())
    await sim.disconnect(client)
    assert await sim.emit("x", {}, client) is False
    assert await sim.receive("x", {}, "nobody") is False
    assert [m.cause for m in sim.get_message_history()] == ["closed", "unknown_client"]
    assert all(m.dropped for m in sim.get_message_history())
    assert sim.stats["messages_dropped"] == 2


# -- broadcast and private -------------------------------------------------------------------


async def test_a_broadcast_is_one_message_for_each_client():
    sim = perfect(latency_ms=50, jitter_ms=20)
    clients = [await sim.connect() for _ in range(5)]
    begin = sim.now_s
    assert await sim.emit("broadcast", {"message": "hello"})
    rows = sim.history
    assert sorted(rows["client_id"]) == sorted(clients)
    assert rows["latency_ms"].nunique() == 5
    assert sim.now_s - begin == pytest.approx(rows["latency_ms"].max() / 1e3)
    assert sim.stats["messages_sent"] == 5
    assert await sim.emit("private", {}, clients[0])
    assert len(sim.history) == 6
    await sim.disconnect(clients[0])
    assert len(sim.connected_clients) == 4


async def test_a_broadcast_does_not_reach_who_is_still_connecting():
    sim = perfect(latency_ms=50)
    await sim.connect("there")
    coming = asyncio.create_task(sim.connect("coming"))
    await asyncio.sleep(0.01)
    assert await sim.emit("x", 1)
    assert sim.history["client_id"].tolist() == ["there"]
    await coming


async def test_a_broadcast_to_nobody_reaches_nobody():
    assert await perfect().emit("x", {}) is False


# -- handlers --------------------------------------------------------------------------------


async def test_handlers_run_in_order_and_are_done_before_receive_returns():
    sim, client = await connected(perfect())
    order = []

    @sim.on("x")
    async def first(data):
        await asyncio.sleep(1)
        order.append("first")

    sim.on("x", lambda data: order.append("second"))
    await sim.receive("x", {}, client)
    assert order == ["first", "second"]
    assert "x" in sim.event_handlers
    assert "y" not in sim.event_handlers


async def test_the_default_handler_gets_what_nobody_handles():
    sim = perfect()
    unhandled = []

    async def default(event, data):
        unhandled.append((event, data))

    sim.set_default_handler(default)
    sim.on("known", lambda data: None)
    client = await sim.connect()
    await sim.receive("known", 1, client)
    await sim.receive("an event with spaces", 2, client)
    await sim.disconnect(client)
    assert unhandled == [("an event with spaces", 2)]


async def test_a_failing_handler_is_counted_and_the_others_still_run(caplog):
    sim, client = await connected(perfect())
    heard = []

    def bad(data):
        raise RuntimeError("broken wheel")

    sim.on("x", bad)
    sim.on("x", heard.append)
    with caplog.at_level(logging.ERROR, "wsim"):
        assert await sim.receive("x", 1, client)
    assert heard == [1]
    assert sim.stats["errors"] == 1
    assert "broken wheel" in str(sim.errors[0].error)
    assert "broken wheel" in caplog.text


async def test_strict_raises_what_a_handler_raised():
    sim, client = await connected(perfect(strict=True, latency_ms=10))
    sim.on("x", lambda data: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await sim.receive("x", 1, client)


async def test_a_call_returns_what_the_handler_returned_and_records_the_round_trip():
    sim, client = await connected(perfect(latency_ms=40))
    sim.on("pingCheck", lambda data: {"pong": True})
    assert await sim.call("pingCheck", None, client) == {"pong": True}
    assert sim.get_message_history()[-1].round_trip_ms == pytest.approx(80.0)


async def test_a_call_without_an_answer_times_out():
    sim, client = await connected(perfect(latency_ms=40, packet_loss_rate=1.0))
    begin = sim.now_s
    with pytest.raises(TimeoutError, match="no answer"):
        await sim.call("pingCheck", None, client, timeout_s=2)
    assert sim.now_s - begin == pytest.approx(2)


async def test_a_handler_that_would_wait_for_itself_is_told():
    for latency_ms in (0, 10):
        sim, client = await connected(perfect(strict=True, latency_ms=latency_ms))

        @sim.on("x")
        async def again(data, sim=sim, client=client):
            await asyncio.sleep(0)
            await sim.receive("x", {}, client)

        with pytest.raises(UsageError, match="receive_nowait"):
            await sim.receive("x", {}, client)


# -- validation and payloads -----------------------------------------------------------------


async def test_validation_enriches_a_copy_and_keeps_what_is_there():
    sim, client = await connected(perfect())
    seen = []
    sim.on("driveCommands", seen.append)
    mine = {"linear": 0.5, "message_id": "mine"}
    await sim.receive("driveCommands", mine, client)
    assert mine == {"linear": 0.5, "message_id": "mine"}
    assert seen[0]["message_id"] == "mine"
    assert isinstance(seen[0]["timestamp"], float)
    assert sim.get_message_history()[-1].message_id == "mine"


@pytest.mark.parametrize(
    "payload",
    [
        {"linear": 0.5}, {"linear": 1, "angular": None}, {}, None,
        {"xVel": 1.0, "yVel": 0.5, "rotVel": 30, "moduleConflicts": 2}, {"extra": [1, 2]},
    ],
)  # fmt: skip
async def test_commands_may_miss_fields(payload):
    sim, client = await connected(perfect())
    assert await sim.receive("driveCommands", payload, client)
    assert sim.stats["validation_errors"] == 0


@pytest.mark.parametrize(
    "payload",
    [
        {"linear": "fast"}, {"linear": float("nan")}, {"linear": float("inf")}, {"linear": True},
        "go", 5, [1, 2], ({"linear": 1}, 2), b"go", {"xVel": [1]},
    ],
)  # fmt: skip
async def test_a_wrong_command_is_refused_and_recorded(payload):
    sim, client = await connected(perfect(latency_ms=20))
    heard = []
    sim.on("driveCommands", heard.append)
    assert await sim.receive("driveCommands", payload, client) is False
    assert heard == []
    record = sim.get_message_history()[-1]
    assert (record.fate, record.cause, record.dropped) == ("refused", "validation", False)
    assert sim.stats["validation_errors"] == 1
    assert sim.stats["messages_dropped"] == 0
    sim.validate_messages = False
    if payload not in ({"linear": float("inf")},) and "nan" not in repr(payload):
        assert await sim.receive("driveCommands", payload, client)


async def test_users_register_schemas():
    sim, client = await connected(perfect())
    sim.register_schema("arm", {"type": "object", "required": ["joint"]})
    assert await sim.receive("arm", {"joint": 1}, client)
    assert await sim.receive("arm", {}, client) is False
    with pytest.raises(PayloadError, match="arm"):
        sim.register_schema("arm", {"type": "nonsense"})


@pytest.mark.parametrize(
    "payload", [None, (1, "two", {"three": 3}), "text", [1, [2]], b"\x00\x01", {"a": {"b": [b"c"]}}]
)
async def test_any_payload_socket_io_carries(payload):
    sim, client = await connected(perfect())
    heard = []
    sim.on("my event", lambda *args: heard.append(args))
    assert await sim.receive("my event", payload, client)
    args = heard[0]
    if payload is None:
        assert args == (None,)
    elif isinstance(payload, tuple):
        assert args == payload
    elif isinstance(payload, dict):
        assert args[0].items() >= payload.items()
    else:
        assert args == (payload,)


async def test_events_of_real_consoles_are_known():
    sim, client = await connected(perfect())
    for event in ("driveHoming", "E_STOP", "pingCheck", "emergencyStop", "homingRequest"):
        assert await sim.receive(event, None, client)
    assert await sim.receive("E_STOP", {"reason": 5}, client) is False


async def test_the_size_is_that_of_the_socket_io_packet():
    sim, client = await connected(perfect())
    await sim.receive("driveCommands", {"linear": 0.5, "angular": 0.2}, client)
    text = '2["driveCommands",{"linear":0.5,"angular":0.2}]'
    assert sim.get_message_history()[-1].size_bytes == len(text)


@pytest.mark.parametrize("event", [None, 5, "", b"x", ["x"]])
async def test_an_event_name_of_the_wrong_type_is_refused(event):
    sim, client = await connected(perfect())
    with pytest.raises(PayloadError, match="event name"):
        await sim.receive(event, {}, client)
    with pytest.raises(PayloadError, match="event name"):
        sim.on(event, print)


# -- history ---------------------------------------------------------------------------------


async def busy():
    sim, client = await connected(perfect())
    other = await sim.connect()
    for number in range(5):
        await sim.receive("driveCommands", {"linear": number}, client)
        await sim.emit("systemStatus", {"battery": number}, other)
    return sim, client


async def test_records_read_as_mappings_and_by_attribute():
    sim, client = await busy()
    history = sim.get_message_history()
    assert isinstance(history, list)
    assert isinstance(history[0], MessageRecord)
    assert history[0]["event_name"] == history[0].event_name == "driveCommands"
    for field in ("message_id", "timestamp", "data", "direction", "latency_ms", "dropped"):
        assert field in history[0]
    assert history[0].client_id == client
    assert history[0].timestamp == pytest.approx(time.time(), abs=60)
    with pytest.raises(AttributeError, match="event_name"):
        history[0].event_nam  # noqa: B018


async def test_filters_of_the_history():
    sim, client = await busy()
    assert len(sim.get_message_history(count=3)) == 3
    assert sim.get_message_history(count=0) == []
    assert {m.direction for m in sim.get_message_history(direction="inbound")} == {"inbound"}
    assert len(sim.get_message_history(event_name="systemStatus")) == 5
    assert len(sim.get_message_history(client_id=client, count=2)) == 2
    with pytest.raises(UsageError, match="inbound"):
        sim.get_message_history(direction="sideways")
    with pytest.raises(UsageError, match="count"):
        sim.get_message_history(count=-1)


async def test_the_history_is_bounded_and_says_how_much_is_gone():
    sim, client = await connected(perfect(max_history=10))
    for number in range(25):
        await sim.receive("x", number, client)
    assert len(sim.history) == 10
    assert sim.get_statistics()["messages_evicted"] == 15
    assert sim.stats["messages_received"] == 25
    sim.max_history = 5
    assert len(sim.get_message_history()) == 5
    sim.clear_history()
    assert len(sim.history) == 0
    assert sim.stats["messages_received"] == 25


async def test_recording_can_be_switched_off():
    sim, client = await connected(perfect(record_messages=False))
    await sim.receive("x", 1, client)
    assert len(sim.history) == 0
    assert sim.stats["messages_received"] == 1
    sim.record_messages = True
    await sim.receive("x", 1, client)
    assert len(sim.history) == 1


async def test_the_export_is_json_that_loads_back(tmp_path):
    sim, client = await busy()
    await sim.receive("picture", b"\x89PNG", client)
    path = sim.export_history(tmp_path / "deep" / "down" / "history.json")
    content = json.loads(path.read_text())
    assert {"export_time", "schema_version", "statistics", "network_conditions"} < set(content)
    assert len(content["message_history"]) == 11
    assert content["statistics"]["stats"]["messages_sent"] == 5
    again = load(path)
    assert again["data"].tolist()[-1] == b"\x89PNG"
    assert again.drop(columns="data").equals(sim.history.drop(columns="data"))


async def test_an_export_that_cannot_be_written_raises_and_leaves_nothing(tmp_path):
    sim, _ = await busy()
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises((OSError, ValueError), match="file"):
        sim.export_history(blocked / "history.json")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# -- statistics, rover, profiles, conditions ----------------------------------------------------


async def test_statistics_have_their_names():
    sim, _ = await busy()
    statistics = sim.get_statistics()
    assert statistics["connected_clients"] == 2
    assert statistics["connection_state"] == "connected"
    assert statistics["message_history_size"] == 10
    assert statistics["network_conditions"]["latency_ms"] == 0.0
    assert set(statistics["stats"]) > {
        "connections", "disconnections", "messages_sent", "messages_received",
        "messages_dropped", "validation_errors", "errors", "avg_latency_ms", "uptime_s",
    }  # fmt: skip
    assert sim.stats == statistics["stats"]
    assert perfect().stats["avg_latency_ms"] == 0.0


def test_rover_state_is_merged_and_copied():
    sim = perfect()
    given = {"position": {"x": 10.0, "y": 20.0}, "battery": 85.0}
    sim.update_rover_state(given)
    sim.update_rover_state({"mode": "autonomous"})
    given["position"]["x"] = 99.0
    state = sim.get_rover_state()
    state["battery"] = 0.0
    assert sim.get_rover_state() == {
        "position": {"x": 10.0, "y": 20.0}, "battery": 85.0, "mode": "autonomous",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("perfect", (0, 0, 0, 0, None)),
        ("default", (50, 10, 0.01, 0.001, 100)),
        ("stressed", (200, 50, 0.10, 0.01, 10)),
        ("mars", (750_000, 0, 0, 0, None)),
    ],
)
def test_the_four_profiles(name, values):
    c = create_websocket_simulator(name).network_conditions
    assert c.enabled
    assert (
        c.latency_ms, c.jitter_ms, c.packet_loss_rate, c.disconnect_rate, c.bandwidth_mbps
    ) == values  # fmt: skip


async def test_mars_takes_its_time_in_virtual_time_too():
    sim = create_websocket_simulator("mars", seed=1)
    client = await sim.connect()
    await sim.emit("x", {}, client)
    assert sim.now_s == pytest.approx(1500)
    assert sim.get_message_history()[-1].latency_ms == pytest.approx(750_000)


@pytest.mark.realtime
def test_live_mars_waits_two_and_a_half_seconds_and_records_750():
    sim = create_websocket_simulator("mars", seed=1)

    async def main():
        sim.admit("lander")
        await sim.emit("x", {}, "lander")

    begin = time.perf_counter()
    asyncio.run(main())
    assert 2.4 < time.perf_counter() - begin < 4
    assert sim.get_message_history()[-1].latency_ms == pytest.approx(750_000)


def test_an_unknown_profile_is_refused_with_a_suggestion():
    with pytest.raises(UnknownNameError, match="did you mean 'mars'"):
        create_websocket_simulator("mras")


def test_partial_changes_and_refused_changes():
    sim = create_websocket_simulator("default")
    sim.set_network_conditions({"latency_ms": 200.0, "packet_loss_rate": 0.10})
    changed = sim.network_conditions
    assert (changed.latency_ms, changed.packet_loss_rate, changed.jitter_ms) == (200, 0.1, 10)
    for bad in (
        {"latency_ms": -1},
        {"latency_ms": float("nan")},
        {"latencyms": 1},
        {"jitter_ms": "x"},
    ):
        with pytest.raises(ConditionsError, match=next(iter(bad))[:7]):
            sim.set_network_conditions({"packet_loss_rate": 0.5, **bad})
    assert sim.network_conditions == changed


async def test_changes_apply_to_connected_clients_and_keep_what_is_in_flight():
    sim, client = await connected(perfect(latency_ms=100))
    fate = asyncio.create_task(sim.receive("x", 1, client))
    await asyncio.sleep(0.01)
    sim.set_network_conditions({"latency_ms": 10})
    begin = sim.now_s
    assert await fate
    assert sim.now_s - begin == pytest.approx(0.09)
    begin = sim.now_s
    await sim.receive("x", 2, client)
    assert sim.now_s - begin == pytest.approx(0.01)
    assert [c["conditions"]["latency_ms"] for c in _notes(sim)["changes"]] == [10.0]


def _notes(sim):
    return sim.history.attrs["wsim"]["run-1"]


def test_the_same_seed_makes_the_same_history():
    async def story(seed):
        sim, client = await connected(
            create_websocket_simulator("stressed", seed=seed, started_at=1_700_000_000.0)
        )
        for number in range(200):
            sim.receive_nowait("driveCommands", {"linear": number / 10}, client)
            await sim.sleep(0.05)
        await sim.sleep(10)
        return sim.history

    first, second, other = run(story(1)), run(story(1)), run(story(2))
    assert first.equals(second)
    assert not first["latency_ms"].equals(other["latency_ms"])
    assert first.attrs["wsim"]["run-1"]["seed"] == 1


def test_unknown_settings_are_refused():
    with pytest.raises(ConditionsError, match="validate_messages"):
        WebSocketServerSimulator({"validate_message": True})
    with pytest.raises(ConditionsError, match="belongs into 'network'"):
        WebSocketServerSimulator({"latency_ms": 5})
    with pytest.raises(ConditionsError, match="max_history"):
        WebSocketServerSimulator({"max_history": -1})


async def test_the_plugin_s_fixture(websocket_sim):
    client = await websocket_sim.connect()
    await websocket_sim.receive("driveCommands", {"linear": 0.5, "angular": 0.2}, client)
    assert websocket_sim.stats["messages_received"] == 1
