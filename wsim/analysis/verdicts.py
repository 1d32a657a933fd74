"""From an interval to a verdict and a sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wsim.analysis.metrics import Metric

VERDICTS = ("better", "worse", "equivalent", "not distinguishable", "not enough data")


@dataclass
class Finding:
    """What is known of one metric: estimates, interval of the difference, p-value, sizes.

    ``tight_low`` and ``tight_high`` are the limits used for equivalence (two one-sided tests:
    a 90 % interval for 95 % confidence); ``units`` the number of runs or blocks behind them;
    ``why_not`` says why there is no interval.
    """

    metric: Metric
    baseline: float
    candidate: float
    low: float
    high: float
    tight_low: float
    tight_high: float
    p_value: float
    effect: float
    method: str
    messages: int
    why_not: str = ""
    p_holm: float = float("nan")

    @property
    def difference(self) -> float:
        """Candidate minus baseline."""
        return self.candidate - self.baseline

    @property
    def figures(self) -> dict[str, float]:
        """Both sides, their difference, and its limits where there are any, as columns."""
        nan = float("nan")
        return {
            "baseline": self.baseline,
            "candidate": self.candidate,
            "difference": self.difference,
            "low": nan if self.why_not else self.low,
            "high": nan if self.why_not else self.high,
        }

    def margin(self, margin_ms: float, margin_share: float) -> float:
        """Return the difference that does not matter: a floor, or a share of the baseline."""
        floor = margin_ms if self.metric.floor is None else self.metric.floor
        relative = margin_share * abs(self.baseline) if math.isfinite(self.baseline) else 0.0
        return max(floor, relative)


def verdict(finding: Finding, margin: float, alpha: float) -> str:
    """Return the verdict: equivalence within the margin first, then Holm's adjusted p-value."""
    if finding.why_not or not math.isfinite(finding.low) or not math.isfinite(finding.high):
        return "not enough data"
    if -margin <= finding.tight_low and finding.tight_high <= margin:
        return "equivalent"
    if finding.p_holm < alpha:
        return "worse" if (finding.difference > 0) == finding.metric.lower_is_better else "better"
    return "not distinguishable"


def needed_messages(finding: Finding, margin: float) -> float:
    """Return the messages per side that would decide, if the difference stays as it is.

    Either the interval excludes zero or it fits into the margin, whichever comes first;
    half-widths shrink with the square root of the amount of data.
    """
    half = (finding.high - finding.low) / 2.0
    size = abs(finding.difference)
    target = max(margin - size, size)
    if not math.isfinite(half) or target <= 0.0 or half <= 0.0:
        return float("nan")
    return math.ceil(finding.messages * max(1.0, (half / target) ** 2))


def sentence(finding: Finding, outcome: str, margin: float, needed: float) -> str:
    """Return the verdict in words, such as ``p99 worse by 41 ms [38, 44]``."""
    label = finding.metric.label
    if outcome == "not enough data":
        return f"{label}: not enough data ({finding.why_not or 'no interval can be computed'})"
    scale = _scale(finding)
    span = f"[{scale.number(finding.low)}, {scale.number(finding.high)}]"
    size = scale.amount(abs(finding.difference))
    if outcome in ("better", "worse"):
        low, high = sorted((abs(finding.low), abs(finding.high)))
        if not finding.low <= 0.0 <= finding.high:
            span = f"[{scale.number(low)}, {scale.number(high)}]"
        return f"{label} {outcome} by {size} {span}"
    sign = "-" if finding.difference < 0.0 else "+"
    change = f"{sign if size[:2] != '0 ' else ''}{size} {span}"
    if outcome == "equivalent":
        return f"{label} equivalent within {scale.amount(margin)} ({change})"
    hint = f"; about {needed:,.0f} messages a side would tell" if math.isfinite(needed) else ""
    if finding.low > 0.0 or finding.high < 0.0:
        hint = "; clear alone, but not among so many metrics"
    return f"{label} not distinguishable ({change}{hint})"


@dataclass(frozen=True)
class _Scale:
    """How numbers of a metric are written: multiplied by `factor`, with a `word` behind."""

    factor: float
    word: str

    def number(self, value: float) -> str:
        """Return a value without its unit."""
        return _number(value * self.factor)

    def amount(self, value: float) -> str:
        """Return a value with its unit."""
        return f"{self.number(value)} {self.word}"


def _scale(finding: Finding) -> _Scale:
    unit = finding.metric.unit
    if unit == "ms" and abs(finding.difference) >= 10_000.0:
        return _Scale(1e-3, "s")
    words = {"share": _Scale(100.0, "points"), "/min": _Scale(1.0, "per minute")}
    return words.get(unit, _Scale(1.0, unit))


def _number(value: float) -> str:
    size = abs(value)
    digits = 0 if size >= 10 else 1 if size >= 1 else 2 if size >= 0.1 else 3
    text = f"{value:,.{digits}f}"
    return "0" if float(text.replace(",", "")) == 0.0 else text
