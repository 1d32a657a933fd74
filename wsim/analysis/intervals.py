"""Intervals that hold for what is measured: counts, quantiles, means of replicates, blocks.

Independent observations (messages of different runs, seeded replicates) take the closed
forms here; messages of one recording are correlated and take `blocks.block_bootstrap`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wsim.analysis.special import (
    binomial_quantile,
    normal_quantile,
    student_cdf,
    student_quantile,
)

NAN = float("nan")


class Interval(NamedTuple):
    """An estimate with its confidence limits and the two-sided p-value against zero."""

    estimate: float
    low: float
    high: float
    p_value: float = NAN


def check_confidence(confidence: float) -> float:
    """Return `confidence` if it lies between 0 and 1; raise `ValueError` otherwise."""
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1, such as 0.95, not {confidence!r}")
    return confidence


def wilson(count: float, total: float, confidence: float = 0.95) -> Interval:
    """Return the Wilson score interval of a proportion (Wilson 1927, JASA 22:209).

    Parameters
    ----------
    count, total : float
        Successes among trials, whole or effective; no trials give NaN throughout.
    """
    if total <= 0:
        return Interval(NAN, NAN, NAN)
    z = normal_quantile(0.5 + confidence / 2.0)
    share, z2 = count / total, z * z
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = z / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    low = 0.0 if count == 0 else max(0.0, centre - half)
    high = 1.0 if count == total else min(1.0, centre + half)
    return Interval(share, low, high)


def poisson_rate(count: int, exposure: float, confidence: float = 0.95) -> Interval:
    """Return the score interval of a rate: `count` events in `exposure` units of time."""
    if not exposure > 0.0:
        return Interval(NAN, NAN, NAN)
    z = normal_quantile(0.5 + confidence / 2.0)
    centre, half = count + z * z / 2.0, z * math.sqrt(count + z * z / 4.0)
    low = 0.0 if count == 0 else centre - half
    return Interval(count / exposure, low / exposure, (centre + half) / exposure)


def newcombe(
    count: int, total: int, other: int, other_total: int, confidence: float = 0.95
) -> Interval:
    """Return the interval of ``other/other_total - count/total``.

    Newcombe's hybrid score interval (1998, Statistics in Medicine 17:873, method 10).
    """
    first, second = wilson(count, total, confidence), wilson(other, other_total, confidence)
    difference = second.estimate - first.estimate
    down = math.hypot(second.estimate - second.low, first.high - first.estimate)
    up = math.hypot(second.high - second.estimate, first.estimate - first.low)
    return Interval(difference, difference - down, difference + up)


def quantile_ranks(n: int, q: float, confidence: float = 0.95) -> tuple[int, int]:
    """Return 1-based ranks (l, u): [X_(l), X_(u)] covers quantile `q` with `confidence`.

    Distribution-free, from the binomial count of observations below the quantile (David &
    Nagaraja, Order Statistics, 7.1). 0 or n + 1 mean that the sample cannot bound that side.
    """
    if n == 0:
        return 0, 1
    tail = (1.0 - confidence) / 2.0
    return binomial_quantile(tail, n, q), binomial_quantile(1.0 - tail, n, q) + 1


def order_statistic(
    ordered: npt.NDArray[np.float64], q: float, confidence: float = 0.95
) -> Interval:
    """Return quantile `q` of sorted values with its order-statistic interval.

    The estimate interpolates linearly, as NumPy does. A side that the sample is too small
    to bound is NaN.
    """
    n = len(ordered)
    if n == 0:
        return Interval(NAN, NAN, NAN)
    low, high = quantile_ranks(n, q, confidence)
    return Interval(
        sorted_quantile(ordered, q),
        float(ordered[low - 1]) if low >= 1 else NAN,
        float(ordered[high - 1]) if high <= n else NAN,
    )


def sorted_quantile(ordered: npt.NDArray[np.float64], q: float) -> float:
    """Return quantile `q` of sorted values, interpolating linearly between neighbours."""
    if not len(ordered):
        return NAN
    place = q * (len(ordered) - 1)
    below = min(math.floor(place), len(ordered) - 1)
    above = min(below + 1, len(ordered) - 1)
    low, high = float(ordered[below]), float(ordered[above])
    return low + (high - low) * (place - below) if high != low else low


def mean_t(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Return the mean of replicates with Student's interval and the p-value against zero."""
    data = np.asarray(values, dtype=np.float64)
    n = len(data)
    if n < 2:
        return Interval(float(data.mean()) if n else NAN, NAN, NAN)
    error = float(data.std(ddof=1)) / math.sqrt(n)
    return _student(float(data.mean()), error, n - 1, confidence)


def replicated_share(
    shares: Sequence[float], pooled: Interval, confidence: float = 0.95
) -> Interval:
    """Return the mean of a share over replicate runs with Student's interval, within 0 and 1.

    Messages of one run are no independent trials, so runs are counted instead. `pooled`, the
    interval over all messages, is kept where the runs cannot tell: fewer than two with a
    share, or all alike, as where nothing was lost, which proves no rate of zero.

    Examples
    --------
    >>> found = replicated_share([0.05, 0.06, 0.07], Interval(0.06, 0.055, 0.065))
    >>> [round(end, 3) for end in found[:3]]
    [0.06, 0.035, 0.085]
    """
    known = [share for share in shares if math.isfinite(share)]
    if len(set(known)) < 2:
        return pooled
    mean, low, high, p_value = mean_t(known, confidence)
    return Interval(mean, max(low, 0.0), min(high, 1.0), p_value)


def paired_t(
    baseline: Sequence[float], candidate: Sequence[float], confidence: float = 0.95
) -> Interval:
    """Return the mean of ``candidate - baseline`` over pairs, with Student's interval."""
    differences = np.asarray(candidate, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    return mean_t(differences.tolist(), confidence)


def welch_t(
    baseline: Sequence[float], candidate: Sequence[float], confidence: float = 0.95
) -> Interval:
    """Return the difference of two means, variances unequal (Welch 1947, Biometrika 34:28)."""
    first = np.asarray(baseline, dtype=np.float64)
    second = np.asarray(candidate, dtype=np.float64)
    if len(first) < 2 or len(second) < 2:
        return Interval(_mean(second) - _mean(first), NAN, NAN)
    u, v = first.var(ddof=1) / len(first), second.var(ddof=1) / len(second)
    spread = u + v
    parts = u**2 / (len(first) - 1) + v**2 / (len(second) - 1)
    df = float(spread**2 / parts) if parts > 0 else 1.0
    return _student(float(second.mean() - first.mean()), math.sqrt(spread), df, confidence)


def welch_logs(
    baseline: Sequence[float], candidate: Sequence[float], confidence: float = 0.95
) -> Interval:
    """Return the ratio of geometric means ``candidate / baseline``: Welch on logarithms.

    The p-value is against a ratio of one. Values must be positive; others give NaN.
    """
    first = np.asarray(baseline, dtype=np.float64)
    second = np.asarray(candidate, dtype=np.float64)
    if not (np.all(first > 0) and np.all(second > 0)):
        return Interval(NAN, NAN, NAN)
    logs = welch_t(np.log(first).tolist(), np.log(second).tolist(), confidence)
    return Interval(math.exp(logs.estimate), math.exp(logs.low), math.exp(logs.high), logs.p_value)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values (1979, Scand. J. Statistics 6:65); NaN stays NaN."""
    p = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted = np.full(len(p), np.nan)
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(order) else steps
    return [float(value) for value in adjusted]


def _student(estimate: float, error: float, df: float, confidence: float) -> Interval:
    if not math.isfinite(error):
        return Interval(estimate, NAN, NAN)
    if error == 0.0:
        return Interval(estimate, estimate, estimate, 1.0 if estimate == 0.0 else 0.0)
    half = student_quantile(0.5 + confidence / 2.0, df) * error
    p = 2.0 * student_cdf(-abs(estimate / error), df)
    return Interval(estimate, estimate - half, estimate + half, p)


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else NAN
