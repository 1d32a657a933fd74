"""The loop a simulator belongs to, and calls from elsewhere."""

from __future__ import annotations

import asyncio
import threading

import pytest

from wsim import create_websocket_simulator, run
from wsim.errors import UsageError


def test_time_goes_on_in_the_next_loop():
    sim = create_websocket_simulator("perfect", seed=1, latency_ms=100)

    async def first():
        await sim.connect("rover")

    async def second():
        before = sim.now_s
        assert await sim.emit("x", 1, "rover")
        return before, sim.now_s

    run(first())
    before, after = run(second())
    assert (before, after) == (pytest.approx(0.1), pytest.approx(0.2))


def test_what_is_in_flight_lands_in_the_next_loop():
    sim = create_websocket_simulator("perfect", seed=1, latency_ms=1000)

    async def first():
        sim.admit("rover")
        sim.emit_nowait("x", 1, "rover")

    async def second():
        await sim.sleep(2)

    run(first())
    assert len(sim.history) == 0
    run(second())
    assert sim.history["latency_ms"].tolist() == [1000.0]


@pytest.mark.realtime
def test_a_profile_brings_its_time_scale_to_a_live_simulator():
    sim = create_websocket_simulator("perfect", seed=1)

    async def main():
        sim.admit("rover")
        before = sim.clock.scale
        sim.set_profile("mars")
        return before, sim.clock.scale

    assert asyncio.run(main()) == (1.0, 300.0)


def test_the_clock_needs_a_loop():
    sim = create_websocket_simulator("perfect")
    assert sim.now_s == 0.0
    with pytest.raises(UsageError, match="running event loop"):
        sim.clock  # noqa: B018


@pytest.fixture
def elsewhere():
    """A loop that runs in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_calls_from_other_loops_and_threads_are_carried_home(elsewhere):
    sim = create_websocket_simulator("perfect", seed=1)
    homes = []
    sim.on("x", lambda data: homes.append(asyncio.get_running_loop()))

    async def settle():
        return await sim.connect("rover")

    asyncio.run_coroutine_threadsafe(settle(), elsewhere).result(5)

    async def visit():
        assert await sim.receive("x", 1, "rover")
        assert await sim.emit("y", 1)
        assert await sim.call("x", 2, "rover") is None
        with pytest.raises(UsageError, match="another loop"):
            sim.receive_nowait("x", 1, "rover")
        sim.set_network_conditions({"latency_ms": 1})
        sim.set_profile("default")
        sim.clear_history()
        return await sim.disconnect("rover")

    assert asyncio.run(visit())
    assert homes == [elsewhere, elsewhere]
    assert sim.network_conditions.latency_ms == 50.0
    assert len(sim.history) == 0


def test_a_loop_that_does_not_answer_is_named(elsewhere, monkeypatch):
    from wsim.simulation import home

    monkeypatch.setattr(home, "_PATIENCE_S", 0.05)
    sim = create_websocket_simulator("perfect", seed=1)

    async def settle():
        await sim.connect()

    asyncio.run_coroutine_threadsafe(settle(), elsewhere).result(5)
    gate = threading.Event()
    elsewhere.call_soon_threadsafe(gate.wait)
    try:
        with pytest.raises(UsageError, match="did not answer"):
            sim.set_network_conditions({"latency_ms": 1})
    finally:
        gate.set()
