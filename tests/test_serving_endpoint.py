"""A served simulator: its handlers, history and statistics are those of real clients."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import socketio
from serving_harness import conditions, is_turned_away, until

from wsim import serve
from wsim.errors import ConditionsError, UsageError
from wsim.formats import load
from wsim.profiles import Profile
from wsim.rover import Rover
from wsim.serving.endpoint import Server
from wsim.serving.terms import Bounds
from wsim.simulator import WebSocketServerSimulator, create_websocket_simulator

pytestmark = pytest.mark.asyncio


def simulator(latency_ms: float = 1, **settings: Any) -> WebSocketServerSimulator:
    network = conditions(latency_ms)
    return WebSocketServerSimulator({"network": network, "seed": 1, **settings})


@contextlib.asynccontextmanager
async def client_of(
    server: Server, transport: str = "websocket", **options: Any
) -> AsyncIterator[socketio.AsyncClient]:
    client = socketio.AsyncClient(handle_sigint=False, reconnection_delay=0.05)
    await client.connect(server.url, transports=[transport], **options)
    try:
        yield client
    finally:
        await client.disconnect()


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_handlers_answer_and_everything_is_recorded_once(transport):
    sim = simulator(5)
    seen = []

    @sim.on("driveCommands")
    async def drive(command):
        seen.append(command)
        return {"ok": command["linear"]}

    async with Server(sim, port=0) as server, client_of(server, transport) as client:
        assert await client.call("driveCommands", {"linear": 0.5}) == {"ok": 0.5}
    (row,) = sim.get_message_history()
    assert row["data"] == {"linear": 0.5}
    assert row["latency_ms"] == 5
    assert row["round_trip_ms"] >= 10
    assert seen[0]["message_id"] == row["message_id"]
    assert sim.stats["connections"] == sim.stats["disconnections"] == 1
    assert sim.stats["messages_received"] == 1


async def test_emit_reaches_real_and_simulated_clients():
    sim = simulator(1)
    heard: list[Any] = []
    async with Server(sim, port=0) as server, client_of(server) as client:
        client.on("systemStatus", heard.append)
        simulated = await sim.connect()
        await until(lambda: len(sim.connected_clients) == 2)
        assert await sim.emit("systemStatus", {"battery": 90})
        await until(lambda: heard)
        assert heard[0]["battery"] == 90
        names = set(sim.history.client_id)
        assert names == {simulated, *sim.connected_clients}
        assert not await sim.emit("systemStatus", {"battery": "full"})
    assert list(sim.history.fate) == ["delivered", "delivered", "refused", "refused"]
    assert set(sim.history.client_id[2:]) == names
    assert sim.stats["validation_errors"] == 2
    assert sim.stats["messages_in_flight"] == 0


@pytest.mark.parametrize("validating", [True, False])
async def test_what_cannot_be_emitted_leaves_its_row(validating):
    sim = simulator(validate_messages=validating)
    async with Server(sim, port=0) as server, client_of(server):
        (name,) = sim.connected_clients
        assert not await sim.emit("systemStatus", {"battery": float("nan")}, name)
        sim.emit_nowait("systemStatus", {"battery": object()}, name)
        assert await sim.emit("systemStatus", {"battery": 5}, name)
        await until(lambda: len(sim.history) == 3)
    assert list(sim.history.fate) == ["refused", "refused", "delivered"]
    assert list(sim.history.client_id) == [name] * 3
    assert sim.stats["validation_errors"] == 2
    assert sim.stats["messages_in_flight"] == 0


async def test_what_is_not_valid_is_refused_and_not_acknowledged():
    sim = simulator()
    sim.on("driveCommands", lambda command: True)
    async with Server(sim, port=0) as server, client_of(server) as client:
        with pytest.raises(socketio.exceptions.TimeoutError):
            await client.call("driveCommands", {"linear": "fast"}, timeout=0.2)
    assert list(sim.history.cause) == ["validation"]
    assert sim.stats["validation_errors"] == 1


@pytest.mark.parametrize(
    "args", [(), ("text",), ([1, 2],), (b"\0\1",), ({"a": [b"x", {"b": None}]},), (1, "two", [3])]
)
async def test_any_payload_under_any_name(args):
    sim = simulator()
    sim.set_default_handler(lambda event, data: data)
    async with Server(sim, port=0) as server, client_of(server) as client:
        answer = await client.call("with spaces", args if args else None)
    sent = args[0] if len(args) == 1 else args or None
    if isinstance(answer, dict):
        answer = {"a": answer["a"]}
    assert answer == (list(sent) if isinstance(sent, tuple) and len(sent) > 3 else sent)
    assert list(sim.history.data) == [sent]


async def test_half_a_character_as_a_name_spoils_no_history(tmp_path):
    sim = simulator()
    heard: list[Any] = []
    sim.set_default_handler(lambda event, data: heard.append(event) or data)
    async with Server(sim, port=0) as server, client_of(server) as client:
        assert await client.call("\ud83d", {"\ud83d": "\ud83d"}) is not None
    assert heard == ["\ud83d"]
    assert list(sim.history.event_name) == ["\\ud83d"]
    for suffix in (".json", ".jsonl", ".csv"):
        back = load(sim.export_history(tmp_path / f"half{suffix}"))
        assert back["data"].tolist() == [{"\ud83d": "\ud83d"}]


async def test_namespaces():
    sim = simulator()
    sim.on("hello", lambda data: data)
    async with (
        Server(sim, port=0, namespaces=["/admin"]) as server,
        client_of(server, namespaces=["/", "/admin"]) as client,
    ):
        assert await client.call("hello", 7, namespace="/admin") == 7
    assert list(sim.history.namespace) == ["/admin"]


async def test_handlers_of_one_client_run_one_after_another():
    sim = simulator(0)
    log = []

    @sim.on("step")
    async def step(number):
        log.append(("begin", number))
        await asyncio.sleep(0.002)
        log.append(("end", number))

    async with Server(sim, port=0) as server, client_of(server) as client:
        for number in range(10):
            await client.emit("step", number)
        await until(lambda: len(log) == 20)
    assert log == [(what, number) for number in range(10) for what in ("begin", "end")]


async def test_a_rover_answers_out_of_the_box():
    sim = simulator(1)
    heard: list[Any] = []
    async with Server(sim, port=0) as server, client_of(server) as client:
        rover = Rover(sim, rate_hz=50)
        publishing = asyncio.create_task(rover.publish())
        client.on("systemStatus", heard.append)
        assert (await client.call("pingCheck"))["pong"] is True
        await client.emit("driveCommands", {"xVel": 0, "yVel": 0.5, "rotVel": 0})
        await until(lambda: heard and heard[-1]["mode"] == "driving")
        assert await client.call("E_STOP", {}) == {"stopped": True}
        assert await client.call("E_STOP", {"active": False}) == {"stopped": False}
        assert await client.call("driveHoming") == {"homing": True}
        await until(lambda: heard[-1]["mode"] == "homing")
        publishing.cancel()
    assert rover.state.y_m > 0


async def test_conditions_and_profiles_change_under_connected_clients():
    sim = simulator(0)
    sim.on("echo", lambda data: data)
    async with Server(sim, port=0) as server, client_of(server) as client:
        server.set(latency_ms=30)
        await client.call("echo", 1)
        server.set_profile("perfect")
        await client.call("echo", 2)
    assert list(sim.history.latency_ms) == [30, 0]
    assert list(sim.history.profile)[-1] == "perfect"


async def test_a_client_that_is_disconnected_stays_away():
    sim = simulator()
    async with Server(sim, port=0) as server:
        client = socketio.AsyncClient(handle_sigint=False)
        await client.connect(server.url, transports=["websocket"])
        (name,) = sim.connected_clients
        assert await sim.disconnect(name)
        await until(lambda: not client.connected)
        await until(lambda: not sim.connected_clients)
        await client.shutdown()


async def test_a_lost_client_that_stays_away_is_given_up():
    sim = simulator()
    left: list[str] = []
    sim.on("disconnect", left.append)
    async with Server(sim, port=0, bounds=Bounds(absent_s=0.3)) as server:
        client = socketio.AsyncClient(handle_sigint=False, reconnection=False)
        await client.connect(server.url, transports=["websocket"])
        await until(lambda: sim.connected_clients)
        await client.eio.ws.close(code=4000)  # no good-bye: it may come back
        await until(lambda: not sim.connected_clients)
        assert await sim.emit("telemetry", 1) is False
        await until(lambda: "client-1" in sim._net.gone)
        assert await sim.emit("telemetry", 2) is False
        await client.disconnect()
    assert list(sim.history["cause"]) == ["not_connected"]  # nobody is there to miss the second
    assert left == ["client-1"]
    assert [c["state"] for c in sim.recorder.connections][-2:] == ["reconnecting", "disconnected"]


async def test_a_page_that_was_closed_is_not_waited_for():
    sim = simulator()
    async with Server(sim, port=0) as server:
        client = socketio.AsyncClient(handle_sigint=False, reconnection=False)
        await client.connect(server.url, transports=["websocket"])
        await until(lambda: sim.connected_clients)
        await client.eio.ws.close(code=1001)
        await until(lambda: "client-1" in sim._net.gone)
        assert await sim.emit("telemetry", 1) is False
        await client.disconnect()
    assert not len(sim.history)


async def test_a_lost_client_comes_back_under_its_name():
    sim = simulator()
    connects: list[str] = []
    sim.on("connect", connects.append)
    async with Server(sim, port=0) as server, client_of(server) as client:
        (name,) = sim.connected_clients
        server.fail("reset")
        await until(lambda: sim.stats["reconnections"] == 1)
        await until(lambda: client.connected)
        assert list(sim.connected_clients) == [name]
        assert await sim.emit("hello", 1, name)
        await until(lambda: len(sim.history) == 1)
    assert list(sim.history.session) == [2]
    assert connects == [name, name]


async def test_too_many_clients():
    sim = simulator()
    async with (
        Server(sim, port=0, bounds=Bounds(max_clients=1)) as server,
        client_of(server),
    ):
        for transport in ("websocket", "polling"):
            assert await is_turned_away(server.url, transports=[transport])


async def test_a_token_is_asked_for():
    sim = simulator()
    async with Server(sim, port=0, token="s3cret") as server:
        for auth in ({"token": "wrong"}, {"token": 7}, ["s3cret"], None):
            assert await is_turned_away(server.url, auth=auth, transports=["websocket"])
        async with client_of(server, auth={"token": "s3cret"}) as let_in:
            assert let_in.connected


async def test_every_message_is_on_disk_before_the_server_stops(tmp_path):
    sim = simulator()
    sim.on("echo", lambda data: data)
    path = tmp_path / "session.jsonl"
    async with Server(sim, port=0, record=path) as server, client_of(server) as client:
        await client.call("echo", {"n": 1, "password": "hunter2"})
        text = path.read_text()
    assert '"echo"' in text
    assert "hunter2" not in text
    frame = load(path)
    assert list(frame.event_name) == ["echo"]
    assert frame.round_trip_ms.notna().all()


async def test_stale_commands_come_out_in_a_burst_after_an_outage():
    """A console that sends while it is cut off keeps everything, and lets go of it at once."""
    sim = simulator(1)
    async with Server(sim, port=0) as server:
        client = socketio.AsyncClient(handle_sigint=False, reconnection_delay=0.05)
        await client.connect(server.url, transports=["websocket"])
        (name,) = sim.connected_clients
        clock = 1_000_000.0  # its own, and quite wrong
        await client.emit("driveCommands", {"linear": 0.5, "timestamp": clock})
        await until(lambda: len(sim.history) == 1)
        start = server.network.clock.now_ns()
        server.fail("reset")
        await until(lambda: sim.stats["reconnections"] == 1)
        await until(lambda: client.connected)
        held_s = (server.network.clock.now_ns() - start) / 1e9
        for number in range(20):  # what it kept, oldest first
            await client.emit(
                "driveCommands", {"linear": 0.5, "timestamp": clock + held_s * number / 20}
            )
        await until(lambda: len(sim.history) == 21)
        await client.disconnect()
    burst = sim.history.iloc[1:]
    assert set(burst.client_id) == {name}
    assert burst.delivered_s.max() - burst.delivered_s.min() < 0.1
    assert burst.latency_ms.is_monotonic_decreasing
    assert (burst.client_buffer_ms > 0).sum() > 10


# -- threads, stopping, refusing ---------------------------------------------------------


async def test_from_a_notebook_it_runs_on_a_thread_of_its_own():
    sim = simulator(0)
    threads = []
    sim.on("who", lambda data: threads.append(threading.current_thread().name))
    server = await asyncio.to_thread(serve, sim, port=0)
    try:
        async with client_of(server) as client:
            await client.call("who", 1)
            assert await sim.emit("hello", 1)
            server.set(latency_ms=3)
        await until(lambda: not sim.connected_clients)
    finally:
        await asyncio.to_thread(server.close)
    assert threads[0].startswith("wsim.serve")
    assert not server.running


async def test_a_simulator_serves_itself():
    server = await asyncio.to_thread(simulator(0).serve, port=0)
    async with client_of(server) as client:
        assert client.connected
    await asyncio.to_thread(server.close)


async def test_it_stops_and_starts_again_with_the_same_history():
    sim = simulator(0)
    sim.on("echo", lambda data: data)
    server = Server(sim, port=0)
    for number in range(2):
        async with server, client_of(server) as client:
            assert await client.call("echo", number) == number
    assert list(sim.history.data) == [0, 1]
    assert sim.history.created_s.is_monotonic_increasing


async def test_signal_handlers_are_left_alone():
    before = signal.getsignal(signal.SIGINT)
    async with Server(simulator(), port=0):
        assert signal.getsignal(signal.SIGINT) is before


async def test_a_port_that_is_taken():
    async with Server(simulator(), port=0) as first:
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{first.port}"):
            await Server(simulator(), port=first.port).start()


async def test_other_machines_need_a_token():
    with pytest.raises(UsageError, match="token"):
        Server(simulator(), "0.0.0.0")


async def test_a_delay_that_outlasts_the_heartbeat_is_refused():
    sim = create_websocket_simulator("mars")
    with pytest.raises(ConditionsError, match=r"mars: .* outlasts the heartbeat"):
        Server(sim, port=0)
    async with Server(simulator(), port=0) as server:
        for change in (
            lambda: server.set(latency_ms=30_000),
            lambda: server.sim.set_network_conditions({"latency_ms": 30_000}),
            lambda: server.sim.set_profile("mars"),
        ):
            with pytest.raises(ConditionsError, match="heartbeat"):
                change()
        assert server.sim.conditions.latency_ms == 1
        assert server.sim.history.attrs["wsim"]["run-1"]["profile"] != "mars"


async def test_time_is_not_scaled_for_real_clients():
    sim = simulator(30, time_scale=10.0)
    sim.on("echo", lambda data: data)
    hasty = Profile("hasty", conditions(40), time_scale=20.0)
    async with Server(sim, port=0) as server, client_of(server) as client:
        for change in (lambda: None, lambda: server.set_profile(hasty)):
            change()
            asked = asyncio.get_running_loop().time()
            await client.call("echo", 1)
            assert asyncio.get_running_loop().time() - asked >= 0.06
