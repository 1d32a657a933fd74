"""Traffic played through a simulator."""

from __future__ import annotations

import pytest

from wsim import Traffic, create_websocket_simulator
from wsim.errors import UsageError

pytestmark = pytest.mark.wsim

DRIVE = Traffic.periodic("driveCommands", 10, size_bytes=60)


async def test_traffic_runs_beside_everything_else():
    sim = create_websocket_simulator("default", seed=1, disconnect_rate=0.0)
    await sim.sleep(2)
    clients = await sim.play_traffic(DRIVE, duration_s=3, clients=2)
    assert clients == ["client-1", "client-2"]
    assert sim.now_s == pytest.approx(4.9)
    await sim.sleep(1)
    assert len(sim.history) == 60
    assert sim.history["created_s"].min() == 2.0
    assert (sim.history["size_bytes"] == 60).all()


async def test_recorded_traffic_brings_its_clients_and_payloads():
    source = create_websocket_simulator("perfect", seed=1)
    await source.connect("operator")
    for number in range(3):
        await source.receive("driveCommands", {"linear": float(number)}, "operator")
        await source.sleep(0.5)
    sim = create_websocket_simulator("perfect", seed=1)
    heard = []
    sim.on("driveCommands", heard.append)
    assert await sim.play_traffic(Traffic.from_history(source.history)) == ["operator"]
    assert [command["linear"] for command in heard] == [0.0, 1.0, 2.0]


async def test_who_leaves_sends_no_more():
    sim = create_websocket_simulator("perfect", seed=1)
    sim.on("driveCommands", lambda data: sim.now_s > 1 and sim.dismiss("client-1"))
    await sim.play_traffic(DRIVE, duration_s=3)
    assert len(sim.history) == 12


async def test_recipes_need_an_end():
    with pytest.raises(UsageError, match="duration_s"):
        await create_websocket_simulator("perfect").play_traffic(DRIVE)
