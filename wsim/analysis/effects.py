"""Effect sizes: how often a value of one side exceeds a value of the other."""

from __future__ import annotations

import numpy as np

from wsim.analysis.columns import Floats


def cliffs_delta(baseline: Floats, candidate: Floats) -> float:
    """Return P(candidate > baseline) - P(candidate < baseline), ties counting for neither.

    Cliff (1993, Psychological Bulletin 114:494), over all pairs by one sort of each side;
    NaN if a side is empty. -1 means always lower, 0 no tendency, 1 always higher.
    """
    first = np.sort(np.asarray(baseline, dtype=np.float64))
    second = np.sort(np.asarray(candidate, dtype=np.float64))
    return cliffs_delta_sorted(first, second)


def cliffs_delta_sorted(first: Floats, second: Floats, *, most: int = 20_000) -> float:
    """Return Cliff's delta of sorted samples; long ones are thinned evenly to `most` values.

    Thinning keeps every (n / most)-th order statistic, which moves the result by less than
    1 / most.
    """
    if not len(first) or not len(second):
        return float("nan")
    a, b = _thin(first, most), _thin(second, most)
    below = int(np.searchsorted(a, b, side="left").sum())
    above = len(a) * len(b) - int(np.searchsorted(a, b, side="right").sum())
    return (below - above) / (len(a) * len(b))


def _thin(ordered: Floats, most: int) -> Floats:
    if len(ordered) <= most:
        return ordered
    places = (np.arange(most) + 0.5) * (len(ordered) / most)
    return ordered[places.astype(np.intp)]
