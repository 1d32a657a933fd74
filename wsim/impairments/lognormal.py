"""Lognormal delays, with a floor."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from wsim.impairments.base import Sampler
from wsim.impairments.normal import TableSampler, standard_normal
from wsim.impairments.positive import PositiveJitter
from wsim.randomness import FloatArray


@dataclasses.dataclass(frozen=True)
class Lognormal(PositiveJitter):
    """Lognormal with the mean and deviation asked for.

    With mean m and deviation s above the floor: v = ln(1 + s^2 / m^2), median m exp(-v / 2).
    """

    kind: ClassVar[str] = "lognormal"

    def sampler(self, latency_ms: float, jitter_ms: float) -> Sampler:
        """Return u -> floor + median exp(sqrt(v) Phi^-1(u)), in ms."""
        if jitter_ms == 0.0:
            return lambda u: np.full(len(u), latency_ms)
        self.check(latency_ms, jitter_ms)
        floor, mean = self.excess(latency_ms)
        variance = float(np.log1p((jitter_ms / mean) ** 2))
        centre, width = np.log(mean) - variance / 2.0, np.sqrt(variance)

        def exact(u: FloatArray) -> FloatArray:
            return np.asarray(floor + np.exp(centre + width * standard_normal(u)))

        return TableSampler(exact)
