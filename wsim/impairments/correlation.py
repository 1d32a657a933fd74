"""Correlation between delays that leaves their distribution alone: a Gaussian copula, AR(1).

Each uniform u becomes a normal e, the normals are chained,

    z[i] = a[i] z[i-1] + sqrt(1 - a[i]^2) e[i],    z[0] = e[0],

and cdf(z) is uniform again, so any inverse distribution function may follow. The coefficient
a is constant (correlation from message to message) or exp(-dt / tau) (memory in seconds, for
messages at any distance). Then corr(z[i], z[i+k]) is the product of the k coefficients.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from wsim.impairments.normal import TableSampler, standard_normal
from wsim.randomness import FloatArray, IntArray

_RUN = 32
_LEAST = 1e-8  # less correlation than this is none; keeps the product over a run above 1e-256
_CHUNK = 1024 * _RUN
_REACH = 8.0
_CELLS_PER_UNIT = 512


class CopulaState:
    """Turns independent uniforms into correlated ones, message by message or in blocks.

    Parameters
    ----------
    rho
        Correlation of neighbouring messages, used if `memory_s` is 0.
    memory_s
        Time over which the correlation falls to 1/e.

    Notes
    -----
    The recursion is solved in runs of 32 messages, aligned by number: with P the product of
    the coefficients since the run began and S the sum of x / P, z = P (z_before + S). Steps
    and blocks do the same operations in the same order, so they agree bit for bit.
    """

    __slots__ = ("_before", "_last_ns", "_memory_ns", "_position", "_product", "_rho", "_sum")

    def __init__(self, rho: float, memory_s: float) -> None:
        self._rho = max(rho, _LEAST)
        self._memory_ns = memory_s * 1e9
        self._last_ns: int | None = None
        self._position = 0  # in the run
        self._before = 0.0  # z of the last message of the run before
        self._product, self._sum = 1.0, 0.0

    def apply(self, times_ns: IntArray, u: FloatArray) -> FloatArray:
        """Return correlated uniforms for the next messages, sent at `times_ns` (ascending)."""
        result = np.empty(len(u))
        for start in range(0, len(u), _CHUNK):
            part = slice(start, start + _CHUNK)
            result[part] = _uniform(self._chained(times_ns[part], normals(u[part])))
        return result

    def one(self, time_ns: int, normal: float) -> float:
        """Return what :meth:`apply` gives for one message, from the normal of its uniform."""
        if self._last_ns is None:
            a = _LEAST
        elif self._memory_ns:
            a = max(float(np.exp((time_ns - self._last_ns) / -self._memory_ns)), _LEAST)
        else:
            a = self._rho
        self._last_ns = time_ns
        shock = math.sqrt((1.0 - a) * (1.0 + a)) * normal
        return _uniform_of_one(self._step(a, shock))

    def _chained(self, times_ns: IntArray, normals: FloatArray) -> FloatArray:
        a, x = self._coefficients(times_ns, normals)
        count = len(x)
        head = min(-self._position % _RUN, count)
        body = head + (count - head) // _RUN * _RUN
        z = np.empty(count)
        z[:head] = self._steps(a[:head], x[:head])
        if body > head:
            z[head:body] = self._runs(a[head:body], x[head:body])
        z[body:] = self._steps(a[body:], x[body:])
        return z

    def _coefficients(
        self, times_ns: IntArray, normals: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        count = len(normals)
        first = self._last_ns is None
        if self._memory_ns:
            gaps = np.empty(count)
            gaps[0] = 0 if self._last_ns is None else times_ns[0] - self._last_ns
            gaps[1:] = times_ns[1:] - times_ns[:-1]
            a = np.maximum(np.exp(gaps / -self._memory_ns), _LEAST)
        else:
            a = np.full(count, self._rho)
        if first:
            a[0] = _LEAST
        self._last_ns = int(times_ns[-1])
        return a, np.sqrt((1.0 - a) * (1.0 + a)) * normals

    def _steps(self, a: FloatArray, x: FloatArray) -> list[float]:
        return [self._step(*pair) for pair in zip(a.tolist(), x.tolist(), strict=True)]

    def _step(self, factor: float, shock: float) -> float:
        self._product *= factor
        self._sum += shock / self._product
        z = self._product * (self._before + self._sum)
        self._position += 1
        if self._position == _RUN:
            self._begin_run(z)
        return z

    def _begin_run(self, before: float) -> None:
        self._position, self._before = 0, before
        self._product, self._sum = 1.0, 0.0

    def _runs(self, a: FloatArray, x: FloatArray) -> FloatArray:
        """Solve whole runs at once, one row for each position in the run."""
        products = a.reshape(-1, _RUN).T.copy()
        sums = x.reshape(-1, _RUN).T.copy()
        for row in range(1, _RUN):
            products[row] *= products[row - 1]
        sums /= products
        for row in range(1, _RUN):
            sums[row] += sums[row - 1]
        befores = []
        before = self._before
        for product, total in zip(products[-1].tolist(), sums[-1].tolist(), strict=True):
            befores.append(before)
            before = product * (before + total)
        self._begin_run(before)
        sums += np.array(befores)
        sums *= products
        return sums.T.ravel()


def normals(u: FloatArray) -> FloatArray:
    """Turn uniforms into normals, element by element."""
    return _normal_table()(u)


@cache
def _normal_table() -> TableSampler:  # made when first needed: most links have no memory
    return TableSampler(standard_normal)


@cache
def _cdf() -> tuple[FloatArray, FloatArray]:
    """Return the standard normal distribution function at the nodes, and its slopes."""
    nodes = np.arange(-_REACH * _CELLS_PER_UNIT, _REACH * _CELLS_PER_UNIT + 2) / _CELLS_PER_UNIT
    values = np.array([math.erfc(-z / math.sqrt(2.0)) / 2.0 for z in nodes.tolist()])
    return values, np.append(np.diff(values), 0.0)


def _uniform(z: FloatArray) -> FloatArray:
    """Return the standard normal distribution function, tabulated, below 1."""
    scaled = (np.clip(z, -_REACH, _REACH) + _REACH) * _CELLS_PER_UNIT
    cells = scaled.astype(np.int64)
    values, slopes = _cdf()
    return np.asarray(values[cells] + (scaled - cells) * slopes[cells])


def _uniform_of_one(z: float) -> float:
    scaled = (min(max(z, -_REACH), _REACH) + _REACH) * _CELLS_PER_UNIT
    cell = int(scaled)
    values, slopes = _cdf()
    return float(values.item(cell) + (scaled - cell) * slopes.item(cell))
