"""The live edge of the channels."""

from __future__ import annotations

import asyncio

import pytest

from wsim import create_websocket_simulator, run

pytestmark = pytest.mark.wsim


async def test_alarms_do_not_multiply():
    """A message asks for one look; what is out of date finds nothing to do and asks for none."""
    sim = create_websocket_simulator("stressed", seed=1, disconnect_rate=0.0)
    client = sim.admit()
    looks, alarms = [0], [0]
    pump, call_at = sim._net.pump, sim.clock.call_at

    def counted_pump(client):
        looks[0] += 1
        pump(client)

    def counted_call_at(due_ns, callback):
        alarms[0] += 1
        call_at(due_ns, callback)

    sim._net.pump = counted_pump
    sim._net.clock.call_at = counted_call_at
    for number in range(1_000):
        sim.receive_nowait("x", number, client.id)
        sim.emit_nowait("y", number, client.id)
        await asyncio.sleep(0.003)
    await asyncio.sleep(5)
    assert len(sim.history) == 2_000
    assert looks[0] <= 2_000
    assert alarms[0] <= 3_000


async def test_nothing_is_left_behind():
    sim = create_websocket_simulator("stressed", seed=1, disconnect_rate=0.0)
    client = sim.admit()
    for number in range(100):
        sim.receive_nowait("x", number, client.id)
    await asyncio.sleep(10)
    assert client.at_work == ()
    assert client.inbound.in_flight == client.outbound.in_flight == 0
    assert sim.stats["messages_in_flight"] == 0


def test_duplicates_run_handlers_again_and_count_apart():
    async def main():
        sim = create_websocket_simulator("perfect", seed=1, latency_ms=5, duplicate_rate=0.5)
        heard = []
        sim.on("x", lambda data: heard.append(data["message_id"]))
        client = await sim.connect()
        for number in range(200):
            await sim.receive("x", {"n": number}, client)
        await sim.sleep(1)
        return sim.stats, heard, sim.history

    stats, heard, frame = run(main())
    assert stats["messages_received"] == 200 == len(set(heard))
    assert stats["duplicates"] == len(heard) - 200 == (frame["copy"] > 0).sum() > 50


async def test_lateness_is_only_for_live_runs():
    sim = create_websocket_simulator("perfect", seed=1, latency_ms=5)
    client = await sim.connect()
    await sim.receive("x", 1, client)
    assert sim.history["lateness_ms"].isna().all()


@pytest.mark.realtime
def test_lateness_stands_beside_the_simulated_latency():
    async def main():
        sim = create_websocket_simulator("perfect", seed=1, latency_ms=20)
        client = sim.admit().id
        for number in range(10):
            await sim.receive("x", number, client)
        sim.set_network_conditions({"latency_ms": 0})
        await sim.receive("x", 10, client)
        return sim.history

    frame = asyncio.run(main())
    assert (frame["latency_ms"][:10] == 20).all()
    assert (frame["lateness_ms"] >= 0).all()
    assert frame["lateness_ms"].iloc[-1] == 0
