"""What the live pictures draw, computed from a window: NumPy in, NumPy out.

All of it is linear in the messages in view and ends in at most some hundred points a line,
so that the cost of drawing does not depend on the traffic.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsim.dashboard.view import FloatArray, Window

Curve = tuple[FloatArray, FloatArray]
COLUMNS = 300
"""Columns of a picture; what falls into one is drawn as its extremes."""
SLIDE_S = 5
Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


def greatest(values: FloatArray) -> float:
    """Return the greatest finite value, 0.0 if there is none."""
    if not len(values):
        return 0.0
    top = float(np.fmax.reduce(values))
    return top if np.isfinite(top) else 0.0


def worth_showing(window: Window) -> float:
    """Return the longest latency to the rover, or back if that is not much longer.

    A camera that falls ever further behind must not press the commands flat.
    """
    there = greatest(window.latency_ms[window.inbound])
    back = greatest(window.latency_ms[~window.inbound])
    return max(there, back if back <= 1.5 * there else 0.0) if there else back


def thin(x: FloatArray, y: FloatArray, start: float) -> Curve:
    """Return the points, or an upright stroke for each column where there are too many.

    A stroke goes from the lowest to the highest of its column; NaN parts it from the next.
    `x` runs from `start` (negative) to 0; points outside and NaN are left out.
    """
    inside = (x >= start) & (x <= 0) & np.isfinite(y)
    x, y = x[inside], y[inside]
    if len(x) <= 4 * COLUMNS:
        return x, y
    column = np.minimum(((x - start) * (COLUMNS / -start)).astype(np.intp), COLUMNS - 1)
    low, high = np.full(COLUMNS, np.inf), np.full(COLUMNS, -np.inf)
    np.minimum.at(low, column, y)
    np.maximum.at(high, column, y)
    used = high >= low
    centres = start + (np.flatnonzero(used) + 0.5) * (-start / COLUMNS)
    gap = np.full(len(centres), np.nan)
    strokes = (
        np.column_stack([centres, centres, gap]),
        np.column_stack([low[used], high[used], gap]),
    )
    return strokes[0].ravel(), strokes[1].ravel()


def one_per_column(x: FloatArray, lane: NDArray[np.int16], start: float) -> Curve:
    """Return at most one point for each column of each lane."""
    inside = (x >= start) & (x <= 0)
    x, lane = x[inside], lane[inside]
    if len(x) <= 2 * COLUMNS:
        return x, lane.astype(np.float64)
    column = np.minimum(((x - start) * (COLUMNS / -start)).astype(np.intp), COLUMNS - 1)
    taken = np.zeros((int(lane.max()) + 1) * COLUMNS, np.bool_)
    taken[lane.astype(np.intp) * COLUMNS + column] = True
    lanes, columns = np.divmod(np.flatnonzero(taken), COLUMNS)
    return start + (columns + 0.5) * (-start / COLUMNS), lanes.astype(np.float64)


def medians(window: Window) -> Curve:
    """Return the median latency to the rover in each second in view, against seconds ago."""
    to_rover = window.inbound if window.inbound.any() else ~window.inbound
    ago = np.where(to_rover, window.delivered_s - window.now_s, np.nan)
    points = [
        (second + 0.5, float(np.median(window.latency_ms[chosen])))
        for second in range(-int(window.span_s), 0)
        if (chosen := (ago > second) & (ago <= second + 1)).any()
    ]
    return np.array([p[0] for p in points]), np.array([p[1] for p in points])


def shares(latency_ms: FloatArray) -> Curve:
    """Return the share (in percent) that took at most so many ms, from 400 classes."""
    values = latency_ms[np.isfinite(latency_ms)]
    if not len(values):
        return np.empty(0), np.empty(0)
    low, high = float(values.min()), float(values.max())
    counts, edges = np.histogram(values, 400, (low, max(high, low + 1e-6)))
    share = np.concatenate([[0.0], np.cumsum(counts)]) * (100.0 / len(values))
    return np.concatenate([[0.0], edges]), np.concatenate([[0.0], share])


def drop_rates(window: Window) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return seconds ago, and rate, lower and upper bound in percent.

    Each point counts the messages sent in the 5 s before it. Bounds are Wilson's (1927)
    95 % interval for independent losses.
    """
    span = int(window.span_s)
    ago = window.created_s - window.now_s
    second = np.floor(ago).astype(np.intp) + span
    inside = (second >= 0) & (second < span)
    sent = np.bincount(second[inside], minlength=span)
    lost = np.bincount(second[inside & window.lost], minlength=span)
    slide = np.ones(SLIDE_S)
    n = np.convolve(sent, slide)[:span]
    k = np.convolve(lost, slide)[:span]
    used = n > 0
    low, high = _wilson(k[used], n[used])
    x = np.arange(-span + 1, 1, dtype=np.float64)[used]
    return x, 100 * k[used] / n[used], 100 * low, 100 * high


def _wilson(k: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray]:
    share, z2 = k / n, Z95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def ages(window: Window) -> Curve:
    """Return the age of the newest command heard (seconds), against seconds ago, to draw."""
    return _outline(*saw_tooth(window), -window.span_s)


def saw_tooth(window: Window) -> Curve:
    """Return every corner of the age of the newest command heard, against seconds ago.

    Age is ``t - max(created_s of what was delivered by t)`` (Kaul, Yates and Gruteser, 2012):
    a saw-tooth with two points for each fresher delivery.
    """
    chosen = window.commands() & np.isfinite(window.delivered_s)
    created, delivered = window.created_s[chosen], window.delivered_s[chosen]
    order = np.argsort(delivered, kind="stable")
    created, delivered = created[order], delivered[order]
    heard = delivered <= window.now_s
    created, delivered = created[heard], delivered[heard]
    if not len(created):
        return np.empty(0), np.empty(0)
    newest = np.maximum.accumulate(created)
    fresher = np.concatenate([[True], newest[1:] > newest[:-1]])
    newest, delivered = newest[fresher], delivered[fresher]
    before = delivered[1:] - newest[:-1]
    x, y = np.empty(2 * len(newest)), np.empty(2 * len(newest))
    x[0::2], y[0::2] = delivered, delivered - newest
    x[1:-1:2], y[1:-1:2] = delivered[1:], before
    x[-1], y[-1] = window.now_s, window.now_s - newest[-1]
    return x - window.now_s, y


def _outline(x: FloatArray, y: FloatArray, start: float) -> Curve:
    """Thin a line, lowest and highest of each column in turn; the last point stays."""
    if len(x) <= 4 * COLUMNS:
        return x, y
    xs, ys = thin(x, y, start)
    real = np.isfinite(xs)
    return np.append(xs[real], x[-1]), np.append(ys[real], y[-1])
