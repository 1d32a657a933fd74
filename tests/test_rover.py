"""The simulated rover: obeys, stops by its watchdog, stays stopped, and tells how it is."""

from __future__ import annotations

import math

import pytest

from wsim import run
from wsim.errors import UsageError
from wsim.rover import HOMING_S, Rover, velocities
from wsim.simulator import create_websocket_simulator


def play(script, **options):
    async def main():
        sim = create_websocket_simulator("perfect", seed=1)
        rover = Rover(sim, **options)
        return await script(sim, rover, await sim.connect())

    return run(main())


def test_it_drives_an_arc_and_the_watchdog_stops_it():
    async def script(sim, rover, operator):
        await sim.receive("driveCommands", {"linear": 1.0, "angular": 1.0}, operator)
        await sim.sleep(3)
        return rover.moved()

    rover = play(script)
    assert rover.heading == pytest.approx(0.5)
    assert (rover.x, rover.y) == (
        pytest.approx(math.sin(0.5)),
        pytest.approx(1 - math.cos(0.5)),
    )
    assert (rover.mode, rover.speed, rover.watchdog_trips) == ("idle", 0.0, 1)


def test_commands_in_time_keep_it_going():
    async def script(sim, rover, operator):
        for _ in range(20):
            await sim.receive("driveCommands", {"linear": 0.5}, operator)
            await sim.sleep(0.1)
        return rover.moved()

    rover = play(script)
    assert rover.x == pytest.approx(1.0)
    assert rover.watchdog_trips == 0


def test_without_a_watchdog_it_drives_on():
    async def script(sim, rover, operator):
        await sim.receive("driveCommands", {"linear": 0.5}, operator)
        await sim.sleep(10)
        return rover.moved().x

    assert play(script, watchdog_s=None) == pytest.approx(5.0)


@pytest.mark.parametrize("event", ["emergencyStop", "E_STOP"])
def test_a_stop_holds_until_the_operator_lets_go(event):
    async def script(sim, rover, operator):
        drive = ("driveCommands", {"linear": 1.0}, operator)
        await sim.receive(*drive)
        answer = await sim.call(event, {}, operator)
        await sim.receive(*drive)
        held = rover.moved().mode
        await sim.receive("driveCommands", {"linear": 0, "angular": 0}, operator)
        await sim.receive(*drive)
        return answer, held, rover.moved().mode

    assert play(script) == ({"stopped": True}, "stopped", "teleop")


@pytest.mark.parametrize("event", ["homingRequest", "driveHoming"])
def test_homing_takes_a_while_and_ignores_commands(event):
    async def script(sim, rover, operator):
        await sim.receive(event, None, operator)
        await sim.receive("driveCommands", {"linear": 1.0}, operator)
        during = (rover.moved().mode, rover.speed)
        await sim.sleep(HOMING_S + 0.1)
        return during, rover.moved().mode

    assert play(script) == (("homing", 0.0), "idle")


def test_it_publishes_and_keeps_the_state_of_the_simulator():
    async def script(sim, rover, operator):
        import asyncio

        task = asyncio.create_task(rover.publish())
        await sim.sleep(1.01)
        task.cancel()
        return sim.history.event_name.value_counts().to_dict(), sim.get_rover_state()["mode"]

    counts, mode = play(script, rate_hz=20)
    assert counts == {"systemStatus": 21, "sensorData": 21}
    assert mode == "idle"


def test_what_it_publishes_is_valid_and_repeatable():
    async def script(sim, rover, operator):
        await sim.emit("systemStatus", rover.status())
        await sim.emit("sensorData", rover.sensors())
        return list(sim.history.fate), rover.sensors()

    assert play(script) == play(script)
    assert play(script)[0] == ["delivered", "delivered"]


def test_detached_it_answers_nothing():
    async def script(sim, rover, operator):
        rover.detach()
        await sim.receive("driveCommands", {"linear": 1.0}, operator)
        return sim.event_handlers, rover.moved().speed

    assert play(script) == ({}, 0.0)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ({"linear": 0.5, "angular": -1}, (0.5, -1.0)),
        ({"linear": 0.5}, (0.5, 0.0)),
        ({"xVel": 0, "yVel": 0.7, "rotVel": 90}, (0.7, math.pi / 2)),
        ({"xVel": -0.3}, (-0.3, 0.0)),
        ({"xVel": 3, "yVel": -4}, (-5.0, 0.0)),
        (None, (0.0, 0.0)),
        ({"linear": None, "angular": True}, (0.0, 0.0)),
    ],
)
def test_both_dialects_of_a_command(command, expected):
    assert velocities(command) == pytest.approx(expected)


@pytest.mark.parametrize("rate_hz", [-1, math.nan, 1e6])
def test_a_rate_that_cannot_be(rate_hz):
    with pytest.raises(UsageError, match="rate_hz"):
        play(None, rate_hz=rate_hz)
