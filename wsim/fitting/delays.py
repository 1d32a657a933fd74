"""Fitting the rate of the bottleneck, the delays behind it, and their correlation."""

from __future__ import annotations

import numpy as np

from wsim.fitting.logs import LEAST_MESSAGES, Log
from wsim.impairments import Jitter
from wsim.impairments.constant_rate import lindley
from wsim.impairments.normal import Normal, standard_normal
from wsim.impairments.quantiles import Quantiles
from wsim.randomness import BoolArray, FloatArray

_SHARES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1.0)
_SAME_S = 2e-6  # arrivals closer than this are one arrival


def fit_rate(logs: list[Log], up: list[BoolArray]) -> float | None:
    """Return the rate at which least delays grow with size, or None if they do not."""
    size = np.concatenate([log.size[use] for log, use in zip(logs, up, strict=True)])
    delay = np.concatenate([log.delay_ms[use] for log, use in zip(logs, up, strict=True)])
    keep = ~np.isnan(delay)
    size, delay = size[keep], delay[keep]
    if len(size) < LEAST_MESSAGES or size.max() < 4 * max(size.min(), 1):
        return None
    edges = np.unique(np.quantile(size, np.linspace(0.0, 1.0, 17)))
    groups = np.searchsorted(edges, size, side="left")
    points = np.array(
        [
            (size[groups == g].mean(), np.quantile(delay[groups == g], 0.05), (groups == g).sum())
            for g in np.unique(groups)
        ]
    )
    if len(points) < 2:
        return None
    slope, _ = np.polyfit(points[:, 0], points[:, 1], 1, w=np.sqrt(points[:, 2]))
    gain = slope * (points[-1, 0] - points[0, 0])
    noise = float(np.quantile(delay, 0.25) - np.quantile(delay, 0.05)) * 0.5 + 1e-3
    return float(8e-3 / slope) if slope > 0.0 and gain > noise else None


def fit_delays(
    logs: list[Log], up: list[BoolArray], mbps: float | None
) -> tuple[float, Jitter, dict[str, float]]:
    """Return the least delay, the distribution above it, and its correlation."""
    values, free, pairs = [], [], []
    for log, use in zip(logs, up, strict=True):
        own = log.delay_ms - _queueing_ms(log, mbps)
        arrived = np.flatnonzero(use & ~np.isnan(own))
        if not len(arrived):
            continue
        at = log.arrival_s[arrived]
        alone = np.diff(at, prepend=-np.inf) > _SAME_S
        values.append(own[arrived])
        free.append(alone)
        pairs.append((own[arrived], log.sent_s[arrived], alone))
    if not values:
        return 0.0, Normal(), {}
    found = product_limit_quantiles(np.concatenate(values), np.concatenate(free), _SHARES)
    found = np.maximum(found, 0.0)
    least, most = float(found[0]), float(found[-1])
    if most - least < 0.01:
        return float(np.median(found)), Normal(), {}
    excess = np.maximum.accumulate(np.maximum(found - least, 1e-3))
    points = [(0.0, 0.0), *zip(_SHARES[1:], excess[1:].tolist(), strict=True)]
    return least, Quantiles(tuple(points)), _correlation(pairs)


def _queueing_ms(log: Log, mbps: float | None) -> FloatArray:
    """Return what a first-in first-out server of this rate made each message wait."""
    if mbps is None:
        return np.zeros(len(log.sent_s))
    sent = np.rint(log.sent_s * 1e9).astype(np.int64)
    service = np.rint(log.size * 8000.0 / mbps).astype(np.int64)
    return np.asarray((lindley(sent, service, int(sent[0])) - sent) / 1e6)


def product_limit_quantiles(
    values: FloatArray, exact: BoolArray, shares: tuple[float, ...]
) -> FloatArray:
    """Return quantiles of a variable of which some values are only upper bounds.

    Parameters
    ----------
    values
        Shape (n,): the value, or the bound below which it lies.
    exact
        Shape (n,): True where it is the value.
    shares
        Shares in [0, 1].

    Returns
    -------
    Shape (len(shares),), by the product-limit estimate with time reversed.
    """
    order = np.lexsort((~exact, values))
    values, exact = values[order], exact[order]
    factors = 1.0 - exact / np.arange(1, len(values) + 1)
    below = np.cumprod(factors[::-1])[::-1]  # P(X < value)
    known = np.flatnonzero(exact)
    if not len(known):
        return np.quantile(values, shares)
    return np.interp(shares, np.append(below[known], 1.0)[1:], values[known])


def _correlation(pairs: list[tuple[FloatArray, FloatArray, BoolArray]]) -> dict[str, float]:
    """Return the correlation of neighbours' normal scores, by message or in seconds."""
    scores, gaps = [], []
    for own, sent, alone in pairs:
        ranks = np.argsort(np.argsort(own)) + 0.5
        z = standard_normal(ranks / len(own))
        both = alone[1:] & alone[:-1]
        scores.append(np.column_stack([z[:-1], z[1:]])[both])
        gaps.append(np.diff(sent)[both])
    joined, gap = np.concatenate(scores), np.concatenate(gaps)
    censored = 1.0 - np.concatenate([alone for _, _, alone in pairs]).mean()
    if len(joined) < LEAST_MESSAGES or censored > 0.3:
        return {}
    rho = float(np.asarray(np.corrcoef(joined.T))[0, 1])
    if not rho > 4.0 / np.sqrt(len(joined)) or rho < 0.05:
        return {}
    rho = min(rho, 0.999)
    if gap.std() > 0.3 * gap.mean():
        return {"jitter_memory_s": float(-gap.mean() / np.log(rho))}
    return {"jitter_correlation": rho}
