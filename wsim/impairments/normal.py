"""Normal jitter, truncated at zero, and the normal distribution itself."""

from __future__ import annotations

import dataclasses
import functools
from statistics import NormalDist
from typing import ClassVar

import numpy as np

from wsim.impairments.base import Jitter, Sampler
from wsim.randomness import FloatArray

_STANDARD = NormalDist()
TABLE_SIZE = 16_384
"""Cells of an inverse-distribution table."""
_CHUNK = 16_384  # of uniforms, so that intermediate arrays stay in the cache


@dataclasses.dataclass(frozen=True)
class Normal(Jitter):
    """Normal delay with mean ``latency_ms`` and deviation ``jitter_ms``, truncated at zero.

    Truncated, not clipped: no share of the messages sits at zero exactly. The mean rises to
    m + s pdf(a) / (1 - cdf(a)) with a = -m / s.
    """

    kind: ClassVar[str] = "normal"

    def is_fixed(self, jitter_ms: float) -> bool:
        """Return True without spread."""
        return jitter_ms == 0.0

    def sampler(self, latency_ms: float, jitter_ms: float) -> Sampler:
        """Return u -> m + s Phi^-1(F + u (1 - F)), F = Phi(-m / s), in ms."""
        if jitter_ms == 0.0:
            return lambda u: np.full(len(u), latency_ms)
        return _truncated(latency_ms, jitter_ms)


@functools.lru_cache(maxsize=64)
def _truncated(latency_ms: float, jitter_ms: float) -> Sampler:
    """Return the sampler of one mean and deviation; every new connection asks for it again."""
    below = _STANDARD.cdf(-latency_ms / jitter_ms)
    return table_sampler(
        lambda u: np.maximum(
            latency_ms + jitter_ms * standard_normal(below + u * (1.0 - below)), 0.0
        )
    )


def standard_normal(u: FloatArray) -> FloatArray:
    """Return the standard normal quantile of each `u`, cut to [1e-15, 1 - 1e-15].

    Wichura's algorithm AS 241 as the standard library computes it, value by value; meant
    for building tables and for tails.
    """
    cut = np.clip(u, 1e-15, 1.0 - 1e-15)
    return np.fromiter(map(_STANDARD.inv_cdf, cut.tolist()), np.float64, len(cut))


def table_sampler(exact: Sampler) -> Sampler:
    """Tabulate an inverse distribution function; outside the middle it is computed exactly.

    Between the nodes u = k / 16384 the table interpolates; the first and last 4 cells, where
    the quantile bends, are computed. Every value is a function of its own `u` alone.
    """
    edge = 4
    nodes = np.arange(TABLE_SIZE + 1) / TABLE_SIZE
    table = np.zeros(TABLE_SIZE + 2)
    table[edge : TABLE_SIZE - edge + 1] = exact(nodes[edge : TABLE_SIZE - edge + 1])
    slopes = np.diff(table)

    def sample(u: FloatArray) -> FloatArray:
        if len(u) <= _CHUNK:
            return part(u)
        values = np.empty(len(u))
        for start in range(0, len(u), _CHUNK):
            values[start : start + _CHUNK] = part(u[start : start + _CHUNK])
        return values

    def part(u: FloatArray) -> FloatArray:
        values = u * TABLE_SIZE
        cells = values.astype(np.int64)
        values -= cells
        values *= slopes[cells]
        values += table[cells]
        cells -= edge  # what is below the middle wraps around to far above it
        outside = np.flatnonzero(cells.view(np.uint64) >= TABLE_SIZE - 2 * edge)
        if len(outside):
            values[outside] = exact(u[outside])
        return values

    return sample
