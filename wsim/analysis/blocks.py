"""Block bootstrap in time: how certain is a figure of one recording?

Messages of one connection are correlated, so they must not be resampled one by one. The
recording is cut into blocks of time longer than its stalls and whole blocks are drawn with
replacement (Kuensch 1989, Annals of Statistics 17:1217). Every figure is a function of sums
over blocks, so a draw is one row of a matrix product and no message is touched twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from wsim.analysis import age
from wsim.analysis.columns import Floats, Ints
from wsim.analysis.metrics import Metric
from wsim.analysis.runs import Run
from wsim.analysis.segments import ratio
from wsim.analysis.streams import arrival_gaps

LEAST_BLOCK_S = 5.0
LEAST_BLOCKS = 8
_MOST_BLOCKS = 400
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
    ordered: list[Floats] = field(default_factory=list)
    low: list[Floats] = field(default_factory=lambda: [np.empty(0)])
    high: list[Floats] = field(default_factory=lambda: [np.empty(0)])
    age_block: list[Ints] = field(default_factory=lambda: [np.empty(0, dtype=np.intp)])


def block_length(runs: Sequence[Run]) -> float:
    """Return the length of the blocks in seconds: 5 s, or twice the longest stall.

    Long recordings take longer blocks, which only makes them less dependent.
    """
    stalls = [run.values["gap_max_ms"] for run in runs]
    longest = max((gap for gap in stalls if np.isfinite(gap)), default=0.0)
    lengths = [run.values["duration_s"] for run in runs]
    whole = max((length for length in lengths if np.isfinite(length)), default=0.0)
    return max(LEAST_BLOCK_S, 2.0 * longest / 1e3, whole / _MOST_BLOCKS)


def cells(runs: Sequence[Run], block_s: float) -> Cells:
    """Return the block sums of a side's runs; blocks never span two runs."""
    parts = _Parts()
    for run in runs:
        _add_run(parts, run, block_s)
    latency = _joined(parts.latency)
    ordered = parts.ordered[0] if len(parts.ordered) == 1 else np.sort(latency)
    block = _joined(parts.latency_block).astype(np.intp, copy=False)
    edges, counts = _histogram(latency, block, ordered, parts.blocks)
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


def _joined(arrays: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return the arrays one after another, without a copy where there is only one."""
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate(arrays) if arrays else np.empty(0)


def _add_run(parts: _Parts, run: Run, block_s: float) -> None:
    messages = run.messages
    created = messages.created
    begin = float(np.nanmin(created, initial=np.inf))
    end = float(np.nanmax(created, initial=-np.inf))
    lasted = run.values["duration_s"]
    if not (end > begin and lasted > 0.0):
        return
    blocks = max(1, int(lasted / block_s + 1e-9))
    place = _Place(begin, blocks, (end - begin) / blocks)
    block = place.of(created)
    arrived = messages.arrived & messages.original
    known = messages.original & ~messages.fate.where("unknown")
    latency, where = run.latency, block[arrived]

    def add(name: str, above: Floats, below: Floats) -> None:
        parts.ratios.setdefault(name, []).append((above, below))

    def tally(which: Ints, weights: npt.NDArray[np.generic] | None = None) -> Floats:
        return np.bincount(which, weights=weights, minlength=blocks).astype(np.float64)

    delivered = tally(where)
    seconds = np.full(blocks, place.length)
    add("mean_ms", tally(where, latency), delivered)
    add("drop_rate", tally(block[messages.lost & messages.original]), tally(block[known]))
    add("late_share", tally(where[run.late]), delivered)
    add("rate_hz", delivered, seconds)
    _add_streams(parts, run, place)
    parts.latency.append(latency)
    parts.latency_block.append(where + parts.blocks if parts.blocks else where)
    parts.ordered.append(run.ordered)
    parts.blocks += blocks


@dataclass(frozen=True)
class _Place:
    """The blocks of one run: when they begin, how many, how long in seconds."""

    begin: float
    blocks: int
    length: float

    def of(self, times: Floats) -> Ints:
        """Return the block of each time; unknown times go to the first block."""
        index = times - self.begin
        index /= self.length
        np.fmax(index, 0.0, out=index)  # of NaN and 0 this is 0
        return np.fmin(index, self.blocks - 1.0, out=index).astype(np.intp)


def _add_streams(parts: _Parts, run: Run, place: _Place) -> None:
    segments, found, limits, sawtooth = run.segments, run.found, run.limits, run.ages
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
    at = place.of(sawtooth.at)
    length = sawtooth.high - sawtooth.low
    area = 0.5 * (sawtooth.low + sawtooth.high) * length
    add("age_mean_ms", tally(at, area), tally(at, length))
    parts.low.append(sawtooth.low)
    parts.high.append(sawtooth.high)
    parts.age_block.append(at + parts.blocks)


def _histogram(latency: Floats, block: Ints, ordered: Floats, blocks: int) -> tuple[Floats, Floats]:
    """Return values at chosen ranks and, by block, the latencies between them.

    The ranks are even in probability below the median and in its logarithm in the tail.
    """
    n = len(ordered)
    if not n:
        return np.full(2, np.nan), np.zeros((blocks, 1))
    tail = 1.0 - 0.5 * np.geomspace(1.0, max(2.0 / max(n, 1), 1e-5), _GRID // 2)
    share = np.concatenate([np.linspace(0.0, 0.5, _GRID // 2, endpoint=False), tail, [1.0]])
    ranks = np.unique((share * n).astype(np.intp))
    running = np.zeros((blocks, len(ranks)), dtype=np.intp)
    running[:, 1:-1] = _first_ones(latency, block, ordered, ranks[1:-1], blocks)
    running[:, -1] = np.bincount(block, minlength=blocks)
    edges = ordered[np.minimum(ranks, n - 1)]
    return edges, np.diff(running, axis=1).astype(np.float64)


def _first_ones(
    latency: Floats, block: Ints, ordered: Floats, ranks: Ints, blocks: int
) -> npt.NDArray[np.intp]:
    """Return, by block, how many of its latencies are among the least `ranks` of all.

    Each block is sorted by itself, which is cheaper than to order all messages with their
    blocks. Equal latencies have their ranks in the order of the blocks.
    """
    if np.any(block[1:] < block[:-1]):
        order = np.argsort(block.astype(np.int16) if blocks < 1 << 15 else block, kind="stable")
        latency, block = latency[order], block[order]
    bounds = np.searchsorted(block, np.arange(blocks + 1))
    levels = ordered[ranks]
    equal_before = ranks - np.searchsorted(ordered, levels)
    split = np.flatnonzero(equal_before)  # edges with equal latencies on both of their sides
    below = np.zeros((blocks, len(ranks)), dtype=np.intp)
    equal = np.zeros((blocks, len(split)), dtype=np.intp)
    for i in range(blocks):
        mine = np.sort(latency[bounds[i] : bounds[i + 1]])
        below[i] = np.searchsorted(mine, levels)
        if len(split):
            equal[i] = np.searchsorted(mine, levels[split], side="right") - below[i, split]
    earlier = np.cumsum(equal, axis=0) - equal
    below[:, split] += np.clip(equal_before[split] - earlier, 0, equal)
    return below


def _age_table(
    low: Floats, high: Floats, block: Ints, blocks: int
) -> tuple[Floats, Floats, Floats]:
    """Return levels of age and, by block, the time spent above each and the whole time."""
    lasted = np.bincount(block, weights=high - low, minlength=blocks).astype(np.float64)
    if not len(high):
        return np.full(1, np.nan), np.zeros((blocks, 1)), lasted
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


@dataclass
class Resampled:
    """One side and how often each of its blocks is drawn, one row of `weights` per draw."""

    cells: Cells
    weights: Floats

    @classmethod
    def draw(cls, cells: Cells, draws: int, rng: np.random.Generator) -> Resampled:
        """Draw as many blocks as there are, with replacement, `draws` times."""
        blocks = max(cells.blocks, 1)
        chosen = rng.integers(0, blocks, size=(draws, blocks)) + blocks * np.arange(draws)[:, None]
        weights = np.bincount(chosen.ravel(), minlength=draws * blocks).reshape(draws, blocks)
        return cls(cells, weights.astype(np.float64)[:, : cells.blocks])

    def of(self, metric: Metric) -> Floats:
        """Return `metric` of every draw."""
        if metric.kind == "quantile":
            return self._quantile(metric.q)
        if metric.kind == "age":
            return self._age_quantile(0.99)
        if metric.name not in self.cells.ratios:
            return np.full(len(self.weights), np.nan)
        above, below = self.cells.ratios[metric.name]
        return ratio(self.weights @ above, self.weights @ below)

    @cached_property
    def _running(self) -> Floats:
        """Latencies up to each edge, in every draw."""
        return np.asarray(np.cumsum(self.weights @ self.cells.counts, axis=1))

    def _quantile(self, q: float) -> Floats:
        running, edges = self._running, self.cells.edges
        if not running.shape[1]:
            return np.full(len(self.weights), np.nan)
        target = q * running[:, -1]
        column = np.argmax(running >= target[:, None], axis=1)
        rows = np.arange(len(running))
        before = np.where(column > 0, running[rows, column - 1], 0.0)
        part = ratio(target - before, running[rows, column] - before)
        left, right = edges[column], edges[column + 1]
        return np.asarray(left + (right - left) * np.nan_to_num(part))

    def _age_quantile(self, q: float) -> Floats:
        above = self.weights @ self.cells.over
        target = (1.0 - q) * (self.weights @ self.cells.lasted)
        column = np.argmax(above <= target[:, None], axis=1)
        rows, before = np.arange(len(above)), np.maximum(column - 1, 0)
        high, low = above[rows, before], above[rows, column]
        part = np.nan_to_num(ratio(high - target, high - low))
        left, right = self.cells.levels[before], self.cells.levels[column]
        return np.asarray(left + (right - left) * np.clip(part, 0.0, 1.0))
