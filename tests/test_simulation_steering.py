"""Changing a network while it runs, and doors that follow."""

from __future__ import annotations

import asyncio

import pytest

from wsim import NetworkConditions, create_websocket_simulator
from wsim.errors import UnknownNameError, UsageError
from wsim.timeline import Timeline

pytestmark = pytest.mark.wsim


async def test_a_timeline_counts_from_the_start_of_the_run():
    sim = create_websocket_simulator("perfect", seed=1)
    client = await sim.connect()
    await sim.sleep(5)
    story = (
        Timeline()
        .at(2, set={"latency_ms": 10})
        .at(10, profile="mars_near")
        .at(20, outage=True, for_s=5)
        .at(30, restore=True)
    )
    playing = asyncio.create_task(sim.play(story))
    await sim.sleep(0.1)
    assert sim.network_conditions.latency_ms == 10  # what is past happens at once
    await sim.sleep(5)
    assert sim.network_conditions.latency_ms == 182_000
    await sim.sleep(12)
    assert await sim.receive("x", 1, client) is False
    assert sim.get_message_history()[-1].cause == "outage"
    await playing
    assert sim.now_s == 30.0
    assert sim.network_conditions.latency_ms == 0
    changes = sim.history.attrs["wsim"]["run-1"]["changes"]
    assert [change["at_s"] for change in changes] == [5.0, 10.0, 20.0, 25.0, 30.0]
    assert [change["profile"] for change in changes][1:] == [
        "mars_near", "outage", "mars_near", "perfect",
    ]  # fmt: skip


async def test_a_profile_is_set_by_name_and_recorded_with_the_rows():
    sim = create_websocket_simulator("perfect", seed=1)
    client = await sim.connect()
    await sim.receive("x", 1, client)
    assert sim.set_profile("mars_near").name == "mars_near"
    await sim.receive("x", 2, client)
    assert sim.history["profile"].tolist() == ["perfect", "mars_near"]
    with pytest.raises(UnknownNameError, match="mars"):
        sim.set_profile("mras")
    assert sim.network_conditions.latency_ms == 182_000


def test_whole_conditions_may_be_set_and_nonsense_may_not():
    sim = create_websocket_simulator("perfect", seed=1)
    conditions = NetworkConditions(latency_ms=3)
    assert sim.set_network_conditions(conditions) == conditions == sim.conditions
    with pytest.raises(UsageError, match="latency_ms"):
        sim.set_network_conditions("stressed")


class Door:
    """An endpoint that notes what it is told."""

    def __init__(self):
        self.sent, self.changes, self.gone = [], 0, []

    def send(self, event, args, client_id, message_id):
        self.sent.append((event, args, client_id, message_id))
        return True

    async def disconnect(self, client_id):
        self.gone.append(client_id)
        return True

    def check_conditions(self, conditions, name):
        """Everything will do."""

    def conditions_changed(self):
        self.changes += 1


async def test_real_clients_are_reached_through_their_door():
    from wsim import Link

    sim = create_websocket_simulator("perfect", seed=1, latency_ms=10)
    door = Door()
    forget = sim.add_endpoint(door)
    simulated = await sim.connect()
    link = Link(sim.conditions, seed=sim.seed, client=1)
    real = sim.admit("browser", endpoint=door, link=link)
    assert real.index == 1
    assert set(sim.connected_clients) == {simulated, "browser"}
    assert await sim.emit("status", {"battery": 5})
    event, args, client_id, message_id = door.sent[0]
    assert (event, client_id) == ("status", "browser")
    assert args[0]["message_id"] == message_id
    assert args[0]["battery"] == 5
    assert sim.history["client_id"].tolist() == [simulated]  # the door writes its own rows
    sim.set_network_conditions({"latency_ms": 5})
    assert door.changes == 1
    # messages that come through the door
    sim.on("x", lambda data: data["n"] + 1)
    verdict = sim.inspect("x", ({"n": 1},))
    assert verdict.ok
    assert verdict.size_bytes == len('2["x",{"n":1}]')
    assert await sim.handle("x", verdict.args, "browser") == 2
    refused = sim.inspect("driveCommands", ({"linear": "x"},))
    assert (refused.ok, refused.args) == (False, ({"linear": "x"},))
    assert "linear" in refused.reason
    sim.account("inbound", "delivered", 5_000_000)
    assert sim.stats["messages_received"] == 1
    with pytest.raises(ValueError, match="real client"):
        await sim.receive("x", {}, "browser")
    # leaving
    await sim.disconnect("browser")
    assert door.gone == ["browser"]
    sim.dismiss("browser")
    assert "browser" not in sim.connected_clients
    assert await sim.handle("x", ({"n": 1},), "browser") is None
    forget()
    sim.set_network_conditions({"latency_ms": 6})
    assert door.changes == 1
