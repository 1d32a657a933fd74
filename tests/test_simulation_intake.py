"""What becomes of messages that never reach a network: each leaves its row, and is counted."""

from __future__ import annotations

from typing import Any

import pytest

from wsim import create_websocket_simulator

pytestmark = pytest.mark.wsim  # in virtual time


class Door:
    """Stands for a real client, which may be away."""

    def __init__(self, *, away: bool) -> None:
        self.away = away
        self.taken: list[tuple[str, str]] = []

    def send(self, event: str, args: tuple[Any, ...], client_id: str, message_id: str) -> bool:
        if not self.away:
            self.taken.append((event, client_id))
        return not self.away


async def test_a_message_to_a_real_client_that_is_away_is_dropped_and_counted():
    sim = create_websocket_simulator("perfect", seed=1)
    client = sim.admit(endpoint=Door(away=True))
    assert not await sim.emit("status", {"battery": 5}, client.id)
    sim.emit_nowait("status", {"battery": 5})
    assert sim.history["cause"].tolist() == ["not_connected"] * 2
    assert sim.stats["messages_dropped"] == sim.stats["messages_sent"] == 2
    assert sim.stats["messages_in_flight"] == 0


async def test_a_message_that_a_real_client_gets_is_left_to_its_door():
    sim = create_websocket_simulator("perfect", seed=1)
    door = Door(away=False)
    client = sim.admit(endpoint=door)
    assert await sim.emit("status", {"battery": 5}, client.id)
    assert door.taken == [("status", client.id)]
    assert len(sim.history) == 0


@pytest.mark.parametrize("validating", [True, False])
async def test_what_socket_io_cannot_carry_is_refused_checked_or_not(validating):
    sim = create_websocket_simulator("default", seed=1, validate_messages=validating)
    client = await sim.connect()
    real = sim.admit(endpoint=Door(away=False))
    hostile = {"a": object()}
    assert not await sim.receive("mine", hostile, client)
    assert not await sim.emit("mine", hostile, client)
    assert not await sim.emit("mine", float("nan"), real.id)
    assert not await sim.emit("mine", {1, 2}, "gone")
    assert not await sim.emit("mine", hostile)
    with pytest.raises(TimeoutError):
        await sim.call("mine", hostile, client)
    sim.receive_nowait("mine", hostile, client)
    await sim.sleep(1)
    assert set(sim.history["fate"]) == {"refused"}
    assert len(sim.history) == sim.stats["validation_errors"] == 8
    assert sim.stats["messages_in_flight"] == 0
