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
    label, unit = finding.metric.label, finding.metric.unit
    if outcome == "not enough data":
        return f"{label}: not enough data ({finding.why_not or 'no interval can be computed'})"
    span = _span(finding.low, finding.high, unit)
    if outcome in ("better", "worse"):
        low, high = sorted((abs(finding.low), abs(finding.high)))
        if finding.low <= 0.0 <= finding.high:
            return f"{label} {outcome} by {_amount(abs(finding.difference), unit)} {span}"
        size = _amount(abs(finding.difference), unit)
        return f"{label} {outcome} by {size} {_span(low, high, unit)}"
    change = f"{_amount(finding.difference, unit, signed=True)} {span}"
    if outcome == "equivalent":
        return f"{label} equivalent within {_amount(margin, unit)} ({change})"
    hint = f"; about {needed:,.0f} messages a side would tell" if math.isfinite(needed) else ""
    if finding.low > 0.0 or finding.high < 0.0:
        hint = "; clear alone, but not among so many metrics"
    return f"{label} not distinguishable ({change}{hint})"


def _scaled(value: float, unit: str) -> float:
    return value * 100.0 if unit == "share" else value


def _number(value: float) -> str:
    size = abs(value)
    digits = 0 if size >= 10 else 1 if size >= 1 else 2 if size >= 0.1 else 3
    text = f"{value:,.{digits}f}"
    return "0" if float(text.replace(",", "")) == 0.0 else text


def _amount(value: float, unit: str, *, signed: bool = False) -> str:
    scaled = _scaled(value, unit)
    word = {"share": "points", "/min": "per minute"}.get(unit, unit)
    sign = "+" if signed and scaled > 0 and _number(scaled) != "0" else ""
    return f"{sign}{_number(scaled)} {word}"


def _span(low: float, high: float, unit: str) -> str:
    return f"[{_number(_scaled(low, unit))}, {_number(_scaled(high, unit))}]"
