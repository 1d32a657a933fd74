"""Every silence of a command stream, one row each: where the rover stopped, what came after."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from wsim.analysis.columns import Codes, Messages, constant, read, stream_codes
from wsim.analysis.commands import representative
from wsim.analysis.segments import Arrivals, Segments, arrivals, cut
from wsim.analysis.streams import Limits, arrival_gaps, catch_up_bursts
from wsim.schema import COMMAND_EVENT

_STREAM = ("run", "client_id", "event_name", "direction")


def watchdog_trips(
    frame: pd.DataFrame, *, command: str = COMMAND_EVENT, timeout_ms: float = 500.0
) -> pd.DataFrame:
    """Return every silence between deliveries longer than `timeout_ms`.

    Returns
    -------
    DataFrame
        ``run, client_id, event_name, direction``; ``start_s`` of the silence, ``trip_s``
        when a watchdog on arrivals stops the rover, ``end_s`` when commands arrive again
        (or the last one was created), ``silence_ms``.
    """
    segments, found, streams = _streams(read(frame), command)
    lengths, segment, since = arrival_gaps(segments, found)
    order = np.lexsort((since, segment))
    order = order[lengths[order] > timeout_ms]
    table = _keys(streams, segments, segment[order])
    table["start_s"] = since[order]
    table["trip_s"] = since[order] + timeout_ms / 1e3
    table["end_s"] = since[order] + lengths[order] / 1e3
    table["silence_ms"] = lengths[order]
    return table


def stale_bursts(
    frame: pd.DataFrame,
    *,
    command: str = COMMAND_EVENT,
    watchdog_ms: float = 500.0,
    stale_ms: float = 500.0,
    catch_up_ms: float = 500.0,
) -> pd.DataFrame:
    """Return the bursts of stale commands that a rover gets after a silence.

    A burst is what arrives within `catch_up_ms` after a silence longer than `watchdog_ms`,
    is older than `stale_ms` and arrives faster than it was sent: it had piled up, where after
    a mere pause of the operator commands keep their pace. A watchdog on arrivals is satisfied
    by it and drives on.

    Returns
    -------
    DataFrame
        ``run, client_id, event_name, direction``, ``at_s``, ``silence_ms`` before it,
        ``size`` in messages, ``oldest_ms``.
    """
    limits = Limits(watchdog_ms=watchdog_ms, stale_ms=stale_ms, catch_up_ms=catch_up_ms)
    segments, found, streams = _streams(read(frame), command)
    at, size, oldest = catch_up_bursts(segments, found, limits)
    real = size > 0
    at = at[real]
    table = _keys(streams, segments, found.segment[at])
    table["at_s"] = found.delivered[at]
    table["silence_ms"] = (found.delivered[at] - found.delivered[at - 1]) * 1e3
    table["size"] = size[real].astype(np.int64)
    table["oldest_ms"] = oldest[real]
    return table


def _streams(messages: Messages, command: str) -> tuple[Segments, Arrivals, Codes]:
    groups = constant(len(messages), ("",))
    streams = stream_codes(messages)
    chosen = messages.original & representative(messages, groups, (), command)
    segments = cut(messages, groups, streams, chosen)
    return segments, arrivals(segments), streams


def _keys(streams: Codes, segments: Segments, segment: Any) -> pd.DataFrame:
    labels = [streams.labels[code] for code in segments.stream[segment].tolist()]
    return pd.DataFrame(labels, columns=list(_STREAM))
