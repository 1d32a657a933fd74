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
_EDGE = 4  # cells at either end that are not tabulated
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
    return TableSampler(
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


class TableSampler:
    """A tabulated inverse distribution function; outside the middle it is computed exactly.

    Between the nodes u = k / 16384 the table interpolates; the first and last 4 cells, where
    the quantile bends, are computed. Every value is a function of its own `u` alone.
    """

    __slots__ = ("_exact", "_slopes", "_table")

    def __init__(self, exact: Sampler) -> None:
        nodes = np.arange(TABLE_SIZE + 1) / TABLE_SIZE
        table = np.zeros(TABLE_SIZE + 2)
        table[_EDGE : TABLE_SIZE - _EDGE + 1] = exact(nodes[_EDGE : TABLE_SIZE - _EDGE + 1])
        self._exact, self._table, self._slopes = exact, table, np.diff(table)

    def __call__(self, u: FloatArray) -> FloatArray:
        """Return the quantile of each `u`."""
        if len(u) <= _CHUNK:
            return self._part(u)
        values = np.empty(len(u))
        for start in range(0, len(u), _CHUNK):
            values[start : start + _CHUNK] = self._part(u[start : start + _CHUNK])
        return values

    def one(self, u: float) -> float:
        """Return the quantile of one `u`, the same to the last bit."""
        scaled = u * TABLE_SIZE
        cell = int(scaled)
        if not _EDGE <= cell < TABLE_SIZE - _EDGE:
            return float(self._exact(np.array([u]))[0])
        return (scaled - cell) * self._slopes.item(cell) + self._table.item(cell)

    def _part(self, u: FloatArray) -> FloatArray:
        values = u * TABLE_SIZE
        cells = values.astype(np.int64)
        values -= cells
        values *= self._slopes[cells]
        values += self._table[cells]
        cells -= _EDGE  # what is below the middle wraps around to far above it
        outside = np.flatnonzero(cells.view(np.uint64) >= TABLE_SIZE - 2 * _EDGE)
        if len(outside):
            values[outside] = self._exact(u[outside])
        return values
