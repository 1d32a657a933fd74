"""How soon the rover knew what the operator wanted, the operator's own pauses left out.

A command has reached the rover when it, or a newer one, has arrived. Unlike the age of the
newest command this does not grow while the operator sends nothing, so it tells the network
from the driving.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wsim.analysis.columns import codes, read, stream_codes
from wsim.analysis.segments import Segments, cut
from wsim.analysis.streams import Limits
from wsim.analysis.summary import QUANTILES

FREEZE_MS = Limits().watchdog_ms


@dataclass(frozen=True)
class Reach:
    """What became of the commands of one network.

    Attributes
    ----------
    p90_ms, p99_ms
        Nine in ten (99 in a hundred) commands had reached the rover within this time.
    freeze_share
        Share of the commands that reached it later than half a second, or never.
    pauses, longest_pause_s
        Silences of the operator longer than half a second.
    """

    p90_ms: float
    p99_ms: float
    freeze_share: float
    pauses: int
    longest_pause_s: float


def reaches(frame: object, command: str) -> dict[str, Reach]:
    """Return the reach of every network in a frame whose profiles name the networks."""
    messages = read(frame)
    chosen = messages.original & ~messages.fate.where("unknown", "in_flight")
    if "event_name" in messages.frame.columns:
        chosen &= codes(messages.frame, "event_name").where(command)
    if "direction" in messages.frame.columns:
        chosen &= ~codes(messages.frame, "direction").where("outbound")
    profile = codes(messages.frame, "profile")
    segments = cut(messages, profile, stream_codes(messages), chosen)
    if not len(segments):
        return {}
    delay, pause = effect_delays(segments), pauses_ms(segments)
    owner = segments.group[segments.of()]
    found = {}
    for group in np.unique(owner):
        mine = owner == group
        found[str(profile.labels[int(group)])] = _reach(delay[mine], pause[mine])
    return found


def effect_delays(segments: Segments) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return, for each message in ms, how long it took until it or a newer one had arrived.

    Infinite where neither ever did.
    """
    arrival = np.where(segments.arrived, segments.delivered, np.inf)
    delay = np.empty(len(segments))
    for start, end in zip(
        segments.starts, np.append(segments.starts[1:], len(segments)), strict=True
    ):
        known = np.minimum.accumulate(arrival[start:end][::-1])[::-1]
        delay[start:end] = (known - segments.created[start:end]) * 1e3
    return delay


def pauses_ms(segments: Segments) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the time since the message before it was created, in ms; 0 for the first."""
    gaps = np.diff(segments.created, prepend=segments.created[:1]) * 1e3
    gaps[segments.starts] = 0.0
    return gaps


def _reach(
    delay: np.ndarray[tuple[int], np.dtype[np.float64]],
    pause: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> Reach:
    ordered = np.sort(delay)
    p90, p99 = (_at(ordered, QUANTILES[name]) for name in ("p90", "p99"))
    long = pause[pause > FREEZE_MS]
    frozen = float(np.mean(delay > FREEZE_MS))
    return Reach(p90, p99, frozen, len(long), float(long.max()) / 1e3 if len(long) else 0.0)


def _at(ordered: np.ndarray[tuple[int], np.dtype[np.float64]], share: float) -> float:
    """Return the least value that `share` of them do not exceed; it may be infinite."""
    return float(ordered[max(0, int(np.ceil(share * len(ordered))) - 1)])
