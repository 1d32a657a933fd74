"""The few distribution functions the intervals need, without SciPy.

The incomplete beta function by Lentz's continued fraction (Abramowitz & Stegun 26.5.8),
Student's t and the binomial through it (26.7.1, 26.5.24), quantiles by Newton's method.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_NORMAL = NormalDist()
_TINY = 1e-300


def normal_quantile(p: float) -> float:
    """Return z with P(Z <= z) = `p` for a standard normal Z."""
    return _NORMAL.inv_cdf(p)


def _guard(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _beta_fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1.0 / _guard(1.0 - (a + b) * x / (a + 1.0))
    total = d
    for m in range(1, 200_000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            d = 1.0 / _guard(1.0 + term * d)
            c = _guard(1.0 + term / c)
            total *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return total


def beta_cdf(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b)."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    front = math.exp(log_front)
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _beta_fraction(a, b, x) / a
    return 1.0 - front * _beta_fraction(b, a, 1.0 - x) / b


def student_cdf(t: float, df: float) -> float:
    """Return P(T <= `t`) for Student's t with `df` degrees of freedom."""
    if math.isinf(t):
        return 1.0 if t > 0 else 0.0
    tail = 0.5 * beta_cdf(0.5 * df, 0.5, df / (df + t * t))
    return 1.0 - tail if t > 0 else tail


@lru_cache(maxsize=4096)
def student_quantile(p: float, df: float) -> float:
    """Return t with P(T <= t) = `p` for Student's t with `df` degrees of freedom."""
    if p == 0.5:
        return 0.0
    if p < 0.5:
        return -student_quantile(1.0 - p, df)
    low, high = 0.0, 1.0
    while student_cdf(high, df) < p:
        low, high = high, 2.0 * high
    return _solve(p, df, low, high)


def _solve(p: float, df: float, low: float, high: float) -> float:
    """Newton's method for the quantile, kept inside a shrinking bracket by bisection."""
    log_scale = math.lgamma(0.5 * (df + 1)) - math.lgamma(0.5 * df) - 0.5 * math.log(df * math.pi)
    t = 0.5 * (low + high)
    for _ in range(100):
        miss = student_cdf(t, df) - p
        low, high = (low, t) if miss > 0 else (t, high)
        step = miss / math.exp(log_scale - 0.5 * (df + 1) * math.log1p(t * t / df))
        new = t - step if low < t - step < high else 0.5 * (low + high)
        if abs(new - t) <= 1e-13 * max(1.0, abs(t)):
            return new
        t = new
    return t


def binomial_cdf(k: int, n: int, p: float) -> float:
    """Return P(X <= `k`) for a binomial X of `n` trials with probability `p`."""
    if k < 0:
        return 0.0
    if k >= n:
        return 1.0
    return beta_cdf(n - k, k + 1.0, 1.0 - p)


@lru_cache(maxsize=4096)
def binomial_quantile(prob: float, n: int, p: float) -> int:
    """Return the least k with P(X <= k) >= `prob` for a binomial X of `n` trials."""
    spread = math.sqrt(n * p * (1.0 - p)) + 1.0
    centre = n * p + spread * normal_quantile(prob)
    low = max(-1, math.floor(centre - 2.0 - 0.1 * spread))
    high = min(n, math.ceil(centre + 2.0 + 0.1 * spread))
    while low >= 0 and binomial_cdf(low, n, p) >= prob:
        low = max(-1, low - 1 - int(spread))
    while high < n and binomial_cdf(high, n, p) < prob:
        high = min(n, high + 1 + int(spread))
    while high - low > 1:
        middle = (low + high) // 2
        if binomial_cdf(middle, n, p) >= prob:
            high = middle
        else:
            low = middle
    return high
