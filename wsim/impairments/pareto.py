"""Pareto delays: most messages near the least delay, a few far out."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from wsim.impairments.base import Sampler
from wsim.impairments.normal import TableSampler
from wsim.impairments.positive import PositiveJitter
from wsim.randomness import FloatArray


@dataclasses.dataclass(frozen=True)
class Pareto(PositiveJitter):
    """Pareto with the mean and deviation asked for.

    With mean m and deviation s above the floor: a = 1 + sqrt(1 + m^2 / s^2) and least value
    m (a - 1) / a, from the moments of the distribution. The tail is always light enough for
    the deviation to exist (a > 2).
    """

    kind: ClassVar[str] = "pareto"

    def sampler(self, latency_ms: float, jitter_ms: float) -> Sampler:
        """Return u -> floor + x (1 - u)^(-1 / a), in ms."""
        if jitter_ms == 0.0:
            return lambda u: np.full(len(u), latency_ms)
        self.check(latency_ms, jitter_ms)
        floor, mean = self.excess(latency_ms)
        shape = 1.0 + float(np.sqrt(1.0 + (mean / jitter_ms) ** 2))
        least = mean * (shape - 1.0) / shape

        def exact(u: FloatArray) -> FloatArray:
            return np.asarray(floor + least * (1.0 - u) ** (-1.0 / shape))

        return TableSampler(exact)
