"""What a fit reads of a frame: the messages of one client and direction, in order."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wsim.errors import ColumnsError
from wsim.randomness import BoolArray, FloatArray, IntArray

LEAST_MESSAGES = 50
"""Fewer than these say too little."""
_NEEDED = ("sent_s", "latency_ms", "direction")


class Log(NamedTuple):
    """What one client sent in one direction, in order; ``delay_ms`` is NaN where lost."""

    sent_s: FloatArray
    delay_ms: FloatArray
    size: IntArray
    causes: NDArray[np.str_]

    @property
    def arrival_s(self) -> FloatArray:
        """When each message arrived."""
        return self.sent_s + self.delay_ms / 1e3


def read_logs(frame: Any, direction: str) -> list[Log]:
    """Return a log for each run and client that sent anything in this direction."""
    missing = [name for name in _NEEDED if name not in frame]
    if missing:
        raise ColumnsError(f"no column {', '.join(missing)} to fit from; it has {list(frame)}")
    chosen = np.asarray(frame["direction"].astype(str)) == direction
    if "copy" in frame:
        chosen &= np.asarray(frame["copy"]) == 0
    count = len(chosen)
    if "fate" in frame:  # whether these arrived is not known
        chosen &= ~np.asarray(frame["fate"].isin(["unknown", "in_flight"]))
    sent = np.asarray(frame["sent_s"], np.float64)
    delay = np.asarray(frame["latency_ms"], np.float64)
    if "delivered_s" in frame:  # latency_ms runs from when a message was meant to be sent
        delay = (np.asarray(frame["delivered_s"], np.float64) - sent) * 1e3
    size = np.asarray(frame["size_bytes"], np.int64) if "size_bytes" in frame else _ones(count)
    causes = np.asarray(frame["cause"].astype(str)) if "cause" in frame else np.full(count, "")
    keys = [np.asarray(frame[k].astype(str)) for k in ("run", "client_id") if k in frame]
    owner = np.array(["|".join(parts) for parts in zip(*keys, strict=True)] or [""] * count)
    logs = []
    for key in np.unique(owner[chosen]):
        rows = np.flatnonzero(chosen & (owner == key))
        rows = rows[np.argsort(sent[rows], kind="stable")]
        logs.append(Log(sent[rows], delay[rows], np.maximum(size[rows], 0), causes[rows]))
    return logs


def one_way_from_round_trips(frame: Any) -> tuple[float, list[Log]] | None:
    """Return half of the least round trip in ms, and logs of what is left for the way there.

    None if fewer than 50 messages have a round trip.
    """
    if "round_trip_ms" not in frame:
        return None
    known = frame[frame["round_trip_ms"].notna()]
    if len(known) < LEAST_MESSAGES:
        return None
    half_ms = float(known["round_trip_ms"].min()) / 2.0
    there = known.assign(
        latency_ms=known["round_trip_ms"] - half_ms, direction="inbound", fate="delivered"
    ).drop(columns="delivered_s", errors="ignore")
    return half_ms, read_logs(there, "inbound")


def _ones(count: int) -> IntArray:
    return np.ones(count, np.int64)


def mean_run(flags: list[BoolArray]) -> float:
    """Return the mean length of runs of True, 0 if there are none."""
    runs = sum(int((np.diff(part.astype(np.int8), prepend=0) == 1).sum()) for part in flags)
    return float(sum(int(part.sum()) for part in flags) / runs) if runs else 0.0
