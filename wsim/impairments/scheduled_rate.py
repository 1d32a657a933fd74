"""A bottleneck whose rate follows a schedule, and radios that take turns.

Service is a change of time: with C(t) the work the link could have done by t, a message that
arrives at a with work w is served when C reaches max(C(a), C of the last finish) + w. Work is
counted in whole numbers, of which the fastest rate does 1024 to 2048 in a ns: steps and blocks
agree bit for bit, and a run may last 46 days.
"""

from __future__ import annotations

import dataclasses
import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from itertools import pairwise
from typing import ClassVar

import numpy as np

from wsim.errors import ConditionsError
from wsim.impairments import checks
from wsim.impairments.base import Rate, RateState
from wsim.impairments.constant_rate import ConstantRateState, lindley
from wsim.randomness import IntArray

_WORK_PER_NS = 11  # the power of two above
_SMALLEST = -6  # the work of a byte, 8000 times this power of two, must be a whole number


@dataclasses.dataclass(frozen=True)
class ScheduledRate(Rate):
    """The rate changes at known times; ``bandwidth_mbps`` is not used.

    Attributes
    ----------
    steps
        Pairs (seconds from the start of the run, Mbit/s), in order, the first at 0. A rate of
        0 stops the link for a while.
    period_s
        Repeat after this time; 0: the last rate stays.
    """

    kind: ClassVar[str] = "schedule"
    units: ClassVar[Mapping[str, str]] = {"steps": "(s, Mbit/s)", "period_s": "s"}

    steps: tuple[tuple[float, float], ...] = ()
    period_s: float = 0.0

    def __post_init__(self) -> None:
        steps = checks.pairs(self, "steps", "(seconds, Mbit/s)")
        checks.number(self, "period_s", 0.0, 1e9)
        if not steps or steps[0][0] != 0.0:
            raise self.refuse("steps", steps, "a list that begins at 0 seconds")
        for (at, _), (later, _) in pairwise(steps):
            if later <= at:
                raise ConditionsError(
                    f"rate 'schedule': the step at {later:g} s follows the one at {at:g} s;"
                    " list steps in order of time"
                )
        self._check_rates(steps)

    def _check_rates(self, steps: tuple[tuple[float, float], ...]) -> None:
        for at, rate in steps:
            if not 0.0 <= rate <= 1e6:
                raise self.refuse(f"rate at {at:g} s", rate, "from 0 to 1e+06 Mbit/s")
        if self.period_s and steps[-1][0] >= self.period_s:
            raise self.refuse("period_s", self.period_s, "after the last step")
        ever = max(rate for _, rate in steps) if self.period_s else steps[-1][1]
        if ever <= 0.0:
            raise ConditionsError(
                "rate 'schedule' ends at 0 Mbit/s for ever; end on a positive rate or give period_s"
            )

    def start(self, bandwidth_mbps: float | None, now_ns: int) -> ScheduledRateState:
        """Return the server of one connection."""
        edges = [round(at * 1e9) for at, _ in self.steps]
        return ScheduledRateState(
            edges, [rate for _, rate in self.steps], round(self.period_s * 1e9)
        )


@dataclasses.dataclass(frozen=True)
class SlotRate(Rate):
    """A radio that may send only in its own slot, at ``bandwidth_mbps`` (the rate on the air).

    With a period T, what arrives at phase p waits 0 if p lies in the window and T - p if not,
    and a message that does not fit goes on in the next slot.

    Attributes
    ----------
    period_ms, window_ms
        Time between slots and length of a slot.
    """

    kind: ClassVar[str] = "slots"
    units: ClassVar[Mapping[str, str]] = {"period_ms": "ms", "window_ms": "ms"}

    period_ms: float = 210.0
    window_ms: float = 100.0

    def __post_init__(self) -> None:
        checks.number(self, "period_ms", 0.0, 1e8, above=True)
        checks.number(self, "window_ms", 0.0, 1e8, above=True)
        if self.window_ms > self.period_ms:
            raise self.refuse("window_ms", self.window_ms, f"within {self.period_ms:g} ms")

    def start(self, bandwidth_mbps: float | None, now_ns: int) -> RateState:
        """Return the server of one connection; slots are counted from the start of the run."""
        if self.window_ms == self.period_ms:
            return ConstantRateState(bandwidth_mbps)
        period, window = round(self.period_ms * 1e6), round(self.window_ms * 1e6)
        if bandwidth_mbps is None:
            return InstantSlotState(period, window)
        return ScheduledRateState([0, window], [bandwidth_mbps, 0.0], period)


class ScheduledRateState:
    """Work done by the link so far, as a function of time, and its inverse.

    A message that arrives at a begins at the work of a - 1 ns, so that one which arrives in the
    very ns of a finish and one which waited for it are served alike.
    """

    __slots__ = (
        "_done",
        "_edges",
        "_per_period",
        "_period_ns",
        "_rates",
        "_work",
        "_work_per_byte",
    )

    def __init__(self, edges_ns: list[int], rates: list[float], period_ns: int) -> None:
        scale = 2.0 ** max(_WORK_PER_NS - math.frexp(max(rates))[1], _SMALLEST)
        self._edges, self._period_ns = edges_ns, period_ns
        self._rates = rates = [rate * scale for rate in rates]  # exact: a power of two
        self._work_per_byte = int(8000 * scale)  # 1 Mbit/s is a byte in 8000 ns
        self._done = [0]  # work at each edge
        ends = [*edges_ns[1:], period_ns] if period_ns else edges_ns[1:]
        for start, end, rate in zip(edges_ns, ends, rates, strict=False):
            self._done.append(self._done[-1] + int((end - start) * rate))
        self._per_period = self._done.pop() if period_ns else 0
        self._work = -1  # where the last message finished

    def finish(self, start_ns: int, size_bytes: int) -> int:
        """Serve a message and return when it has left, in ns."""
        self._work = self._target(start_ns, size_bytes)
        return max(start_ns, self._when(self._work))

    def peek(self, start_ns: int, size_bytes: int) -> int:
        """Return what :meth:`finish` would, and serve nothing."""
        return max(start_ns, self._when(self._target(start_ns, size_bytes)))

    def _target(self, start_ns: int, size_bytes: int) -> int:
        return max(self._by(start_ns - 1), self._work) + size_bytes * self._work_per_byte

    def _by(self, now_ns: int) -> int:
        """Return the work that could be done by `now_ns`."""
        if now_ns < 0:
            return 0
        periods, phase = divmod(now_ns, self._period_ns) if self._period_ns else (0, now_ns)
        place = bisect_right(self._edges, phase) - 1
        inside = int((phase - self._edges[place]) * self._rates[place])
        return periods * self._per_period + self._done[place] + inside

    def _when(self, work: int) -> int:
        """Return the first ns by which `work` is done."""
        periods = (work - 1) // self._per_period if self._per_period else 0
        rest = work - periods * self._per_period
        place = max(bisect_left(self._done, rest) - 1, 0)
        rate = self._rates[place] or math.inf
        guess = self._edges[place] + math.ceil((rest - self._done[place]) / rate)
        guess += periods * self._period_ns
        while self._by(guess) < work:
            guess += 1
        while guess > 0 and self._by(guess - 1) >= work:
            guess -= 1
        return guess

    def finish_many(self, arrivals_ns: IntArray, sizes: IntArray, last_ns: int) -> IntArray:
        """Serve a block: Lindley's recursion in work, in closed form."""
        if not len(sizes):
            return np.empty(0, np.int64)
        starts = np.maximum(arrivals_ns, last_ns)
        work = lindley(self._by_many(starts - 1), sizes * self._work_per_byte, self._work)
        self._work = int(work[-1])
        return np.maximum.accumulate(np.maximum(starts, self._when_many(work)))

    def _by_many(self, now_ns: IntArray) -> IntArray:
        now_ns = np.maximum(now_ns, 0)
        periods: IntArray = now_ns // self._period_ns if self._period_ns else np.zeros_like(now_ns)
        phase = now_ns - periods * self._period_ns
        place = np.searchsorted(self._edges, phase, side="right") - 1
        inside = (phase - np.array(self._edges)[place]) * np.array(self._rates)[place]
        done = np.array(self._done)[place] + inside.astype(np.int64)
        return np.asarray(periods * self._per_period + done)

    def _when_many(self, work: IntArray) -> IntArray:
        periods = (work - 1) // self._per_period if self._per_period else np.zeros_like(work)
        rest = work - periods * self._per_period
        place = np.maximum(np.searchsorted(self._done, rest, side="left") - 1, 0)
        rates = np.array([rate or math.inf for rate in self._rates])[place]
        needed = np.ceil((rest - np.array(self._done)[place]) / rates).astype(np.int64)
        guess = periods * self._period_ns + np.array(self._edges)[place] + needed
        while (late := self._by_many(guess) < work).any():
            guess = guess + late
        while (early := (guess > 0) & (self._by_many(guess - 1) >= work)).any():
            guess = guess - early
        return np.asarray(guess)


class InstantSlotState:
    """Slots without a rate: what arrives in a slot leaves at once, the rest at the next."""

    __slots__ = ("_period_ns", "_window_ns")

    def __init__(self, period_ns: int, window_ns: int) -> None:
        self._period_ns, self._window_ns = period_ns, window_ns

    def finish(self, start_ns: int, size_bytes: int) -> int:
        """Return the start, or the next slot's."""
        phase = start_ns % self._period_ns
        return start_ns if phase < self._window_ns else start_ns + self._period_ns - phase

    def peek(self, start_ns: int, size_bytes: int) -> int:
        """Return what :meth:`finish` would."""
        return self.finish(start_ns, size_bytes)

    def finish_many(self, arrivals_ns: IntArray, sizes: IntArray, last_ns: int) -> IntArray:
        """Serve a block."""
        starts = np.maximum(arrivals_ns, last_ns)
        phase = starts % self._period_ns
        return np.where(phase < self._window_ns, starts, starts + self._period_ns - phase)
