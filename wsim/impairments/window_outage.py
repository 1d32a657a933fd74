"""Outages at known times: a contact plan, the horizon, a fault injected on purpose."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from wsim.errors import ConditionsError
from wsim.impairments import checks
from wsim.impairments.base import OutageState
from wsim.impairments.outages import EffectiveOutage, RepeatingWindows
from wsim.randomness import Stream


@dataclasses.dataclass(frozen=True)
class WindowOutage(EffectiveOutage):
    """Out within fixed windows of time, once or again in every period.

    Attributes
    ----------
    windows_s
        Pairs (start, end) in seconds from the start of the run, in order, apart.
    period_s
        Repeat the windows after this time; 0: once.
    effect
        ``drop``, ``hold``, ``close`` or ``half_open``.
    """

    kind: ClassVar[str] = "windows"
    units: ClassVar[Mapping[str, str]] = {"windows_s": "s", "period_s": "s"}

    windows_s: tuple[tuple[float, float], ...] = ()
    period_s: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.windows(self, "windows_s")
        checks.number(self, "period_s", 0.0, 1e9)
        if not self.windows_s:
            raise ConditionsError("outage 'windows' has no window; give windows_s=((start, end),)")
        if self.period_s and self.windows_s[-1][1] > self.period_s:
            raise ConditionsError(
                f"outage 'windows': the last window ends at {self.windows_s[-1][1]:g} s, after"
                f" period_s={self.period_s:g}"
            )
        down = sum(end - start for start, end in self.windows_s)
        if self.period_s and down >= self.period_s:
            raise ConditionsError("outage 'windows' fills its period: the link is never up")

    def start(self, stream: Stream) -> OutageState:
        """Return the windows; nothing is random."""
        windows = [(round(start * 1e9), round(end * 1e9)) for start, end in self.windows_s]
        return RepeatingWindows(windows, round(self.period_s * 1e9))


@dataclasses.dataclass(frozen=True)
class PeriodicOutage(EffectiveOutage):
    """Out for `down_s` in every `every_s`: a server that stalls, a satellite that hands over.

    Attributes
    ----------
    every_s, down_s
        Period and length of the outage.
    first_s
        Start of the first one.
    effect
        ``drop``, ``hold``, ``close`` or ``half_open``; a stalled server holds.
    """

    kind: ClassVar[str] = "periodic"
    units: ClassVar[Mapping[str, str]] = {"every_s": "s", "down_s": "s", "first_s": "s"}

    every_s: float = 4.0
    down_s: float = 1.0
    first_s: float = 0.0
    effect: str = dataclasses.field(default="hold", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.number(self, "every_s", 0.0, 1e9, above=True)
        checks.number(self, "down_s", 0.0, 1e9, above=True)
        checks.number(self, "first_s", 0.0, 1e9)
        if self.down_s >= self.every_s:
            raise self.refuse("down_s", self.down_s, f"shorter than every_s={self.every_s:g}")

    def start(self, stream: Stream) -> OutageState:
        """Return the windows; nothing is random."""
        return PeriodicState(
            round(self.every_s * 1e9), round(self.down_s * 1e9), round(self.first_s * 1e9)
        )


class PeriodicState:
    """Arithmetic on the period; nothing is remembered."""

    __slots__ = ("_down_ns", "_every_ns", "_first_ns")

    def __init__(self, every_ns: int, down_ns: int, first_ns: int) -> None:
        self._every_ns, self._down_ns, self._first_ns = every_ns, max(down_ns, 1), first_ns

    def window(self, now_ns: int) -> tuple[int, int] | None:
        """Return the outage that holds `now_ns`, or None."""
        phase = (now_ns - self._first_ns) % self._every_ns
        if now_ns < self._first_ns or phase >= self._down_ns:
            return None
        return now_ns - phase, now_ns - phase + self._down_ns

    def next_start_ns(self, now_ns: int) -> int | None:
        """Return the start of the next outage after `now_ns`."""
        if now_ns < self._first_ns:
            return self._first_ns
        return now_ns + self._every_ns - (now_ns - self._first_ns) % self._every_ns
