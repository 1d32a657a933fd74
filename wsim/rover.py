"""A simulated rover: pure steps of motion and safety, and a driver that lives in a simulator.

It moves as it is told, stops by itself when it hears nothing for the watchdog's time, and
stays stopped after an emergency stop until that is released.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wsim.errors import ConditionsError

if TYPE_CHECKING:
    from wsim.simulator import WebSocketServerSimulator

WATCHDOG_S = 0.5
"""Seconds without a command after which real rovers stop."""
_DRAIN_PER_S = 0.001
_DRAIN_PER_M = 0.01
_ASK_AGAIN_NS = 100_000_000


@dataclasses.dataclass(frozen=True)
class RoverState:
    """Where a rover is, and what it does.

    Attributes
    ----------
    time_s
        When this was so, in simulated seconds.
    x_m, y_m, heading_rad
        Position and direction; 0 looks along x.
    forward_mps, sideways_mps, turn_radps
        The velocities last commanded, in the rover's own frame.
    heard_s
        When the last command came; minus infinity if none did.
    stopped
        True after an emergency stop.
    homing
        True while homing is asked for and no command came since.
    battery_percent
        Left in the battery.
    watchdog_trips
        How often it stopped because it heard nothing.
    """

    time_s: float = 0.0
    x_m: float = 0.0
    y_m: float = 0.0
    heading_rad: float = 0.0
    forward_mps: float = 0.0
    sideways_mps: float = 0.0
    turn_radps: float = 0.0
    heard_s: float = -math.inf
    stopped: bool = False
    homing: bool = False
    battery_percent: float = 100.0
    watchdog_trips: int = 0

    @property
    def moving(self) -> bool:
        """True if any velocity is not zero."""
        return bool(self.forward_mps or self.sideways_mps or self.turn_radps)

    @property
    def mode(self) -> str:
        """One word for operators: stopped, homing, driving or idle."""
        if self.stopped:
            return "stopped"
        return "homing" if self.homing else "driving" if self.moving else "idle"


def velocities(command: Mapping[str, Any]) -> tuple[float, float, float]:
    """Return forward and sideways speed in m/s and turn rate in rad/s of a drive command.

    Understands ``{linear, angular}`` and ``{xVel, yVel, rotVel}``, the latter with degrees per
    second; what is missing or None is zero.
    """

    def number(name: str) -> float:
        return float(command.get(name) or 0.0)

    if any(name in command for name in ("xVel", "yVel", "rotVel")):
        return number("xVel"), number("yVel"), math.radians(number("rotVel"))
    return number("linear"), 0.0, number("angular")


def advance(state: RoverState, now_s: float, *, watchdog_s: float = WATCHDOG_S) -> RoverState:
    """Move a rover to `now_s`; the watchdog stops it on the way if it is due.

    The motion under constant velocities is exact: an arc of a circle.
    """
    if not state.moving:
        return dataclasses.replace(state, time_s=max(now_s, state.time_s))
    trip_s = state.heard_s + watchdog_s
    if now_s < trip_s:
        return _moved(state, now_s)
    state = _moved(state, max(trip_s, state.time_s))
    return dataclasses.replace(
        state, time_s=now_s, forward_mps=0.0, sideways_mps=0.0, turn_radps=0.0,
        watchdog_trips=state.watchdog_trips + 1,
    )  # fmt: skip


def _moved(state: RoverState, now_s: float) -> RoverState:
    passed = now_s - state.time_s
    if passed <= 0:
        return state
    turned = state.turn_radps * passed
    # mean of the direction over the arc: sin(a)/a and (1 - cos(a))/a, a the angle turned
    along = math.sin(turned) / turned if turned else 1.0
    across = (1.0 - math.cos(turned)) / turned if turned else 0.0
    forward, left = state.forward_mps * passed, state.sideways_mps * passed
    ahead, aside = forward * along - left * across, forward * across + left * along
    cos, sin = math.cos(state.heading_rad), math.sin(state.heading_rad)
    spent = _DRAIN_PER_S * passed + _DRAIN_PER_M * math.hypot(forward, left)
    return dataclasses.replace(
        state,
        time_s=now_s,
        x_m=state.x_m + cos * ahead - sin * aside,
        y_m=state.y_m + sin * ahead + cos * aside,
        heading_rad=math.remainder(state.heading_rad + turned, math.tau),
        battery_percent=max(0.0, state.battery_percent - spent),
    )


def drive(
    state: RoverState, command: Any, now_s: float, *, watchdog_s: float = WATCHDOG_S
) -> RoverState:
    """Take a drive command at `now_s`; ignored while stopped."""
    state = advance(state, now_s, watchdog_s=watchdog_s)
    if state.stopped:
        return dataclasses.replace(state, heard_s=now_s)
    forward, sideways, turn = velocities(command if isinstance(command, Mapping) else {})
    return dataclasses.replace(
        state, forward_mps=forward, sideways_mps=sideways, turn_radps=turn, heard_s=now_s,
        homing=False,
    )  # fmt: skip


def stop(
    state: RoverState, now_s: float, *, release: bool = False, watchdog_s: float = WATCHDOG_S
) -> RoverState:
    """Stop at once and stay stopped, or `release` the stop."""
    state = advance(state, now_s, watchdog_s=watchdog_s)
    return dataclasses.replace(
        state, forward_mps=0.0, sideways_mps=0.0, turn_radps=0.0, stopped=not release, homing=False
    )


def home(state: RoverState, now_s: float, *, watchdog_s: float = WATCHDOG_S) -> RoverState:
    """Begin homing, standing still; refused while stopped."""
    state = advance(state, now_s, watchdog_s=watchdog_s)
    if state.stopped:
        return state
    return dataclasses.replace(
        state, forward_mps=0.0, sideways_mps=0.0, turn_radps=0.0, homing=True
    )


class Rover:
    """A rover behind a simulator: answers commands and publishes its state.

    Parameters
    ----------
    sim
        Where it lives; its handlers are registered at once.
    rate_hz
        Rate of ``systemStatus`` and of ``sensorData``; 0 publishes nothing. Can be changed.
    watchdog_s
        Seconds without a command after which it stops.

    Notes
    -----
    ``driveCommands``, ``emergencyStop`` and ``E_STOP`` (released by ``{"active": False}``),
    ``homingRequest`` and ``driveHoming``, and ``pingCheck`` are handled; all but the first
    are acknowledged. :meth:`start` or :meth:`publish` begins to publish.
    """

    def __init__(
        self,
        sim: WebSocketServerSimulator,
        *,
        rate_hz: float = 2.0,
        watchdog_s: float = WATCHDOG_S,
    ) -> None:
        self.sim, self.state = sim, RoverState()
        self.rate_hz = _not_negative("rate_hz", rate_hz)
        self.watchdog_s = _not_negative("watchdog_s", watchdog_s)
        self._running = 0  # number of the start that is in force; even: none
        self._readings = 0
        for event, handler in (
            ("driveCommands", self._drive),
            ("emergencyStop", self._stop),
            ("E_STOP", self._stop),
            ("homingRequest", self._home),
            ("driveHoming", self._home),
            ("pingCheck", self._ping),
        ):
            sim.on(event, handler)

    def start(self) -> None:
        """Begin to publish; call it in the simulator's loop."""
        self.stop()
        self._running += 1
        self._publish(self._running)

    def stop(self) -> None:
        """Publish no more."""
        self._running += self._running % 2

    async def publish(self) -> None:
        """Publish until cancelled."""
        self.start()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.stop()

    def status(self) -> dict[str, Any]:
        """Return the content of ``systemStatus`` as of now."""
        self._advance()
        state = self.state
        return {
            "battery": round(state.battery_percent, 2),
            "mode": state.mode,
            "position": {"x": round(state.x_m, 4), "y": round(state.y_m, 4)},
            "heading": round(math.degrees(state.heading_rad), 2),
            "speed": round(math.hypot(state.forward_mps, state.sideways_mps), 3),
        }

    def _readings_now(self) -> dict[str, Any]:
        """A thermometer on the drive that warms with speed; no random numbers."""
        self._advance()
        self._readings += 1
        speed = math.hypot(self.state.forward_mps, self.state.sideways_mps)
        return {"sensor": "drive_temperature", "value": round(21.0 + 4.0 * speed, 2), "unit": "C"}

    def _publish(self, running: int) -> None:
        if running != self._running:
            return
        if self.rate_hz:
            status = self.status()
            self.sim.update_rover_state(status)
            self.sim.emit_nowait("systemStatus", status)
            self.sim.emit_nowait("sensorData", self._readings_now())
        wait_ns = round(1e9 / self.rate_hz) if self.rate_hz else _ASK_AGAIN_NS
        clock = self.sim.clock
        clock.call_at(clock.now_ns() + wait_ns, lambda: self._publish(running))

    def _advance(self) -> None:
        self.state = advance(self.state, self.sim.now_s, watchdog_s=self.watchdog_s)

    def _drive(self, command: Any) -> None:
        self.state = drive(self.state, command, self.sim.now_s, watchdog_s=self.watchdog_s)

    def _stop(self, data: Any) -> dict[str, Any]:
        release = isinstance(data, Mapping) and data.get("active") is False
        now_s = self.sim.now_s
        self.state = stop(self.state, now_s, release=release, watchdog_s=self.watchdog_s)
        return {"stopped": self.state.stopped}

    def _home(self, data: Any) -> dict[str, Any]:
        self.state = home(self.state, self.sim.now_s, watchdog_s=self.watchdog_s)
        return {"homing": self.state.homing}

    def _ping(self, data: Any) -> dict[str, Any]:
        return {"pong": True, "time_s": round(self.sim.now_s, 6)}


def _not_negative(name: str, value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value < math.inf:
        raise ConditionsError(f"{name}={value!r} is not a number from 0")
    return float(value)
