"""Uniform jitter."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from wsim.impairments.base import Jitter, Sampler
from wsim.randomness import FloatArray


@dataclasses.dataclass(frozen=True)
class Uniform(Jitter):
    """Delay uniform between latency - jitter and latency + jitter, never below zero."""

    kind: ClassVar[str] = "uniform"

    def is_fixed(self, jitter_ms: float) -> bool:
        """Return True without spread."""
        return jitter_ms == 0.0

    def sampler(self, latency_ms: float, jitter_ms: float) -> Sampler:
        """Return u -> max(0, latency + jitter (2 u - 1)), in ms."""
        low, width = latency_ms - jitter_ms, 2.0 * jitter_ms

        def sample(u: FloatArray) -> FloatArray:
            return np.maximum(low + width * u, 0.0)

        return sample
