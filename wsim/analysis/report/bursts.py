"""Bursts of stale commands: what piled up in a silence and was carried out when it ended."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from wsim.analysis.columns import codes, read, stream_codes
from wsim.analysis.plots.style import duration
from wsim.analysis.report.document import Table
from wsim.analysis.report.study import Study
from wsim.analysis.segments import arrivals, cut
from wsim.analysis.streams import Limits, catch_up_bursts


class Burst(NamedTuple):
    """Commands that arrived together, too old, after a silence."""

    name: str
    at_s: float
    silence_ms: float
    size: int
    oldest_ms: float


def stale_bursts(frame: pd.DataFrame, command: str, limits: Limits | None = None) -> list[Burst]:
    """Return the bursts of stale commands in a frame whose profiles name the networks."""
    limits = limits or Limits()
    messages = read(frame)
    chosen = messages.original.copy()
    if "event_name" in frame.columns:
        chosen &= codes(frame, "event_name").where(command)
    profile = codes(frame, "profile")
    segments = cut(messages, profile, stream_codes(messages), chosen)
    found = arrivals(segments)
    at, size, oldest = catch_up_bursts(segments, found, limits)
    bursts = []
    for place, count, age in zip(at, size, oldest, strict=True):
        if count > 0:
            name = str(profile.labels[int(segments.group[found.segment[place]])])
            when = float(found.delivered[place])
            silence = (when - float(found.delivered[place - 1])) * 1e3
            bursts.append(Burst(name, when, silence, int(count), float(age)))
    return bursts


def burst_table(study: Study, most: int = 10) -> tuple[Table | None, str]:
    """Return the worst bursts of stale commands, and a sentence on all of them."""
    bursts = stale_bursts(study.pooled, study.command)
    if not bursts:
        return None, f"No silence ended in a burst of stale {study.command}."
    worst = sorted(bursts, key=lambda burst: -burst.size)[:most]
    rows = tuple(
        (b.name, f"{b.at_s:.2f} s", duration(b.silence_ms), f"{b.size:,}", duration(b.oldest_ms))
        for b in worst
    )
    heads = ("network", "arrived at", "after a silence of", "stale commands", "oldest")
    total = int(np.sum([burst.size for burst in bursts]))
    many = "1 silence" if len(bursts) == 1 else f"{len(bursts):,} silences"
    words = (
        f"{many} ended in {total:,} {study.command} arriving at once, each "
        "older than half a second: commands meant for then, carried out now. A watchdog that "
        "looks at arrivals lets them through; one that looks at their stamps does not."
    )
    return Table("The largest bursts of stale commands", heads, rows), words
