"""The interval of one metric's difference, by the method that its data allow."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from wsim.analysis.blocks import LEAST_BLOCKS, Cells, Resampled
from wsim.analysis.columns import Floats
from wsim.analysis.effects import cliffs_delta, cliffs_delta_sorted
from wsim.analysis.intervals import Interval, newcombe, paired_t, welch_logs, welch_t
from wsim.analysis.metrics import Metric
from wsim.analysis.sides import Side
from wsim.analysis.special import student_cdf, student_quantile
from wsim.analysis.verdicts import Finding

NAN = float("nan")
LEAST_EPISODES = 8
"""Separate stalls that a tail quantile of a recording needs."""
_COUNTS = ("drop_rate", "late_share", "stale_share")
"""Shares of messages: zero events in few messages are no proof of a rate of zero."""


@dataclass(frozen=True)
class Confidence:
    """Confidence of the interval shown, and of the one used for equivalence."""

    shown: float

    @property
    def tight(self) -> float:
        """Two one-sided tests at level alpha: an interval of confidence 1 - 2 alpha."""
        return 1.0 - 2.0 * (1.0 - self.shown)


def by_runs(
    metric: Metric, baseline: Side, candidate: Side, pairs: bool, confidence: Confidence
) -> Finding:
    """Compare the statistic of each run: paired where seeds are shared, Welch otherwise."""
    first, second = baseline.measure(metric), candidate.measure(metric)
    method = "paired t over runs" if pairs else "Welch t over runs"
    keep_first, keep_second = np.isfinite(first), np.isfinite(second)
    if pairs:
        keep_first = keep_second = keep_first & keep_second
    first, second = first[keep_first], second[keep_second]
    messages = max(1, baseline.total("sent") // max(1, len(baseline.runs)) * len(first))
    make: Callable[..., Interval] = paired_t if pairs else welch_t
    shown = make(first.tolist(), second.tolist(), confidence.shown)
    tight = make(first.tolist(), second.tolist(), confidence.tight)
    if not pairs and metric.name in _COUNTS:
        shown, tight = _at_least_counts(metric, baseline, candidate, confidence, shown, tight)
    return Finding(
        metric,
        _mean(first),
        _mean(second),
        shown.low,
        shown.high,
        tight.low,
        tight.high,
        _p_value(metric, first, second, pairs, shown),
        cliffs_delta(first, second),
        f"{method} ({len(first)})" if pairs else f"{method} ({len(first)}, {len(second)})",
        messages,
        _few_runs(metric, baseline, candidate, len(first), len(second)),
    )


def _p_value(metric: Metric, first: Floats, second: Floats, pairs: bool, raw: Interval) -> float:
    """Return the p-value: unpaired positive times are tested on logarithms as well.

    Times are skewed, and so are their run statistics; the larger of the two p-values keeps
    the interval shown and the verdict from contradicting each other.
    """
    if pairs or metric.unit != "ms" or len(first) < 2 or len(second) < 2:
        return raw.p_value
    logs = welch_logs(first.tolist(), second.tolist()).p_value
    return raw.p_value if math.isnan(logs) else max(raw.p_value, logs)


def _few_runs(metric: Metric, baseline: Side, candidate: Side, first: int, second: int) -> str:
    if min(first, second) < 2:
        return "it could be computed in fewer than two runs of a side"
    fewest = min(np.nanmin(side.of("delivered")) for side in (baseline, candidate))
    if fewest < metric.least:
        return f"{metric.label} needs {metric.least:,} messages a run, there are {fewest:,.0f}"
    return ""


def _at_least_counts(
    metric: Metric,
    baseline: Side,
    candidate: Side,
    confidence: Confidence,
    shown: Interval,
    tight: Interval,
) -> tuple[Interval, Interval]:
    """Widen the interval of a share to Newcombe's where runs agree better than counts can."""
    pairs = [_counts(metric, side) for side in (baseline, candidate)]
    if min(total for _, total in pairs) <= 0 or not math.isfinite(shown.low):
        return shown, tight
    (a, n), (b, m) = pairs
    return (
        _wider(shown, newcombe(a, n, b, m, confidence.shown)),
        _wider(tight, newcombe(a, n, b, m, confidence.tight)),
    )


def _counts(metric: Metric, side: Side) -> tuple[int, int]:
    """Return successes and trials of a share, from the values of the runs."""
    totals = side.of("known" if metric.name == "drop_rate" else "delivered")
    hits = np.nansum(side.of(metric.name) * totals)
    return round(float(hits)), int(totals.sum())


def _wider(first: Interval, second: Interval) -> Interval:
    return first._replace(low=min(first.low, second.low), high=max(first.high, second.high))


@dataclass
class Draws:
    """Two sides cut into blocks, and how often each block is drawn."""

    baseline: Resampled
    candidate: Resampled
    block_s: float

    @classmethod
    def make(cls, sides: tuple[Cells, Cells], block_s: float, draws: int, seed: int) -> Draws:
        """Draw the blocks of both sides independently, from one seed."""
        rng = np.random.default_rng(seed)
        first, second = (Resampled.draw(side, draws, rng) for side in sides)
        return cls(first, second, block_s)

    @property
    def blocks(self) -> int:
        """Blocks of the side that has fewer."""
        return min(self.baseline.cells.blocks, self.candidate.cells.blocks)

    @cached_property
    def effect(self) -> float:
        """Cliff's delta of the latencies, the same for every metric of them."""
        return cliffs_delta_sorted(self.baseline.cells.ordered, self.candidate.cells.ordered)


def by_blocks(
    metric: Metric, baseline: Side, candidate: Side, draws: Draws, confidence: Confidence
) -> Finding:
    """Compare recordings by the block bootstrap: its standard error with Student's t."""
    estimates = [_pooled(metric, side) for side in (baseline, candidate)]
    shown, tight = _block_intervals(metric, estimates, draws, confidence)
    if metric.name in _COUNTS:
        shown, tight = _at_least_counts(metric, baseline, candidate, confidence, shown, tight)
    effect = NAN
    if metric.kind == "quantile" or metric.name == "mean_ms":
        effect = draws.effect
    return Finding(
        metric,
        estimates[0],
        estimates[1],
        shown.low,
        shown.high,
        tight.low,
        tight.high,
        shown.p_value,
        effect,
        f"block bootstrap ({draws.baseline.cells.blocks}, {draws.candidate.cells.blocks} "
        f"blocks of {draws.block_s:.0f} s)",
        max(1, baseline.total("sent")),
        _few_blocks(metric, baseline, candidate, draws),
    )


def _block_intervals(
    metric: Metric, estimates: list[float], draws: Draws, confidence: Confidence
) -> tuple[Interval, Interval]:
    difference = estimates[1] - estimates[0]
    spread = draws.candidate.of(metric) - draws.baseline.of(metric)
    spread = spread[np.isfinite(spread)]
    df = draws.blocks - 1
    if df < 1 or len(spread) < 2 or not math.isfinite(difference):
        missing = Interval(difference, NAN, NAN)
        return missing, missing
    error = float(spread.std(ddof=1)) * math.sqrt((df + 1) / df)
    if error == 0.0:
        same = Interval(difference, difference, difference, 1.0 if difference == 0.0 else 0.0)
        return same, same
    p = 2.0 * student_cdf(-abs(difference) / error, df)
    halves = [
        student_quantile(0.5 + c / 2.0, df) * error for c in (confidence.shown, confidence.tight)
    ]
    shown, tight = (Interval(difference, difference - h, difference + h, p) for h in halves)
    return shown, tight


def _pooled(metric: Metric, side: Side) -> float:
    """Return the metric over all runs of a side: their mean, weighted by messages."""
    values = side.measure(metric)
    weights = side.of("sent")
    good = np.isfinite(values) & (weights > 0)
    return float(np.average(values[good], weights=weights[good])) if good.any() else NAN


def _few_blocks(metric: Metric, baseline: Side, candidate: Side, draws: Draws) -> str:
    if draws.blocks < LEAST_BLOCKS:
        seconds = LEAST_BLOCKS * draws.block_s
        return (
            f"{draws.blocks} blocks of {draws.block_s:.0f} s are too few: record at least "
            f"{seconds:.0f} s a side, or compare replicates"
        )
    fewest = min(side.total("delivered") for side in (baseline, candidate))
    if fewest < metric.least:
        return f"{metric.label} needs {metric.least:,} messages a side, there are {fewest:,}"
    if metric.kind == "quantile" and metric.q > 0.95:
        return _few_episodes(metric, baseline, candidate)
    return ""


def _few_episodes(metric: Metric, baseline: Side, candidate: Side) -> str:
    """Say so if a tail rests on few episodes: the messages of one stall are one event."""
    for side in (baseline, candidate):
        level = _pooled(metric, side)
        found = sum(run.episodes(level) for run in side.runs)
        if 0 < found < LEAST_EPISODES:
            return (
                f"the tail of the {side.name} rests on {found} stalls, not {LEAST_EPISODES}: "
                f"record {LEAST_EPISODES / found:.1f} times as long, or compare replicates"
            )
    return ""


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else NAN
