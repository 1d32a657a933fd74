"""The simulated rover: obeys, stops by its watchdog, stays stopped, and tells how it is."""

from __future__ import annotations

import math

import pytest

from wsim import run
from wsim.errors import ConditionsError
from wsim.rover import Rover, RoverState, advance, drive, velocities
from wsim.simulator import create_websocket_simulator


def play(script, **options):
    async def main():
        sim = create_websocket_simulator("perfect", seed=1)
        rover = Rover(sim, **options)
        return await script(sim, rover, await sim.connect())

    return run(main())


def test_it_drives_an_arc_and_the_watchdog_stops_it():
    state = drive(RoverState(), {"linear": 1.0, "angular": 1.0}, 0.0)
    state = advance(state, 3.0)
    assert state.heading_rad == pytest.approx(0.5)
    assert (state.x_m, state.y_m) == (
        pytest.approx(math.sin(0.5)),
        pytest.approx(1 - math.cos(0.5)),
    )
    assert (state.mode, state.moving, state.watchdog_trips) == ("idle", False, 1)


def test_looking_often_makes_no_difference():
    once = advance(drive(RoverState(), {"linear": 1.0, "angular": 0.7}, 0.0), 3.0)
    often = drive(RoverState(), {"linear": 1.0, "angular": 0.7}, 0.0)
    for step in range(1, 301):
        often = advance(often, step / 100)
    assert (often.x_m, often.y_m) == (pytest.approx(once.x_m), pytest.approx(once.y_m))
    assert often.watchdog_trips == once.watchdog_trips == 1


def test_commands_in_time_keep_it_going():
    async def script(sim, rover, operator):
        for _ in range(20):
            await sim.receive("driveCommands", {"linear": 0.5}, operator)
            await sim.sleep(0.1)
        return rover.status(), rover.state.watchdog_trips

    status, trips = play(script)
    assert status["position"]["x"] == pytest.approx(1.0)
    assert trips == 0


@pytest.mark.parametrize("event", ["emergencyStop", "E_STOP"])
def test_a_stop_holds_until_it_is_released(event):
    async def script(sim, rover, operator):
        command = ("driveCommands", {"linear": 1.0}, operator)
        await sim.receive(*command)
        answers = [await sim.call(event, {}, operator)]
        await sim.receive(*command)
        held = rover.status()["mode"]
        answers.append(await sim.call(event, {"active": False}, operator))
        await sim.receive(*command)
        return answers, held, rover.status()["mode"]

    answers, held, then = play(script)
    assert answers == [{"stopped": True}, {"stopped": False}]
    assert (held, then) == ("stopped", "driving")


@pytest.mark.parametrize("event", ["homingRequest", "driveHoming"])
def test_homing_stands_still(event):
    async def script(sim, rover, operator):
        await sim.receive("driveCommands", {"linear": 1.0}, operator)
        answer = await sim.call(event, None, operator)
        return answer, rover.status()["mode"], rover.state.moving

    assert play(script) == ({"homing": True}, "homing", False)


def test_it_publishes_and_keeps_the_state_of_the_simulator():
    async def script(sim, rover, operator):
        rover.start()
        await sim.sleep(1.01)
        rover.stop()
        await sim.sleep(1)
        return sim.history.event_name.value_counts().to_dict(), sim.get_rover_state()["mode"]

    counts, mode = play(script, rate_hz=20)
    assert counts == {"systemStatus": 21, "sensorData": 21}
    assert mode == "idle"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ({"linear": 0.5, "angular": -1}, (0.5, 0.0, -1.0)),
        ({"linear": 0.5}, (0.5, 0.0, 0.0)),
        ({"xVel": 0.1, "yVel": 0.7, "rotVel": 90}, (0.1, 0.7, math.pi / 2)),
        ({"linear": None}, (0.0, 0.0, 0.0)),
    ],
)
def test_both_dialects_of_a_command(command, expected):
    assert velocities(command) == pytest.approx(expected)


@pytest.mark.parametrize("rate_hz", [-1, math.nan, True, "often"])
def test_a_rate_that_cannot_be(rate_hz):
    with pytest.raises(ConditionsError, match="rate_hz"):
        play(None, rate_hz=rate_hz)
