"""Clients coming and going."""

from __future__ import annotations

import asyncio

import pytest

from wsim import ConnectionState, create_websocket_simulator
from wsim.errors import UsageError

pytestmark = pytest.mark.wsim


async def test_clients_are_numbered_in_the_order_of_connecting():
    sim = create_websocket_simulator("perfect", seed=1, latency_ms=5)
    names = await asyncio.gather(sim.connect(), sim.connect("rover"), sim.connect())
    assert names == ["client-1", "rover", "client-3"]
    assert [sim.connected_clients[name].index for name in names] == [0, 1, 2]


async def test_names_are_unique_among_those_present_and_can_be_used_again():
    sim = create_websocket_simulator("perfect", seed=1)
    await sim.connect("rover")
    with pytest.raises(UsageError, match="connected already"):
        await sim.connect("rover")
    await sim.disconnect("rover")
    assert await sim.connect("rover") == "rover"
    assert await sim.emit("x", 1, "rover")
    assert sim.connected_clients["rover"].index == 1
    for nonsense in ("", 5, b"x"):
        with pytest.raises(UsageError, match=r"is no name|not a text"):
            await sim.connect(nonsense)


async def test_connecting_can_be_given_up():
    sim = create_websocket_simulator("perfect", seed=1, latency_ms=1000)
    task = asyncio.create_task(sim.connect("rover"))
    await asyncio.sleep(0.1)
    assert sim.client_state("rover") is ConnectionState.CONNECTING
    assert await sim.emit("x", 1, "rover") is False
    assert sim.get_message_history()[-1].cause == "not_connected"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sim.client_state("rover") is ConnectionState.DISCONNECTED
    assert sim.connection_state is ConnectionState.DISCONNECTED
    assert sim.stats["connections"] == 0


async def test_an_outage_holds_the_handshake():
    sim = create_websocket_simulator(
        "perfect", seed=1, latency_ms=10, outage={"kind": "windows", "windows_s": [[0, 3]]}
    )
    await sim.connect()
    assert sim.now_s == pytest.approx(3.01)


async def test_the_notes_tell_of_connections():
    sim = create_websocket_simulator("perfect", seed=1, latency_ms=10)
    client = await sim.connect()
    await sim.disconnect(client)
    notes = sim.history.attrs["wsim"]["run-1"]["connections"]
    assert [(n["at_s"], n["state"]) for n in notes] == [(0.01, "connected"), (0.01, "disconnected")]


async def test_closing_disconnects_everybody():
    sim = create_websocket_simulator("perfect", seed=1)
    for _ in range(3):
        await sim.connect()
    await sim.close()
    assert len(sim.connected_clients) == 0
    assert sim.stats["disconnections"] == 3


async def test_a_strict_connect_handler_raises():
    sim = create_websocket_simulator("perfect", seed=1, strict=True)
    sim.on("connect", lambda client: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await sim.connect()
