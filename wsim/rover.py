"""A simulated rover behind a simulator: it does what it is told, and tells how it is.

It answers the events of real consoles, moves by the commands that reach it, stops by its
watchdog when they stop, and publishes ``systemStatus`` and ``sensorData``.
"""

from __future__ import annotations

import math
from typing import Any

from wsim.errors import UsageError
from wsim.simulator import WebSocketServerSimulator

WATCHDOG_S = 0.5
"""Without a command for this long, the rover stops."""
HOMING_S = 4.0
_EVENTS = ("driveCommands", "emergencyStop", "E_STOP", "homingRequest", "driveHoming", "pingCheck")


class Rover:
    """Handlers for the standard events, and a body that moves.

    Parameters
    ----------
    sim
        Its server; handlers of your own for the same events run too, those registered first.
    rate_hz
        How often it publishes; 0 never.
    watchdog_s
        Without a command for this long it stops; None: never.

    Attributes
    ----------
    mode
        ``idle``, ``teleop``, ``stopped`` (after an emergency stop, until commands have been
        zero) or ``homing``.
    x, y, heading, speed, turn
        In m, rad, m/s and rad/s.

    Examples
    --------
    >>> from wsim import create_websocket_simulator, run
    >>> async def main():
    ...     sim = create_websocket_simulator("perfect", seed=1)
    ...     rover = Rover(sim)
    ...     operator = await sim.connect()
    ...     await sim.receive("driveCommands", {"linear": 0.5}, operator)
    ...     await sim.sleep(2)
    ...     return rover.moved().mode, rover.x
    >>> run(main())
    ('idle', 0.25)
    """

    def __init__(
        self,
        sim: WebSocketServerSimulator,
        *,
        rate_hz: float = 10.0,
        watchdog_s: float | None = WATCHDOG_S,
    ) -> None:
        if not 0 <= rate_hz <= 1000:
            raise UsageError(f"rate_hz={rate_hz!r} is not a rate from 0 to 1000 Hz")
        self.sim, self.rate_hz, self.watchdog_s = sim, rate_hz, watchdog_s
        self.x = self.y = self.heading = self.speed = self.turn = 0.0
        self.battery, self.mode, self.watchdog_trips = 100.0, "idle", 0
        self._at_s = sim.now_s
        self._until_s = math.inf  # when the watchdog bites, or homing is over
        self._ticks = 0
        for event in _EVENTS:
            sim.on(event, getattr(self, f"_on_{event}"))

    def detach(self) -> None:
        """Answer no more events."""
        for event in _EVENTS:
            self.sim.off(event, getattr(self, f"_on_{event}"))

    # -- what it is told -----------------------------------------------------------------

    def _on_driveCommands(self, command: Any = None) -> None:  # noqa: N802  (named by the event)
        self.moved()
        speed, turn = velocities(command)
        if self.mode == "stopped" and (speed or turn):
            return  # the operator has to let go before it moves again
        if self.mode == "homing":
            return
        self.speed, self.turn, self.mode = speed, turn, "teleop"
        self._until_s = math.inf if self.watchdog_s is None else self._at_s + self.watchdog_s

    def _on_emergencyStop(self, order: Any = None) -> dict[str, Any]:  # noqa: N802
        self.moved()
        self._halt("stopped")
        return {"stopped": True}

    _on_E_STOP = _on_emergencyStop  # noqa: N815

    def _on_homingRequest(self, order: Any = None) -> dict[str, Any]:  # noqa: N802
        self.moved()
        self._halt("homing")
        self._until_s = self._at_s + HOMING_S
        return {"accepted": True}

    _on_driveHoming = _on_homingRequest  # noqa: N815

    def _on_pingCheck(self, asked: Any = None) -> dict[str, Any]:  # noqa: N802
        return {"at_s": self.sim.now_s}

    def _halt(self, mode: str) -> None:
        self.speed = self.turn = 0.0
        self.mode, self._until_s = mode, math.inf

    # -- what it does --------------------------------------------------------------------

    def moved(self) -> Rover:
        """Move to the present: as told until the watchdog bites, and stand after that."""
        now_s = self.sim.now_s
        if self._until_s <= now_s:
            self._move(self._until_s)
            self.watchdog_trips += self.mode == "teleop" and bool(self.speed or self.turn)
            self._halt("idle")
        self._move(now_s)
        return self

    def _move(self, to_s: float) -> None:
        """Along an arc of constant speed and turn."""
        seconds = max(0.0, to_s - self._at_s)
        self._at_s = max(to_s, self._at_s)
        half = 0.5 * self.turn * seconds
        chord = self.speed * seconds * (math.sin(half) / half if half else 1.0)
        self.x += chord * math.cos(self.heading + half)
        self.y += chord * math.sin(self.heading + half)
        self.heading += 2 * half
        self.battery = max(0.0, self.battery - (0.002 + 0.01 * abs(self.speed)) * seconds)

    def status(self) -> dict[str, Any]:
        """Return what it publishes as ``systemStatus``."""
        self.moved()
        return {
            "battery": round(self.battery, 2),
            "mode": self.mode,
            "position": {"x": round(self.x, 3), "y": round(self.y, 3)},
            "heading": round(self.heading, 4),
            "speed": self.speed,
        }

    def sensors(self) -> dict[str, Any]:
        """Return what it publishes as ``sensorData``: shaken by its speed, the same every run."""
        self._ticks += 1
        shake = [
            math.sin(self._ticks * k) * (0.02 + 0.1 * abs(self.speed)) for k in (1.3, 2.1, 3.7)
        ]
        accel = [round(g + s, 3) for g, s in zip((0.0, 0.0, 9.81), shake, strict=True)]
        return {
            "imu": {"accel": accel, "gyro": [0.0, 0.0, round(self.turn, 4)]},
            "temperature": round(31 + 6 * abs(self.speed), 1),
        }

    async def publish(self) -> None:
        """Publish status and sensors at the rate, for ever; the state is the simulator's too."""
        while self.rate_hz:
            status = self.status()
            self.sim.update_rover_state(status)
            self.sim.emit_nowait("systemStatus", status)
            self.sim.emit_nowait("sensorData", self.sensors())
            await self.sim.sleep(1 / self.rate_hz)


def velocities(command: Any) -> tuple[float, float]:
    """Return speed in m/s and turn in rad/s of a drive command, in either of its dialects.

    ``{linear, angular}``, or ``{xVel, yVel}`` in m/s with ``rotVel`` in deg/s, where forward
    is ``yVel`` if it is given and ``xVel`` else. What is missing is zero.
    """
    if not isinstance(command, dict):
        return 0.0, 0.0
    if command.keys() & {"xVel", "yVel", "rotVel"}:
        x, y = _number(command.get("xVel")), _number(command.get("yVel"))
        return math.copysign(math.hypot(x, y), y or x), math.radians(_number(command.get("rotVel")))
    return _number(command.get("linear")), _number(command.get("angular"))


def _number(value: Any) -> float:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if plain and math.isfinite(value) else 0.0
