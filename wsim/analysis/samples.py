"""Parts of a summary that keep every value: latencies, delay variation, ages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wsim.analysis.age import age_quantile
from wsim.analysis.columns import Floats
from wsim.analysis.excess import streamed_age_quantile
from wsim.analysis.intervals import order_statistic, sorted_quantile
from wsim.analysis.values import Ordered, Values

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
"""The quantiles of a summary, by the names of their columns."""
VARIATION = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}
"""Those of the delay variation."""


def kept(arrays: Iterable[Floats]) -> list[Values]:
    """Return the values of each group."""
    return [Values(array) for array in arrays]


def _joined(first: list[Values], second: list[Values]) -> list[Values]:
    for mine, more in zip(first, second, strict=True):
        mine.extend(more)
    return first


@dataclass
class Latencies:
    """The latencies of each group."""

    values: list[Values]

    def __add__(self, other: Latencies) -> Latencies:
        return Latencies(_joined(self.values, other.values))

    def columns(self, name: str, confidence: float) -> dict[str, Any]:
        """Return mean, extremes, how many are negative, and quantiles with their intervals."""
        names = ["mean_ms", "min_ms", "max_ms", "negative_latencies"]
        names += [f"{q}_ms{end}" for q in QUANTILES for end in ("", "_low", "_high")]
        table = {name: np.full(len(self.values), np.nan) for name in names}
        for place, mine in enumerate(self.values):
            for key, value in _latency_row(mine, confidence).items():
                table[key][place] = value
        return table


def _latency_row(values: Values, confidence: float) -> dict[str, float]:
    if not len(values):
        return {"negative_latencies": 0.0}
    if values.in_memory:
        ordered = values.sorted()
        row = {"mean_ms": float(ordered.mean()), "min_ms": ordered[0], "max_ms": ordered[-1]}
        row["negative_latencies"] = float(np.searchsorted(ordered, 0.0, side="left"))
        return row | _quantiles(ordered, confidence)
    sums = np.array([[c.sum(), np.count_nonzero(c < 0.0)] for c in _filled(values)]).sum(axis=0)
    row = {"mean_ms": sums[0] / len(values), "negative_latencies": sums[1]}
    row["min_ms"] = min(float(chunk.min()) for chunk in _filled(values))
    row["max_ms"] = max(float(chunk.max()) for chunk in _filled(values))
    found: dict[str, float] = Ordered(values).answer(lambda some: _quantiles(some, confidence))
    return row | found


def _filled(values: Values) -> Iterable[Floats]:
    return (chunk for chunk in values.chunks() if len(chunk))


def _quantiles(ordered: Any, confidence: float) -> dict[str, float]:
    row: dict[str, float] = {}
    for name, q in QUANTILES.items():
        value = order_statistic(ordered, q, confidence)
        row[f"{name}_ms"] = value.estimate
        row[f"{name}_ms_low"], row[f"{name}_ms_high"] = value.low, value.high
    return row


@dataclass
class Variation:
    """The delay variation of each group."""

    values: list[Values]

    def __add__(self, other: Variation) -> Variation:
        return Variation(_joined(self.values, other.values))

    def columns(self, name: str, confidence: float) -> dict[str, Any]:
        """Return the quantiles."""
        rows = [_variation(mine) for mine in self.values]
        return {f"{name}_{q}_ms": np.array([row[q] for row in rows]) for q in VARIATION}


def _variation(values: Values) -> dict[str, float]:
    def work(ordered: Any) -> dict[str, float]:
        return {name: sorted_quantile(ordered, q) for name, q in VARIATION.items()}

    if values.in_memory:
        return work(values.sorted())
    found: dict[str, float] = Ordered(values).answer(work)
    return found


@dataclass
class AgeQuantile:
    """The pieces of the age of each group, from ``low`` to ``high``, for one quantile."""

    low: list[Values]
    high: list[Values]
    q: float

    def __add__(self, other: AgeQuantile) -> AgeQuantile:
        return AgeQuantile(_joined(self.low, other.low), _joined(self.high, other.high), self.q)

    def columns(self, name: str, confidence: float) -> dict[str, Any]:
        """Return the age that is exceeded during a share ``1 - q`` of the time."""
        pairs = zip(self.low, self.high, strict=True)
        return {name: np.array([_age(low, high, self.q) for low, high in pairs], dtype=float)}


def _age(low: Values, high: Values, q: float) -> float:
    if low.in_memory:
        return age_quantile(low.sorted(), high.sorted(), q)
    return streamed_age_quantile(low, high, q)
