"""A bottleneck of constant rate."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from wsim.impairments.base import Rate
from wsim.randomness import IntArray


@dataclasses.dataclass(frozen=True)
class ConstantRate(Rate):
    """Bytes leave at ``bandwidth_mbps``, one message after another."""

    kind: ClassVar[str] = "constant"

    def start(self, bandwidth_mbps: float | None, now_ns: int) -> ConstantRateState:
        """Return the (memoryless) server; None serves in no time."""
        return ConstantRateState(bandwidth_mbps)


class ConstantRateState:
    """Serialisation takes floor(size 8 10^9 / rate) ns."""

    __slots__ = ("ns_per_byte",)

    def __init__(self, bandwidth_mbps: float | None) -> None:
        self.ns_per_byte = 0.0 if bandwidth_mbps is None else 8000.0 / bandwidth_mbps

    def finish(self, start_ns: int, size_bytes: int) -> int:
        """Return the start plus the time of serialisation."""
        return start_ns + int(size_bytes * self.ns_per_byte)

    def peek(self, start_ns: int, size_bytes: int) -> int:
        """Return what :meth:`finish` would."""
        return self.finish(start_ns, size_bytes)

    def finish_many(self, arrivals_ns: IntArray, sizes: IntArray, last_ns: int) -> IntArray:
        """Lindley's recursion in closed form: f = C + cummax(a - (C - s)) with C = cumsum(s)."""
        service = (sizes * self.ns_per_byte).astype(np.int64)
        total = np.cumsum(service)
        slack = arrivals_ns - (total - service)
        if len(slack):
            slack[0] = max(slack[0], last_ns)
        return np.asarray(total + np.maximum.accumulate(slack), np.int64)
