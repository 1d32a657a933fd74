"""Age of information: how old is the newest command the rover knows?

A(t) = t - max{created_i : delivered_i <= t} (Kaul, Yates & Gruteser, INFOCOM 2012): it grows
with time and drops at each fresher delivery, a saw-tooth of straight pieces. All figures are
exact integrals over the pieces, from the first delivery of a stream to its last delivery or
creation, whichever is later; time before the first delivery has no age.

Time in which nothing was there to be sent is nobody's delay. With pauses left out, where the
sender itself pauses (a gap between creations above :data:`PAUSE_S` and five times the usual
one) the clock of the age stands still after one usual period; streams without pauses are not
touched. The count of times over a limit always looks at the whole silence, since that is what
a watchdog sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from wsim.analysis.columns import Bools, Floats, Ints
from wsim.analysis.segments import Arrivals, Segments, total
from wsim.errors import unknown

PAUSES = ("count", "skip")
PAUSE_S = 0.5
"""No gap in sending shorter than this is a pause."""


@dataclass
class Ages:
    """The pieces of the saw-tooth, in milliseconds: age runs from ``low`` to ``high``.

    ``at`` is the time in seconds at which the piece starts, ``group`` its group, ``first``
    marks the first piece of a segment and ``last`` the open one at its end. ``paused`` is how
    much of the piece's time, in ms, the sender paused; ``high`` does not count it.
    """

    at: Floats
    low: Floats
    high: Floats
    group: Ints
    first: Bools
    last: Bools
    paused: Floats


def pieces(segments: Segments, found: Arrivals, *, pauses: str = "count") -> Ages:
    """Return the pieces of the age of every segment, one per fresher delivery.

    `pauses` of the sender are ``count``-ed as age, or left out (``skip``).
    """
    if found.in_order:
        fresh = np.arange(len(found.place))
    else:
        newest = np.maximum.accumulate(found.place)
        fresh = np.flatnonzero(np.append([True], newest[1:] > newest[:-1])[: len(newest)])
    segment, start = found.segment[fresh], found.delivered[fresh]
    first = np.ones(len(segment), dtype=bool)
    first[1:] = segment[1:] != segment[:-1]
    last = np.append(first, True)[1:]
    end = np.roll(start, -1)
    end[last] = _ends(segments, found)[segment[last]]
    low = found.latency[fresh]
    length = (end - start) * 1e3
    paused = np.zeros(len(low))
    if check_pauses(pauses) == "skip":
        paused = np.minimum(_paused(segments, found.place[fresh], segment, last), length)
    high = low + (length - paused)
    return Ages(start, low, high, segments.group[segment], first, last, paused)


def check_pauses(pauses: str) -> str:
    """Return `pauses`, or say what it may be."""
    if pauses not in PAUSES:
        raise unknown("way to treat pauses", pauses, PAUSES)
    return pauses


def _paused(segments: Segments, place: Ints, segment: Ints, last: Bools) -> Floats:
    """Return for how long, in ms, the sender paused between the fresh ones at `place`."""
    gaps = np.diff(segments.created, prepend=segments.created[:1])
    gaps[segments.starts] = 0.0
    pauses = np.zeros(len(gaps))
    for start, end in _segments_with_pauses(segments, gaps):
        mine = gaps[start:end]
        usual = float(np.median(mine[1:]))
        pauses[start:end] = np.where(mine > max(PAUSE_S, 5.0 * usual), mine - usual, 0.0)
    if not pauses.any():
        return np.zeros(len(place))
    so_far = np.cumsum(pauses) * 1e3
    until = np.roll(place, -1)
    until[last] = segments.finals[segment[last]]
    return so_far[until] - so_far[place]


def _segments_with_pauses(segments: Segments, gaps: Floats) -> Iterator[tuple[int, int]]:
    """Find the segments in which some gap may be a pause, as (start, end)."""
    places = np.unique(segments.of(np.flatnonzero(gaps > PAUSE_S)))
    for index in places.tolist():
        yield int(segments.starts[index]), int(segments.finals[index]) + 1


def _ends(segments: Segments, found: Arrivals) -> Floats:
    """Return when each segment ends: its last creation or last arrival."""
    ends: Floats = segments.created[segments.finals]
    final = found.finals
    where = found.segment[final]
    ends[where] = np.maximum(ends[where], found.delivered[final])
    return ends


def time_over(ages: Ages, limit_ms: float, groups: int) -> Floats:
    """Return the time in ms with an age above `limit_ms`."""
    above = np.maximum(ages.high - np.maximum(ages.low, limit_ms), 0.0)
    return total(above, ages.group, groups)


def times_over(ages: Ages, limit_ms: float, groups: int) -> Floats:
    """Return how often the age rose above `limit_ms`."""
    rises = (ages.high + ages.paused > limit_ms) & ((ages.low <= limit_ms) | ages.first)
    return total(rises, ages.group, groups)


def age_quantile(low: Floats, high: Floats, q: float) -> float:
    """Return the age that is exceeded during a share ``1 - q`` of the time, exactly.

    The time spent above x is sum((high - x)+) - sum((low - x)+): piecewise linear in x with
    corners at the ends of the pieces, so the corner interval is found by bisection in the
    sorted ends and solved as a straight line.
    """
    whole = float(np.sum(high - low))
    if not len(low) or not whole > 0.0:
        return float("nan")
    span = float(np.min(low)), float(np.max(high))
    return excess_quantile(low, high, (1.0 - q) * whole, span)


def excess_quantile(
    low: Floats,
    high: Floats,
    wanted: float,
    span: tuple[float, float],
    beyond: tuple[int, float] = (0, 0.0),
) -> float:
    """Return the age within `span` above which the time `wanted` is spent.

    ``beyond`` are number and sum of the upper ends above the span, less the lower ones.
    """
    tops, bottoms = _Excess(high), _Excess(low)

    def above(x: float) -> float:
        return tops.over(x) - bottoms.over(x) + beyond[1] - beyond[0] * x

    left, right = span
    for corners in (tops.values, bottoms.values):
        left, right = _narrow(above, corners, wanted, left, right)
    at_left, at_right = above(left), above(right)
    if at_left <= at_right:
        return right
    return left + (right - left) * min(1.0, max(0.0, (at_left - wanted) / (at_left - at_right)))


class _Excess:
    """Sums of (value - x)+ for any x, from one sort."""

    def __init__(self, values: Floats) -> None:
        self.values = np.sort(values)
        self._sums = np.cumsum(self.values[::-1])

    def over(self, x: float) -> float:
        more = len(self.values) - int(np.searchsorted(self.values, x, side="right"))
        return float(self._sums[more - 1]) - more * x if more else 0.0


def _narrow(
    above: Callable[[float], float], corners: Floats, wanted: float, left: float, right: float
) -> tuple[float, float]:
    """Return the interval between two neighbouring corners in which `above` is `wanted`."""
    low = int(np.searchsorted(corners, left, side="left")) - 1
    high = int(np.searchsorted(corners, right, side="right"))
    while high - low > 1:
        middle = (low + high) // 2
        if above(float(corners[middle])) >= wanted:
            low, left = middle, max(left, float(corners[middle]))
        else:
            high, right = middle, min(right, float(corners[middle]))
    return left, right
