"""What outages share: their effect, and windows of time that are found by bisection."""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Mapping
from typing import ClassVar

from wsim.impairments import checks
from wsim.impairments.base import Outage

EFFECTS = ("drop", "hold", "close", "half_open")
"""What an outage does.

``drop``: messages sent meanwhile are lost, as on a radio. ``hold``: they wait for its end.
``close``: the connection is cut at once. ``half_open``: nothing arrives and nobody is told;
the heartbeat notices later.
"""

Window = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class EffectiveOutage(Outage):
    """An outage with one of the :data:`EFFECTS`."""

    units: ClassVar[Mapping[str, str]] = {}

    effect: str = dataclasses.field(default="drop", kw_only=True)

    def __post_init__(self) -> None:
        checks.choice(self, "effect", EFFECTS)


class RepeatingWindows:
    """Windows (start, end) within a period that repeats; ``period_ns`` 0 repeats nothing.

    Every window ends within the period. One that ends where the next begins is joined to it.
    """

    __slots__ = ("_period_ns", "_starts", "_windows")

    def __init__(self, windows: list[Window], period_ns: int) -> None:
        self._windows = _joined(windows)
        self._starts = [start for start, _ in self._windows]
        self._period_ns = period_ns

    def window(self, now_ns: int) -> Window | None:
        """Return the window that holds `now_ns`, or None."""
        base = now_ns // self._period_ns * self._period_ns if self._period_ns else 0
        place = bisect_right(self._starts, now_ns - base) - 1
        if place < 0 or now_ns - base >= self._windows[place][1]:
            return None
        return self._whole(base + self._windows[place][0], base + self._windows[place][1])

    def _whole(self, start: int, end: int) -> Window:
        """Join a window that touches the end of a period to the one that opens the next."""
        period = self._period_ns
        if not period or self._windows[0][0] != 0 or self._windows[-1][1] != period:
            return start, end
        if end % period == 0:
            end += self._windows[0][1]
        if start % period == 0 and start > 0:
            start -= period - self._windows[-1][0]
        return start, end

    def next_start_ns(self, now_ns: int) -> int | None:
        """Return the first start after `now_ns`, or None."""
        if not self._windows:
            return None
        base = now_ns // self._period_ns * self._period_ns if self._period_ns else 0
        place = bisect_right(self._starts, now_ns - base)
        if place < len(self._starts):
            return base + self._starts[place]
        if not self._period_ns:
            return None
        first = base + self._period_ns + self._starts[0]
        inside = self.window(first - 1)
        return self.next_start_ns(first) if inside else first


def _joined(windows: list[Window]) -> list[Window]:
    joined: list[Window] = []
    for start, end in windows:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
