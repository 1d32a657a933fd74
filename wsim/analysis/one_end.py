"""Recordings made at one end: what arrived is unknown, round trips may be known.

A browser's log holds what was sent and which questions were acknowledged, not what the other
side received. Without a word on that its empty columns would read like a dead network.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from wsim.analysis.columns import Floats, codes, floats

REASON = "recorded at one end, so nobody knows what arrived"


class RoundTrips(NamedTuple):
    """Questions asked, how many were acknowledged, and round trips in ms (NaN if none)."""

    asked: int
    answered: int
    p50_ms: float
    p99_ms: float
    max_ms: float

    def __str__(self) -> str:
        """Return the figures in words."""
        if not self.answered:
            return "no round trip was recorded"
        return (
            f"{self.answered:,} of {self.asked:,} questions acknowledged, "
            f"round trip p50 {self.p50_ms:.3g} ms, p99 {self.p99_ms:.3g} ms"
        )


def one_sided(frame: pd.DataFrame) -> bool:
    """Return whether a history has messages, and the fate of every one is unknown."""
    if "fate" not in frame.columns or not len(frame):
        return False
    return bool(codes(frame, "fate").where("unknown").all())


def round_trips(frames: Iterable[pd.DataFrame]) -> RoundTrips:
    """Return what acknowledgements tell of some runs together; duplicates do not count."""
    asked, found = 0, [np.empty(0)]
    for frame in frames:
        if "round_trip_ms" not in frame.columns:
            continue
        first = _numbers(frame, "copy") <= 0
        times = _numbers(frame, "round_trip_ms")
        known = np.isfinite(times) & first
        asked += int(np.count_nonzero((known | (_numbers(frame, "ack_id", -1.0) >= 0)) & first))
        found.append(times[known])
    times = np.concatenate(found)
    if not len(times):
        return RoundTrips(asked, 0, np.nan, np.nan, np.nan)
    p50, p99 = (float(value) for value in np.quantile(times, (0.5, 0.99)))
    return RoundTrips(asked, len(times), p50, p99, float(times.max()))


def _numbers(frame: pd.DataFrame, name: str, fill: float = 0.0) -> Floats:
    return floats(frame, name) if name in frame.columns else np.full(len(frame), fill)


def one_end_note(frames: Iterable[pd.DataFrame]) -> str | None:
    """Return why figures are missing if all of the runs were recorded at one end, else None."""
    runs = list(frames)
    if not runs or not all(one_sided(run) for run in runs):
        return None
    known = round_trips(runs)
    told = f"round trips are known, {known}" if known.answered else str(known)
    return f"{REASON}: drop rate, latency and age are missing; {told}"


__all__ = ["REASON", "RoundTrips", "one_end_note", "one_sided", "round_trips"]
