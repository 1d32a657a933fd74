"""Block bootstrap in time: how certain is a figure of one recording?

Messages of one connection are correlated, so they must not be resampled one by one. The
recording is cut into blocks of time longer than its stalls and whole blocks are drawn with
replacement (Kuensch 1989, Annals of Statistics 17:1217). Every figure is a function of sums
over blocks, so a draw is one row of a matrix product and no message is touched twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from wsim.analysis import age
from wsim.analysis.columns import Floats, Ints, constant, read, stream_codes
from wsim.analysis.metrics import Metric, quantile_of
from wsim.analysis.segments import Arrivals, Segments, arrivals, cut, ratio
from wsim.analysis.streams import Limits, arrival_gaps
from wsim.analysis.summary import representative

LEAST_BLOCK_S = 5.0
LEAST_BLOCKS = 8
_GRID = 512


@dataclass
class Cells:
    """Sums over the blocks of one side, from which every resampled figure follows.

    ``above`` and ``below`` of each ratio metric, ``counts`` of latencies in the intervals
    between ``edges`` and ``over``: milliseconds spent above each of the ages in ``levels``.
    """

    blocks: int
    ratios: dict[str, tuple[Floats, Floats]]
    edges: Floats
    counts: Floats
    levels: Floats
    over: Floats
    lasted: Floats
    ordered: Floats


@dataclass
class _Parts:
    """The pieces of the runs of a side while they are gathered."""

    blocks: int = 0
    ratios: dict[str, list[tuple[Floats, Floats]]] = field(default_factory=dict)
    latency: list[Floats] = field(default_factory=list)
    latency_block: list[Ints] = field(default_factory=list)
    low: list[Floats] = field(default_factory=list)
    high: list[Floats] = field(default_factory=list)
    age_block: list[Ints] = field(default_factory=list)


def block_length(gap_max_ms: Sequence[float]) -> float:
    """Return the length of the blocks in seconds: 5 s, or twice the longest stall."""
    stalls = [gap for gap in gap_max_ms if np.isfinite(gap)]
    return max(LEAST_BLOCK_S, 2.0 * max(stalls, default=0.0) / 1e3)


def cells(frames: Sequence[pd.DataFrame], block_s: float, *, command: str, limits: Limits) -> Cells:
    """Return the block sums of a side's runs; blocks never span two runs."""
    parts = _Parts()
    for frame in frames:
        _add_run(parts, frame, block_s, command, limits)
    latency = np.concatenate(parts.latency)
    order = np.argsort(latency)
    ordered = latency[order]
    edges, counts = _histogram(ordered, np.concatenate(parts.latency_block)[order], parts.blocks)
    low, high = np.concatenate(parts.low), np.concatenate(parts.high)
    levels, over, lasted = _age_table(low, high, np.concatenate(parts.age_block), parts.blocks)
    ratios = {
        name: (
            np.concatenate([above for above, _ in pairs]),
            np.concatenate([below for _, below in pairs]),
        )
        for name, pairs in parts.ratios.items()
    }
    return Cells(parts.blocks, ratios, edges, counts, levels, over, lasted, ordered)


def _add_run(
    parts: _Parts, frame: pd.DataFrame, block_s: float, command: str, limits: Limits
) -> None:
    messages = read(frame)
    created = messages.created
    begin = float(np.nanmin(created, initial=np.inf))
    end = float(np.nanmax(created, initial=-np.inf))
    if not end > begin:
        return
    blocks = max(1, int((end - begin) / block_s))
    place = _Place(begin, blocks, (end - begin) / blocks)
    block = place.of(created)
    arrived = messages.arrived & messages.original
    known = messages.original & ~messages.fate.where("unknown")
    latency, where = messages.latency[arrived], block[arrived]

    def add(name: str, above: Floats, below: Floats) -> None:
        parts.ratios.setdefault(name, []).append((above, below))

    def tally(which: Ints, weights: npt.NDArray[np.generic] | None = None) -> Floats:
        return np.bincount(which, weights=weights, minlength=blocks).astype(np.float64)

    delivered = tally(where)
    seconds = np.full(blocks, place.length)
    add("mean_ms", tally(where, latency), delivered)
    add("drop_rate", tally(block[messages.lost & messages.original]), tally(block[known]))
    add("late_share", tally(where[latency > limits.deadline_ms]), delivered)
    add("rate_hz", delivered, seconds)
    groups = constant(len(frame), ("",))
    chosen = messages.original & representative(messages, groups, (), command)
    segments = cut(messages, groups, stream_codes(messages), chosen)
    found = arrivals(segments)
    _add_streams(parts, segments, found, place, limits)
    parts.latency.append(latency)
    parts.latency_block.append(where + parts.blocks)
    parts.blocks += blocks


@dataclass(frozen=True)
class _Place:
    """The blocks of one run: when they begin, how many, how long in seconds."""

    begin: float
    blocks: int
    length: float

    def of(self, times: Floats) -> Ints:
        """Return the block of each time; unknown times go to the first block."""
        index = np.nan_to_num((times - self.begin) / self.length, nan=0.0)
        return np.clip(index, 0, self.blocks - 1).astype(np.intp)


def _add_streams(
    parts: _Parts, segments: Segments, found: Arrivals, place: _Place, limits: Limits
) -> None:
    blocks = place.blocks

    def tally(which: Ints, weights: npt.NDArray[np.generic] | None = None) -> Floats:
        return np.bincount(which, weights=weights, minlength=blocks).astype(np.float64)

    def add(name: str, above: Floats, below: Floats) -> None:
        parts.ratios.setdefault(name, []).append((above, below))

    block = place.of(found.delivered)
    inner = np.flatnonzero(found.follows)
    steps = np.abs(found.latency[inner] - found.latency[inner - 1])
    add("jitter_rfc3550_mean_ms", tally(block[inner], steps), tally(block[inner]))
    add("stale_share", tally(block[found.latency > limits.stale_ms]), tally(block))
    lengths, _, since = arrival_gaps(segments, found)
    tripped = place.of(since[lengths > limits.watchdog_ms])
    add("watchdog_trips_per_min", tally(tripped), np.full(blocks, place.length / 60.0))
    sawtooth = age.pieces(segments, found)
    at = place.of(sawtooth.at)
    length = sawtooth.high - sawtooth.low
    area = 0.5 * (sawtooth.low + sawtooth.high) * length
    add("age_mean_ms", tally(at, area), tally(at, length))
    parts.low.append(sawtooth.low)
    parts.high.append(sawtooth.high)
    parts.age_block.append(at + parts.blocks)


def _histogram(ordered: Floats, block: Ints, blocks: int) -> tuple[Floats, Floats]:
    """Return values at chosen ranks and, by block, the latencies between them.

    The ranks are even in probability below the median and in its logarithm in the tail.
    """
    n = len(ordered)
    tail = 1.0 - 0.5 * np.geomspace(1.0, max(2.0 / max(n, 1), 1e-5), _GRID // 2)
    share = np.concatenate([np.linspace(0.0, 0.5, _GRID // 2, endpoint=False), tail, [1.0]])
    ranks = np.unique((share * n).astype(np.intp))
    interval = np.repeat(np.arange(len(ranks) - 1), np.diff(ranks))
    key = block * (len(ranks) - 1) + interval
    counts = np.bincount(key, minlength=blocks * (len(ranks) - 1)).reshape(blocks, -1)
    edges = ordered[np.minimum(ranks, n - 1)] if n else np.full(len(ranks), np.nan)
    return edges, counts.astype(np.float64)


def _age_table(
    low: Floats, high: Floats, block: Ints, blocks: int
) -> tuple[Floats, Floats, Floats]:
    """Return levels of age and, by block, the time spent above each and the whole time."""
    lasted = np.bincount(block, weights=high - low, minlength=blocks).astype(np.float64)
    if not len(high):
        return np.zeros(1), np.zeros((blocks, 1)), lasted
    middle = age.age_quantile(low, high, 0.9)
    top = float(high.max())
    levels = np.unique(np.linspace(middle, top, 129)) if top > middle else np.array([top])
    over = _excess(high, block, blocks, levels) - _excess(low, block, blocks, levels)
    return levels, over, lasted


def _excess(values: Floats, block: Ints, blocks: int, levels: Floats) -> Floats:
    """Return, by block, the sum of (value - level)+ at each level."""
    tall = values > levels[0]
    values, block = values[tall], block[tall]
    column = np.searchsorted(levels, values, side="left")
    key, size = block * (len(levels) + 1) + column, blocks * (len(levels) + 1)
    number = np.bincount(key, minlength=size).reshape(blocks, -1)
    amount = np.bincount(key, weights=values, minlength=size).reshape(blocks, -1)
    more = number[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    sums = amount[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    return np.asarray(sums - more * levels)


def draw_weights(blocks: int, draws: int, rng: np.random.Generator) -> Floats:
    """Return how often each block is drawn, one row per bootstrap draw."""
    return rng.multinomial(blocks, np.full(blocks, 1.0 / blocks), size=draws).astype(np.float64)


def resample(side: Cells, metric: Metric, weights: Floats) -> Floats:
    """Return `metric` of every bootstrap draw."""
    if metric.kind == "quantile":
        return _quantiles(side, quantile_of(metric), weights)
    if metric.kind == "age":
        return _age_quantiles(side, 0.99, weights)
    above, below = side.ratios[metric.name]
    return ratio(weights @ above, weights @ below)


def _quantiles(side: Cells, q: float, weights: Floats) -> Floats:
    running = np.cumsum(weights @ side.counts, axis=1)
    if not running.shape[1]:
        return np.full(len(weights), np.nan)
    target = q * running[:, -1]
    column = np.argmax(running >= target[:, None], axis=1)
    rows = np.arange(len(weights))
    before = np.where(column > 0, running[rows, column - 1], 0.0)
    inside = running[rows, column] - before
    part = np.divide(target - before, inside, out=np.zeros(len(rows)), where=inside > 0)
    left, right = side.edges[column], side.edges[column + 1]
    return np.asarray(left + (right - left) * part)


def _age_quantiles(side: Cells, q: float, weights: Floats) -> Floats:
    above = weights @ side.over
    target = (1.0 - q) * (weights @ side.lasted)
    column = np.argmax(above <= target[:, None], axis=1)
    rows, before = np.arange(len(weights)), np.maximum(column - 1, 0)
    high, low = above[rows, before], above[rows, column]
    part = np.divide(high - target, high - low, out=np.zeros(len(rows)), where=high > low)
    left, right = side.levels[before], side.levels[column]
    return np.asarray(left + (right - left) * np.clip(part, 0.0, 1.0))
