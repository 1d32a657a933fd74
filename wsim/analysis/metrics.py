"""The metrics that are compared: where each comes from, its unit, and which way is better."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wsim.errors import unknown


class Metric(NamedTuple):
    """One metric of a comparison.

    ``floor`` is the least difference that matters at all, in the metric's unit (None: the
    margin in milliseconds); ``least`` the messages a run needs before the metric means
    anything; ``kind`` how it is resampled: quantile (of probability ``q``), ratio or age.
    """

    name: str
    label: str
    unit: str
    kind: str
    floor: float | None = None
    lower_is_better: bool = True
    least: int = 2
    q: float = float("nan")


def quantile_metric(q: float) -> Metric:
    """Return the metric of latency quantile `q`; it needs two messages beyond its tail."""
    text = f"{100 * q:g}"
    least = max(2, round(2 / min(q, 1 - q)))
    return Metric(f"p{text.replace('.', '')}_ms", f"p{text}", "ms", "quantile", least=least, q=q)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("mean_ms", "mean latency", "ms", "ratio"),
        quantile_metric(0.5),
        quantile_metric(0.9),
        quantile_metric(0.95),
        quantile_metric(0.99),
        quantile_metric(0.999),
        Metric("jitter_rfc3550_mean_ms", "jitter (RFC 3550)", "ms", "ratio", floor=1.0),
        Metric("drop_rate", "drop rate", "share", "ratio", floor=0.001),
        Metric("late_share", "late share", "share", "ratio", floor=0.001),
        Metric("stale_share", "stale share", "share", "ratio", floor=0.001),
        Metric("age_mean_ms", "command age", "ms", "ratio"),
        Metric("age_p99_ms", "command age p99", "ms", "age", least=200),
        Metric("watchdog_trips_per_min", "watchdog trips, pauses too", "/min", "ratio", floor=0.1),
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
