"""Fewer points, the same picture: what is left out would have fallen on drawn pixels.

No function here averages or samples at random: every point returned is a point of the data,
and the least and greatest of each column of pixels always stay.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wsim.analysis.plots.style import FloatArray

Indices = npt.NDArray[np.intp]
COLUMNS = 900
ROWS = 300


def envelope(x: FloatArray, y: FloatArray, columns: int = COLUMNS) -> Indices:
    """Return the points of a line that draw it: first, least, greatest and last of each column.

    That is M4 of Jugel et al. ("M4: a visualization-oriented time series data aggregation",
    VLDB 2014): at a width of `columns` pixels the line looks as if all points were drawn.

    Parameters
    ----------
    x : ascending, shape (n,)
    y : shape (n,), finite
    columns : width of the picture in pixels
    """
    n = len(x)
    if n <= 4 * columns:
        return np.arange(n)
    cell = _cells(x, columns)
    starts = np.flatnonzero(np.r_[True, cell[1:] != cell[:-1]])
    ends = np.r_[starts[1:], n] - 1
    kept = [starts, ends]
    for extreme in (np.minimum, np.maximum):
        level = extreme.reduceat(y, starts)
        hits = np.flatnonzero(y == np.repeat(level, ends - starts + 1))
        kept.append(
            hits[np.unique(np.searchsorted(starts, hits, side="right"), return_index=True)[1]]
        )
    return np.unique(np.concatenate(kept))


Box = tuple[tuple[float, float], tuple[float, float]]


def cloud(
    x: FloatArray,
    y: FloatArray,
    columns: int = COLUMNS,
    rows: int = ROWS,
    *,
    box: Box | None = None,
) -> Indices:
    """Return one point of each occupied cell of a grid, and the extremes of each column.

    Parameters
    ----------
    x, y : shape (n,), finite, in any order, already on the scale of the axes
    columns, rows : the grid; points of one cell fall on one dot of the picture
    box : the axes as ((left, right), (bottom, top)), which hold all points; by default their own
        extent
    """
    n = len(x)
    if n <= columns * 4:
        return np.arange(n)
    across, up = box or (None, None)
    column = _cells(x, columns, across)
    cell = column * rows + _cells(y, rows, up)
    first = np.full(columns * rows, -1, dtype=np.intp)
    first[cell[::-1]] = np.arange(n - 1, -1, -1)
    kept = [first[first >= 0]]
    for extreme, start in ((np.minimum, np.inf), (np.maximum, -np.inf)):
        level = np.full(columns, start)
        extreme.at(level, column, y)
        hits = np.flatnonzero(y == level[column])
        kept.append(hits[np.unique(column[hits], return_index=True)[1]])
    ends = [np.argmin(x), np.argmax(x)]
    return np.unique(np.concatenate([*kept, np.asarray(ends, dtype=np.intp)]))


def marks(x: FloatArray, columns: int = 4 * COLUMNS) -> Indices:
    """Return the first and the last of the marks in each of `columns` steps of a lane."""
    n = len(x)
    if n <= 2 * columns:
        return np.arange(n)
    cell = _cells(x, columns)
    first = np.full(columns, n, dtype=np.intp)
    last = np.full(columns, -1, dtype=np.intp)
    first[cell[::-1]] = np.arange(n - 1, -1, -1)
    last[cell] = np.arange(n)
    return np.unique(np.concatenate([first[first < n], last[last >= 0]]))


def ranks(n: int, points: int = 2000, tail: int = 500) -> Indices:
    """Return the ranks of a sorted sample of `n` that draw its distribution.

    Evenly spaced ranks, and every one of the `tail` least and greatest: a curve through them
    is off by less than 1 / `points` in the middle and exact at both ends.
    """
    if n <= points + 2 * tail:
        return np.arange(n)
    middle = np.linspace(0, n - 1, points).astype(np.intp)
    return np.unique(np.concatenate([np.arange(tail), middle, np.arange(n - tail, n)]))


def _cells(values: FloatArray, count: int, span: tuple[float, float] | None = None) -> Indices:
    low, high = span or (float(values.min()), float(values.max()))
    if high <= low:
        return np.zeros(len(values), dtype=np.intp)
    scaled = (values - low) * (count / (high - low))
    return np.minimum(scaled.astype(np.intp), count - 1)
