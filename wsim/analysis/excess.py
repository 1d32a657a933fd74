"""Quantiles of an age whose pieces are too many for memory.

The time spent above x, sum((high - x)+) - sum((low - x)+), falls with x and bends only at the
ends of pieces. It is taken at a grid of levels in one pass over the file; the interval that
holds the wanted time gets a grid of its own, until the ends within it fit into memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wsim.analysis.age import excess_quantile
from wsim.analysis.columns import Floats
from wsim.analysis.values import CHUNK, Values

_GRID = 1024
_PASSES = 12


def streamed_age_quantile(low: Values, high: Values, q: float) -> float:
    """Return what `wsim.analysis.age.age_quantile` returns, from files."""
    left, right = _extreme(low, np.min), _extreme(high, np.max)
    whole = sum(float(chunk.sum()) for chunk in high.chunks())
    whole -= sum(float(chunk.sum()) for chunk in low.chunks())
    if not whole > 0.0:
        return float("nan")
    wanted = (1.0 - q) * whole
    for _ in range(_PASSES):
        inside = sum(_between(chunk, left, right) for v in (low, high) for chunk in v.chunks())
        if inside <= CHUNK or not right > left:
            break
        levels = np.linspace(left, right, _GRID + 1)
        above = _excess(high, levels) - _excess(low, levels)
        place = int(np.clip(np.count_nonzero(above >= wanted) - 1, 0, _GRID - 1))
        left, right = float(levels[place]), float(levels[place + 1])
    return _within(low, high, left, right, wanted)


def _extreme(values: Values, which: Callable[[Any], Any]) -> float:
    ends = [which(chunk) for chunk in values.chunks() if len(chunk)]
    return float(which(ends))


def _between(chunk: Floats, left: float, right: float) -> int:
    return int(np.count_nonzero((chunk > left) & (chunk < right)))


def _excess(values: Values, levels: Floats) -> Floats:
    """Return sum((value - level)+) at each level."""
    number, amount = np.zeros(len(levels) + 1), np.zeros(len(levels) + 1)
    for chunk in values.chunks():
        place = np.searchsorted(levels, chunk, side="left")
        number += np.bincount(place, minlength=len(levels) + 1)
        amount += np.bincount(place, weights=chunk, minlength=len(levels) + 1)
    more, sums = (x[::-1].cumsum()[::-1][1:] for x in (number, amount))
    return np.asarray(sums - more * levels)


def _within(low: Values, high: Values, left: float, right: float, wanted: float) -> float:
    """Solve between two levels, with the ends of pieces between them in memory."""
    parts, number, amount = [], 0, 0.0
    for sign, values in ((1, high), (-1, low)):
        mine = [chunk[(chunk > left) & (chunk < right)] for chunk in values.chunks()]
        parts.append(np.concatenate(mine))
        for chunk in values.chunks():
            beyond = chunk[chunk >= right]
            number += sign * len(beyond)
            amount += sign * float(beyond.sum())
    tops, bottoms = parts
    return excess_quantile(bottoms, tops, wanted, (left, right), (number, amount))
