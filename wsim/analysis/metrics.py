"""The metrics that are compared: where each comes from, its unit, and which way is better."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wsim.analysis.summary import QUANTILES
from wsim.errors import unknown


class Metric(NamedTuple):
    """One metric of a comparison.

    ``floor`` is the least difference that matters at all, in the metric's unit (None: the
    margin in milliseconds); ``least`` the messages a run needs before the metric means
    anything; ``kind`` how it is resampled: quantile, ratio or age.
    """

    name: str
    label: str
    unit: str
    kind: str
    floor: float | None = None
    lower_is_better: bool = True
    least: int = 2


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("mean_ms", "mean latency", "ms", "ratio"),
        Metric("p50_ms", "p50", "ms", "quantile"),
        Metric("p90_ms", "p90", "ms", "quantile", least=20),
        Metric("p95_ms", "p95", "ms", "quantile", least=40),
        Metric("p99_ms", "p99", "ms", "quantile", least=200),
        Metric("p999_ms", "p99.9", "ms", "quantile", least=2_000),
        Metric("jitter_rfc3550_mean_ms", "jitter (RFC 3550)", "ms", "ratio", floor=1.0),
        Metric("drop_rate", "drop rate", "share", "ratio", floor=0.001),
        Metric("late_share", "late share", "share", "ratio", floor=0.001),
        Metric("stale_share", "stale share", "share", "ratio", floor=0.001),
        Metric("age_mean_ms", "command age", "ms", "ratio"),
        Metric("age_p99_ms", "command age p99", "ms", "age", least=200),
        Metric("watchdog_trips_per_min", "watchdog trips", "/min", "ratio", floor=0.1),
        Metric("rate_hz", "delivered rate", "Hz", "ratio", floor=0.0, lower_is_better=False),
    )
}
"""The rows of a comparison, in order."""


def choose(names: Iterable[str] | None) -> list[Metric]:
    """Return the metrics of these names, or all of them."""
    if names is None:
        return list(METRICS.values())
    chosen = []
    for name in names:
        if name not in METRICS:
            raise unknown("metric", name, METRICS)
        chosen.append(METRICS[name])
    return chosen


def quantile_of(metric: Metric) -> float:
    """Return the probability a quantile metric stands for."""
    return QUANTILES[metric.name.removesuffix("_ms")]
