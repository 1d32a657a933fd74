"""Shifted gamma delays."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from wsim.impairments.base import Sampler
from wsim.impairments.normal import TableSampler
from wsim.impairments.positive import PositiveJitter
from wsim.randomness import FloatArray

_POINTS = 65_537
_DEPTH = 45.0  # the density is followed down to exp(-45) of its peak


@dataclasses.dataclass(frozen=True)
class Gamma(PositiveJitter):
    """Gamma with the mean m and deviation s asked for: shape (m / s)^2, scale s^2 / m."""

    kind: ClassVar[str] = "gamma"

    def sampler(self, latency_ms: float, jitter_ms: float) -> Sampler:
        """Return the inverse distribution function, in ms."""
        if jitter_ms == 0.0:
            return lambda u: np.full(len(u), latency_ms)
        self.check(latency_ms, jitter_ms)
        floor, mean = self.excess(latency_ms)
        shape = (mean / jitter_ms) ** 2
        quantile = gamma_quantile(shape)
        scale = mean / shape
        return TableSampler(lambda u: floor + scale * quantile(u))


def gamma_quantile(shape: float) -> Sampler:
    """Return the quantile function of the gamma distribution with this shape and scale 1.

    The density of d = ln(x / shape) is proportional to exp(shape (d - e^d)); it is summed by
    the trapezium rule on a fine grid from either end, and d is interpolated against the
    logarithms of both sums, so that both tails keep their relative accuracy. Below the grid
    the density is exp(shape d) and the quantile a straight line.
    """
    reach = _DEPTH / shape
    low = max(-(np.sqrt(2.0 * reach) + reach), -_DEPTH)
    high = min(np.sqrt(2.0 * reach), np.log(2.0 + 2.0 * reach))
    d = np.linspace(low, high, _POINTS)
    density = np.exp(shape * (d + 1.0 - np.exp(d)))
    cells = (density[1:] + density[:-1]) / 2.0 * (d[1] - d[0])
    below = density[0] / shape + np.concatenate([[0.0], np.cumsum(cells)])
    log_below = np.log(below / below[-1])
    log_above = np.log(np.cumsum(cells[::-1]) / below[-1])
    far = d[0] - (800.0 + log_below[0]) / shape
    lower_axis, lower_d = np.append(-800.0, log_below), np.append(far, d)

    def quantile(u: FloatArray) -> FloatArray:
        cut = np.clip(u, 1e-300, 1.0 - 2.0**-53)
        lower = np.interp(np.log(cut), lower_axis, lower_d)
        upper = np.interp(np.log1p(-cut), log_above, d[-2::-1])
        return np.asarray(shape * np.exp(np.where(cut < 0.5, lower, upper)))

    return quantile
