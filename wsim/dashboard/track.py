"""Where a simple rover goes when it hears drive commands: a unicycle with a watchdog."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from wsim.dashboard.view import FloatArray

WATCHDOG_S = 0.5
_SPACING_S = 0.1
_KEEP = 20_000


class Track:
    """The position of a rover over time.

    It moves at the speed of the newest command it has heard, stops by itself when it has heard
    none for half a second, and stays stopped after an emergency stop until a command of zero
    speed has come and then another.
    """

    def __init__(self) -> None:
        self.x = self.y = self.heading = 0.0
        self.linear = self.angular = 0.0
        self.stopped = False
        self.commands = 0
        self._now_s = 0.0
        self._heard_s = -math.inf
        self._points: list[tuple[float, float]] = [(0.0, 0.0)]
        self._next_point_s = _SPACING_S

    def hear(self, command: Mapping[str, Any], now_s: float) -> None:
        """Take a drive command that arrives now."""
        self.move_to(now_s)
        self._heard_s = now_s
        self.commands += 1
        linear, angular = _speeds(command)
        if self.stopped and linear == angular == 0.0:
            self.stopped = False
        if not self.stopped:
            self.linear, self.angular = linear, angular

    def stop(self, now_s: float) -> None:
        """Take an emergency stop that arrives now."""
        self.move_to(now_s)
        self.linear = self.angular = 0.0
        self.stopped = True

    def move_to(self, now_s: float) -> None:
        """Let time pass; motion ends where the watchdog bites."""
        until = min(now_s, self._heard_s + WATCHDOG_S)
        while self._now_s < until and (self.linear or self.angular):
            step = min(_SPACING_S, until - self._now_s)
            self._turn_and_go(step)
        self._now_s = max(self._now_s, now_s)
        if now_s > self._heard_s + WATCHDOG_S:
            self.linear = self.angular = 0.0

    def _turn_and_go(self, seconds: float) -> None:
        middle = self.heading + self.angular * seconds / 2
        self.x += self.linear * seconds * math.cos(middle)
        self.y += self.linear * seconds * math.sin(middle)
        self.heading += self.angular * seconds
        self._now_s += seconds
        if self._now_s >= self._next_point_s:
            self._next_point_s = self._now_s + _SPACING_S
            self._points.append((self.x, self.y))
            if len(self._points) > _KEEP:
                del self._points[: _KEEP // 2]

    def points(self) -> FloatArray:
        """Return the way so far, one row (x, y) in metres for each tenth of a second of motion."""
        return np.array([*self._points, (self.x, self.y)])


def _speeds(command: Mapping[str, Any]) -> tuple[float, float]:
    """Return m/s and rad/s of either kind of drive command."""
    linear = command.get("linear", command.get("xVel")) or 0.0
    turn = command.get("angular")
    if turn is None:
        turn = math.radians(command.get("rotVel") or 0.0)
    return float(linear), float(turn)
