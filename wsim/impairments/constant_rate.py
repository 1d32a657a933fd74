"""A bottleneck of constant rate."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

import numpy as np

from wsim.impairments.base import Rate
from wsim.randomness import IntArray

_CHUNK = 16_384  # messages, so that intermediate arrays stay in the cache


@dataclasses.dataclass(frozen=True)
class ConstantRate(Rate):
    """Bytes leave at ``bandwidth_mbps``, one message after another."""

    kind: ClassVar[str] = "constant"

    def start(self, bandwidth_mbps: float | None, now_ns: int) -> ConstantRateState:
        """Return the (memoryless) server; None serves in no time."""
        return ConstantRateState(bandwidth_mbps)


class ConstantRateState:
    """Serialisation takes floor(size 8 10^9 / rate) ns."""

    __slots__ = ("_mbps",)

    def __init__(self, bandwidth_mbps: float | None) -> None:
        self._mbps = math.inf if bandwidth_mbps is None else bandwidth_mbps

    def finish(self, start_ns: int, size_bytes: int) -> int:
        """Return the start plus the time of serialisation."""
        return start_ns + int(size_bytes * 8000.0 / self._mbps)

    def peek(self, start_ns: int, size_bytes: int) -> int:
        """Return what :meth:`finish` would."""
        return self.finish(start_ns, size_bytes)

    def finish_many(self, arrivals_ns: IntArray, sizes: IntArray, last_ns: int) -> IntArray:
        """Serve a block in closed form."""
        finishes = np.empty(len(sizes), np.int64)
        for start in range(0, len(sizes), _CHUNK):
            part = slice(start, start + _CHUNK)
            service = self.service_many(sizes[part])
            finishes[part] = lindley(arrivals_ns[part], service, last_ns)
            last_ns = int(finishes[part][-1])
        return finishes

    def service_many(self, sizes: IntArray) -> IntArray:
        """Return how long each takes to serialise, in ns."""
        return (sizes * 8000.0 / self._mbps).astype(np.int64)


def lindley(arrivals: IntArray, service: IntArray, last: int) -> IntArray:
    """Return when each customer of a first-in first-out server has left.

    Lindley's recursion f[i] = max(a[i], f[i-1]) + s[i] in closed form, exact in integers:
    f = C + cummax(a - (C - s)) with C = cumsum(s). `last` is the finish before the block,
    which must not be empty.
    """
    total = np.cumsum(service)
    slack = arrivals - (total - service)
    slack[0] = max(slack[0], last)
    return np.asarray(total + np.maximum.accumulate(slack))
