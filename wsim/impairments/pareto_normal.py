"""Pareto-normal delays: a quarter normal, three quarters Pareto, of the same uniform."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from wsim.impairments.base import Jitter, Sampler
from wsim.impairments.normal import TableSampler, standard_normal
from wsim.randomness import FloatArray

_SHAPE = 3.0
_PARETO_MEAN = 1.5
_PARETO_DEVIATION = 0.75**0.5
_MIX_DEVIATION = 0.937753856873566  # with covariance 0.678352789549996, by quadrature


@dataclasses.dataclass(frozen=True)
class ParetoNormal(Jitter):
    """The mixture behind netem's table of that name, scaled to the deviation asked for.

    x = (z / 4 + 3 p / 4) / c with z normal and p Pareto (shape 3), both standardised and both
    functions of one uniform, and c the deviation of their mixture; the delay is
    max(0, ``latency_ms`` + ``jitter_ms`` x), without netem's cut at four deviations.
    """

    kind: ClassVar[str] = "pareto_normal"

    def is_fixed(self, jitter_ms: float) -> bool:
        """Return True without spread."""
        return jitter_ms == 0.0

    def sampler(self, latency_ms: float, jitter_ms: float) -> Sampler:
        """Return the inverse distribution function, in ms."""
        return TableSampler(lambda u: np.maximum(latency_ms + jitter_ms * standard_mixture(u), 0.0))


def standard_mixture(u: FloatArray) -> FloatArray:
    """Return the quantiles of the mixture with mean 0 and deviation 1."""
    pareto = ((1.0 - u) ** (-1.0 / _SHAPE) - _PARETO_MEAN) / _PARETO_DEVIATION
    return np.asarray((0.25 * standard_normal(u) + 0.75 * pareto) / _MIX_DEVIATION)
