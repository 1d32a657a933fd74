"""A bottleneck that follows a recorded trace of a radio link, as mahimahi's mm-link does.

A trace lists the milliseconds at which the link could carry 1500 bytes; it repeats after its
last one. Bytes are served in order, a message may span several opportunities, several messages
may share one, and an opportunity that finds nothing to carry is lost (Netravali et al. 2015).
"""

from __future__ import annotations

import dataclasses
import math
from bisect import bisect_left
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from wsim.errors import ConditionsError, FormatError
from wsim.impairments import checks
from wsim.impairments.base import Rate
from wsim.impairments.constant_rate import lindley
from wsim.randomness import IntArray

OPPORTUNITY_BYTES = 1500


@dataclasses.dataclass(frozen=True)
class TraceRate(Rate):
    """Delivery opportunities in time; ``bandwidth_mbps`` is not used.

    Attributes
    ----------
    times_ms
        Milliseconds of the opportunities from the start of the run, ascending; the same value
        twice carries twice as much. The trace repeats after the last.
    """

    kind: ClassVar[str] = "trace"
    units: ClassVar[Mapping[str, str]] = {"times_ms": "ms"}

    times_ms: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        times = checks.integers(self, "times_ms", 0, math.inf)
        if not times:
            raise ConditionsError("rate 'trace' is empty; give times_ms, one per 1500 bytes")
        for place in range(1, len(times)):
            if times[place] < times[place - 1]:
                allowed = f"at or after the one before it, {times[place - 1]} ms"
                raise self.refuse(f"times_ms[{place}]", times[place], allowed)
        if times[-1] == 0:
            raise self.refuse("times_ms", times[-1], "a trace that lasts; its last entry is 0 ms")
        object.__setattr__(self, "times_ms", times)

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read an mm-link trace: one whole number of milliseconds per line.

        Raises
        ------
        FormatError
            For a line that is no whole number; names the file and the line.
        """
        times = []
        for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
            word = line.partition("#")[0].strip()
            if not word:
                continue
            if not word.isdecimal():
                raise FormatError(f"{path}: line {number}: '{word}' is no whole number of ms")
            times.append(int(word))
        try:
            return cls(tuple(times))
        except ConditionsError as error:
            raise FormatError(f"{path}: {error}") from None

    def start(self, bandwidth_mbps: float | None, now_ns: int) -> TraceRateState:
        """Return the server of one connection; the trace runs from the start of the run."""
        return TraceRateState(self.times_ms)


class TraceRateState:
    """Bytes offered by the trace so far, as a function of time, and its inverse.

    An opportunity at the very ns of an arrival can carry it: sends come before timers.
    """

    __slots__ = ("_array", "_served", "_times", "_total")

    def __init__(self, times_ms: tuple[int, ...]) -> None:
        self._array = np.array(times_ms, np.int64) * 1_000_000
        self._times: list[int] = self._array.tolist()
        self._total = len(self._times)
        self._served = 0  # bytes, counted in opportunities since the start

    def finish(self, start_ns: int, size_bytes: int) -> int:
        """Serve a message and return when its last byte has left."""
        self._served = self._target(start_ns, size_bytes)
        return max(start_ns, self._when(self._served))

    def peek(self, start_ns: int, size_bytes: int) -> int:
        """Return what :meth:`finish` would, and serve nothing."""
        return max(start_ns, self._when(self._target(start_ns, size_bytes)))

    def _target(self, start_ns: int, size_bytes: int) -> int:
        periods, phase = self._phase(start_ns)
        passed = periods * self._total + bisect_left(self._times, phase)
        return max(passed * OPPORTUNITY_BYTES, self._served) + size_bytes

    def _phase(self, now_ns: int) -> tuple[int, int]:
        """Return whole periods and the rest, in (0, period]: the last entry ends a period."""
        if now_ns <= 0:
            return 0, 0
        periods, phase = divmod(now_ns - 1, self._times[-1])
        return periods, phase + 1

    def _when(self, served: int) -> int:
        periods, place = divmod(-(-served // OPPORTUNITY_BYTES) - 1, self._total)
        return periods * self._times[-1] + self._times[place]

    def finish_many(self, arrivals_ns: IntArray, sizes: IntArray, last_ns: int) -> IntArray:
        """Serve a block: Lindley's recursion in bytes, in closed form."""
        if not len(sizes):
            return np.empty(0, np.int64)
        starts = np.maximum(arrivals_ns, last_ns)
        period = self._times[-1]
        periods = np.maximum(starts - 1, 0) // period
        passed = periods * self._total
        passed += np.searchsorted(self._array, starts - periods * period, side="left")
        served = lindley(passed * OPPORTUNITY_BYTES, sizes, self._served)
        self._served = int(served[-1])
        rounds, place = np.divmod(-(-served // OPPORTUNITY_BYTES) - 1, self._total)
        finishes = rounds * period + self._array[place]
        return np.maximum.accumulate(np.maximum(starts, finishes))
