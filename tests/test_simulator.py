"""The simulator's own verbs where the contract is silent."""

from __future__ import annotations

import asyncio

import pytest

from wsim import create_websocket_simulator, run
from wsim.errors import UsageError

pytestmark = pytest.mark.wsim


@pytest.mark.realtime
@pytest.mark.wsim(clock="real")
async def test_a_simulator_serves_itself_to_real_clients():
    import socketio

    sim = create_websocket_simulator("perfect", seed=1)
    sim.on("pingCheck", lambda data: {"pong": data})
    with sim.serve(port=0) as server:
        async with socketio.AsyncSimpleClient(handle_sigint=False) as client:
            await client.connect(server.url, transports=["websocket"])
            assert await client.call("pingCheck", 7) == {"pong": 7}
    assert sim.get_message_history()[-1].event_name == "pingCheck"


@pytest.mark.parametrize("latency_ms", [0, 20])
async def test_waiting_and_not_waiting_record_the_same(latency_ms):
    histories = []
    for nowait in (True, False):
        sim = create_websocket_simulator("perfect", seed=1, latency_ms=latency_ms)
        client = await sim.connect()
        for number in range(5):
            payload = {"linear": float(number), "angular": -0.0}
            if nowait:
                sim.receive_nowait("driveCommands", payload, client)
                sim.emit_nowait("status", {"nested": [number]}, client)
                await sim.sleep(0.1)
            else:
                due = sim.now_s + 0.1
                await asyncio.gather(
                    sim.receive("driveCommands", payload, client),
                    sim.emit("status", {"nested": [number]}, client),
                )
                await sim.sleep(due - sim.now_s)
        histories.append(sim.history)
    for column in ("created_s", "delivered_s", "latency_ms", "size_bytes", "message_id", "data"):
        assert histories[0][column].tolist() == histories[1][column].tolist(), column


async def test_what_is_recorded_belongs_to_the_record():
    sim = create_websocket_simulator("perfect", seed=1)

    @sim.on("x")
    def meddle(data):
        data["position"]["x"] = "changed by the handler"

    client = await sim.connect()
    mine = {"position": {"x": 1}}
    await sim.receive("x", mine, client)
    mine["position"]["x"] = "changed by the sender"
    assert sim.get_message_history()[-1].data == {"position": {"x": 1}}


async def test_a_sender_may_change_its_payload_while_it_is_under_way():
    sim = create_websocket_simulator("perfect", seed=1, latency_ms=10)
    heard = []
    sim.on("x", heard.append)
    client = await sim.connect()
    mine = {"position": {"x": 1}}
    sim.receive_nowait("x", mine, client)
    mine["position"]["x"] = 2
    await sim.sleep(1)
    assert heard[0]["position"] == {"x": 1}


async def test_a_caller_that_gives_up_does_not_stop_the_message():
    sim = create_websocket_simulator("perfect", seed=1, latency_ms=100)
    heard = []
    sim.on("x", heard.append)
    client = await sim.connect()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(sim.receive("x", 1, client), 0.05)
    await sim.sleep(1)
    assert heard == [1]
    assert sim.stats["messages_received"] == 1


async def test_a_cancelled_handler_lets_the_next_message_in():
    sim = create_websocket_simulator("perfect", seed=1)
    heard = []

    @sim.on("x")
    async def slow(data):
        await sim.sleep(data)
        heard.append(data)

    client = await sim.connect()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(sim.receive("x", 100, client), 1)
    assert await sim.receive("x", 1, client)
    assert heard == [1]


async def test_concurrent_receives_on_a_perfect_link_take_turns():
    sim = create_websocket_simulator("perfect", seed=1, strict=True)
    heard = []

    @sim.on("x")
    async def slow(data):
        await sim.sleep(1)
        heard.append(data)
        if data == 2:
            raise ValueError("two")

    client = await sim.connect()
    fates = await asyncio.gather(
        *(sim.receive("x", number, client) for number in range(4)), return_exceptions=True
    )
    assert heard == [0, 1, 2, 3]
    assert [type(fate) for fate in fates] == [bool, bool, ValueError, bool]


async def test_a_call_to_nobody_times_out_at_once():
    sim = create_websocket_simulator("perfect", seed=1)
    with pytest.raises(TimeoutError, match="no client 'nobody'"):
        await sim.call("x", 1, "nobody")


async def test_a_failed_handler_does_not_answer():
    sim = create_websocket_simulator("perfect", seed=1)
    sim.on("x", lambda data: 1 / 0)
    client = await sim.connect()
    with pytest.raises(TimeoutError):
        await sim.call("x", 1, client, timeout_s=1)
    strict = create_websocket_simulator("perfect", seed=1, strict=True)
    strict.on("x", lambda data: 1 / 0)
    client = await strict.connect()
    with pytest.raises(ZeroDivisionError):
        await strict.call("x", 1, client)


async def test_reprs_tell_what_there_is():
    sim = create_websocket_simulator("stressed", seed=1)
    await sim.connect()
    assert "stressed" in repr(sim)
    assert "1 clients" in repr(sim)
    assert "client-1" in repr(sim.connected_clients["client-1"])


def test_without_a_loop_sending_says_what_to_do():
    sim = create_websocket_simulator("perfect")
    with pytest.raises(RuntimeError, match="loop"):
        sim.receive_nowait("x", 1, "client-1")


def test_memory_stays_flat_over_many_messages():
    """The ring holds, and nothing else grows with the number of messages."""
    import tracemalloc

    async def main():
        sim = create_websocket_simulator("perfect", seed=1, max_history=1000, latency_ms=1)
        sim.on("x", lambda data: None)
        client = await sim.connect()
        sizes = []
        for batch in range(10):
            for number in range(2_000):
                sim.receive_nowait("x", number, client)
                if number % 100 == 0:
                    await sim.sleep(0.01)
            if batch == 1:
                tracemalloc.start()
            if batch > 1:
                sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert sim.stats["messages_in_flight"] <= 100
        return sizes

    sizes = run(main())
    assert sizes[-1] - sizes[2] < 300_000


def test_usage_errors_are_runtime_errors():
    assert issubclass(UsageError, RuntimeError)


@pytest.mark.parametrize(
    ("latency_ms", "waited_s"),
    [(0, 0.001), (50, 0.05)],
)
async def test_who_tries_again_while_offline_comes_through(latency_ms, waited_s):
    sim = create_websocket_simulator(
        "perfect", disconnect_rate=1.0, latency_ms=latency_ms, seed=1, strict=True
    )
    client = await sim.connect()
    assert await sim.receive("emergencyStop", {}, client) is False  # which cuts the session
    sim.set_network_conditions({"disconnect_rate": 0.0})
    begin = sim.now_s
    assert await sim.emit("systemStatus", {}, client) is False
    assert sim.now_s - begin == pytest.approx(waited_s)
    while not await sim.receive("emergencyStop", {}, client):
        assert sim.now_s < 100
    assert "not_connected" in set(sim.history.cause)
    await sim.disconnect(client)
    begin = sim.now_s
    assert await sim.receive("emergencyStop", {}, client) is False
    assert await sim.receive("emergencyStop", {}, "nobody") is False
    assert sim.now_s == begin


async def test_who_will_not_come_back_keeps_nobody_waiting():
    sim = create_websocket_simulator("perfect", disconnect_rate=1.0, auto_reconnect=False, seed=1)
    client = await sim.connect()
    await sim.receive("x", {}, client)
    begin = sim.now_s
    assert await sim.receive("x", {}, client) is False
    assert sim.now_s == begin


async def test_who_tries_again_in_an_outage_comes_through():
    outage = {"kind": "windows", "effect": "drop", "windows_s": [[0.0, 1.0]]}
    sim = create_websocket_simulator("perfect", outage=outage, seed=1)
    client = await sim.connect()
    while not await sim.receive("emergencyStop", {}, client):
        assert sim.now_s < 100
    assert sim.now_s == pytest.approx(1.0, abs=0.01)
