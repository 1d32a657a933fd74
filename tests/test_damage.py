"""Damaged messages at the edge."""

from __future__ import annotations

from collections import Counter

import pytest

from wsim import create_websocket_simulator
from wsim.damage import arrive_damaged
from wsim.impairments.corruption import KINDS
from wsim.messages import Registry

COMMAND = {"linear": 0.5, "angular": -0.2}


def test_a_lost_field_passes_and_a_nan_does_not():
    arrival = arrive_damaged("driveCommands", COMMAND, 0.3, ("missing",), Registry())
    assert (arrival.data, arrival.fate) == ({"angular": -0.2}, "delivered")
    arrival = arrive_damaged("driveCommands", COMMAND, 0.3, ("nan",), Registry())
    assert (arrival.fate, arrival.cause) == ("refused", "validation")
    arrival = arrive_damaged("driveCommands", COMMAND, 0.3, ("nan",), None)
    assert arrival.fate == "delivered"
    arrival = arrive_damaged("driveCommands", COMMAND, 0.3, ("truncate",), Registry())
    assert (arrival.fate, arrival.cause) == ("dropped", "corrupt")
    assert COMMAND == {"linear": 0.5, "angular": -0.2}


@pytest.mark.wsim
async def test_a_simulator_delivers_what_arrives():
    sim = create_websocket_simulator("perfect", seed=1, corrupt_rate=1.0)
    heard = []
    sim.on("driveCommands", heard.append)
    client = await sim.connect()
    for _ in range(300):
        await sim.receive("driveCommands", COMMAND, client)
    fates = Counter(zip(sim.history["fate"], sim.history["cause"], strict=True))
    assert {("delivered", ""), ("refused", "validation"), ("dropped", "corrupt")} <= set(fates)
    assert len(heard) == fates["delivered", ""]
    values = {(c.get("linear"), c.get("angular")) for c in heard}
    assert {(-0.5, -0.2), (0.5, 0.2), (None, -0.2), (0.5, None)} <= values
    assert len(KINDS) == 5
    assert sim.stats["validation_errors"] == fates["refused", "validation"]
    assert sim.stats["messages_dropped"] == fates["dropped", "corrupt"]
