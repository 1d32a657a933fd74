"""A token bucket: bursts pass at once, what follows at the mean rate."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from wsim.impairments import checks
from wsim.impairments.base import Rate
from wsim.impairments.constant_rate import lindley
from wsim.randomness import IntArray


@dataclasses.dataclass(frozen=True)
class TokenBucket(Rate):
    """A bucket of `burst_bytes` tokens, full at first, refilled at ``bandwidth_mbps``.

    A message leaves when its bytes are in the bucket; one larger than the bucket leaves when
    the bucket, allowed to go negative by the excess, has caught up.

    Attributes
    ----------
    burst_bytes
        Size of the bucket.
    """

    kind: ClassVar[str] = "token_bucket"
    units: ClassVar[Mapping[str, str]] = {"burst_bytes": "B"}

    burst_bytes: int = 15_000

    def __post_init__(self) -> None:
        checks.whole(self, "burst_bytes", 1)

    def start(self, bandwidth_mbps: float | None, now_ns: int) -> TokenBucketState:
        """Return a full bucket; without a bandwidth everything passes at once."""
        return TokenBucketState(self.burst_bytes, bandwidth_mbps, now_ns)


class TokenBucketState:
    """Keeps one number, when the bucket would be full: a constant-rate server in disguise.

    With F the finish of a server of the mean rate that nothing waits for, and B the time a
    full bucket is worth, a message leaves at max(its turn, F - B).
    """

    __slots__ = ("_full_ns", "_mbps", "_worth_ns")

    def __init__(self, burst_bytes: int, bandwidth_mbps: float | None, now_ns: int) -> None:
        self._mbps = math.inf if bandwidth_mbps is None else bandwidth_mbps
        self._worth_ns = int(burst_bytes * 8000.0 / self._mbps)
        self._full_ns = now_ns

    def finish(self, start_ns: int, size_bytes: int) -> int:
        """Take the tokens and return when the message has left."""
        self._full_ns = self._full_after(start_ns, size_bytes)
        return max(start_ns, self._full_ns - self._worth_ns)

    def peek(self, start_ns: int, size_bytes: int) -> int:
        """Return what :meth:`finish` would, and take nothing."""
        return max(start_ns, self._full_after(start_ns, size_bytes) - self._worth_ns)

    def _full_after(self, start_ns: int, size_bytes: int) -> int:
        return max(self._full_ns, start_ns) + int(size_bytes * 8000.0 / self._mbps)

    def finish_many(self, arrivals_ns: IntArray, sizes: IntArray, last_ns: int) -> IntArray:
        """Serve a block in closed form: Lindley's recursion for F, then running maxima."""
        if not len(sizes):
            return np.empty(0, np.int64)
        service = (sizes * 8000.0 / self._mbps).astype(np.int64)
        starts = np.maximum(arrivals_ns, last_ns)
        full = lindley(starts, service, self._full_ns)
        self._full_ns = int(full[-1])
        return np.maximum.accumulate(np.maximum(starts, full - self._worth_ns))
