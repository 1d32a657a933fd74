"""Registering and running handlers."""

from __future__ import annotations

import functools

import pytest

from wsim import create_websocket_simulator
from wsim.errors import PayloadError

pytestmark = pytest.mark.wsim


async def heard(handler, payload, latency_ms=0):
    sim = create_websocket_simulator("perfect", seed=1, strict=True, latency_ms=latency_ms)
    sim.on("x", handler)
    client = await sim.connect()
    return await sim.call("x", payload, client)


@pytest.mark.parametrize("latency_ms", [0, 5])
async def test_handlers_take_as_many_arguments_as_they_like(latency_ms):
    assert await heard(lambda: "none", (1, 2), latency_ms) == "none"
    assert await heard(lambda data: data, (1, 2), latency_ms) == (1, 2)
    assert await heard(lambda a, b: [a, b], (1, 2), latency_ms) == [1, 2]
    assert await heard(lambda *args: list(args), (1, 2, 3), latency_ms) == [1, 2, 3]
    assert await heard(lambda data=5: data, None, latency_ms) is None
    assert await heard(lambda a, b=7: [a, b], "one", latency_ms) == ["one", 7]


class Robot:
    async def drive(self, data):
        return ["driven", data]

    async def __call__(self, data):
        return ["called", data]


@pytest.mark.parametrize("latency_ms", [0, 5])
async def test_methods_partials_objects_and_lambdas_of_coroutines(latency_ms):
    robot = Robot()
    assert await heard(robot.drive, 1, latency_ms) == ["driven", 1]
    assert await heard(robot, 1, latency_ms) == ["called", 1]
    assert await heard(functools.partial(robot.drive), 1, latency_ms) == ["driven", 1]
    assert await heard(lambda data: robot.drive(data), 1, latency_ms) == ["driven", 1]
    assert await heard(bool, 1, latency_ms) is True


async def test_the_first_value_is_the_acknowledgement():
    sim = create_websocket_simulator("perfect", seed=1)
    for value in (None, "first", "second"):
        sim.on("x", lambda data, value=value: value)
    client = await sim.connect()
    assert await sim.call("x", None, client) == "first"


async def test_an_acknowledgement_that_cannot_be_sent_fails_its_handler():
    sim = create_websocket_simulator("perfect", seed=1)
    sim.on("x", lambda data: object())
    client = await sim.connect()
    with pytest.raises(TimeoutError):
        await sim.call("x", None, client, timeout_s=1)
    assert "cannot carry" in str(sim.errors[0].error)


async def test_handlers_of_one_client_run_one_after_another():
    sim = create_websocket_simulator("perfect", seed=1, latency_ms=10)
    at_work, most = [0], []

    @sim.on("x")
    async def slow(data):
        at_work[0] += 1
        most.append(at_work[0])
        await sim.sleep(0.1)
        at_work[0] -= 1

    one, two = await sim.connect(), await sim.connect()
    for client in (one, two):
        for number in range(5):
            sim.receive_nowait("x", number, client)
    await sim.sleep(5)
    assert max(most) == 2  # two clients at once, never two messages of one


async def test_a_send_from_a_handler_waits_for_its_turn():
    sim = create_websocket_simulator("perfect", seed=1)
    order = []

    @sim.on("x")
    def first(data):
        if data == "first":
            sim.receive_nowait("x", "second", client)
            sim.emit_nowait("y", "answer", client)
        order.append(data)

    client = await sim.connect()
    await sim.receive("x", "first", client)
    assert order == ["first", "second"]
    assert [m.event_name for m in sim.get_message_history()] == ["x", "x", "y"]


async def test_a_handler_may_emit_to_its_own_client():
    sim = create_websocket_simulator("perfect", seed=1, latency_ms=10, strict=True)

    @sim.on("x")
    async def answer(data):
        assert await sim.emit("y", data, client)

    client = await sim.connect()
    assert await sim.receive("x", 1, client)
    assert sim.now_s == pytest.approx(0.03)


async def test_removing_handlers():
    sim = create_websocket_simulator("perfect", seed=1)
    sim.on("x", print)
    sim.on("x", repr)
    assert sim.off("x", print)
    assert sim.event_handlers == {"x": [repr]}
    assert sim.off("x")
    assert not sim.off("x")
    assert sim.event_handlers == {}


async def test_connect_and_disconnect_handlers_get_the_client():
    sim = create_websocket_simulator("perfect", seed=1, disconnect_rate=1.0)
    seen = []
    sim.on("connect", lambda client: seen.append(("in", client)))

    @sim.on("disconnect")
    async def gone(client):
        seen.append(("out", client))

    client = await sim.connect()
    await sim.receive("x", 1, client)
    await sim.sleep(10)
    await sim.disconnect(client)
    assert [kind for kind, _ in seen] == ["in", "out", "in", "out"]
    assert {name for _, name in seen} == {client}


def test_what_is_no_handler_is_refused():
    sim = create_websocket_simulator("perfect")
    with pytest.raises(PayloadError, match="not callable"):
        sim.on("x", "print")
    with pytest.raises(PayloadError, match="not callable"):
        sim.set_default_handler(5)


async def test_only_the_last_hundred_failures_are_kept_and_all_are_counted():
    sim = create_websocket_simulator("perfect", seed=1)
    sim.on("x", lambda data: 1 / 0)
    client = await sim.connect()
    for number in range(120):
        await sim.receive("x", number, client)
    assert len(sim.errors) == 100
    assert sim.stats["errors"] == 120
