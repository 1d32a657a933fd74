"""Coordinated omission: did the sender wait for slow answers and so hide them?

A sender with a schedule that stops while a message is slow does not send the messages that
would have been slow too, and every quantile looks better than what an operator saw. It is
recognised by a periodic stream whose pauses end just when a late message arrives. The
repair is HdrHistogram's: back-fill latency - T, latency - 2 T, ... for each long one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from wsim.analysis.columns import Codes, Floats, constant, read, stream_codes
from wsim.analysis.runs import Run
from wsim.analysis.segments import Segments, cut

_LEAST = 3
_COLUMNS = ("stream", "period_ms", "waits", "never_sent", "p99_ms", "p99_corrected_ms")


def omission(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the streams whose sender waited for slow messages, one row each.

    Returns
    -------
    DataFrame
        ``stream`` (run, client, event, direction), ``period_ms``, ``waits`` (pauses that
        ended with the arrival of the message before), ``never_sent`` (messages left out),
        ``p99_ms`` as recorded and ``p99_corrected_ms`` with those put back. Empty if none.
    """
    messages = read(frame)
    streams = stream_codes(messages)
    segments = cut(messages, constant(len(frame), ()), streams, messages.original)
    return pd.DataFrame(_rows(segments, streams), columns=list(_COLUMNS))


def _rows(segments: Segments, streams: Codes) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    suspects = _suspects(segments)
    for index in np.unique(segments.of(suspects)).tolist():
        begin = int(segments.starts[index])
        end = int(segments.finals[index]) + 1
        row = _examine(segments, begin, end, suspects)
        if row:
            rows.append({"stream": streams.labels[segments.stream[index]]} | row)
    return rows


def _suspects(segments: Segments) -> Any:
    """Return messages that were created right when the slow one before them arrived."""
    if len(segments) < 2:
        return np.empty(0, dtype=np.intp)
    step = np.diff(segments.created)
    slow = segments.latency[:-1] / 1e3
    waited = np.abs(step - slow) <= np.maximum(0.05 * slow, 1e-3)
    waited &= segments.arrived[:-1] & (slow > 0)
    places = np.flatnonzero(waited) + 1
    return places[~np.isin(places, segments.starts)]


def _examine(segments: Segments, begin: int, end: int, suspects: Any) -> dict[str, float] | None:
    step = np.diff(segments.created[begin:end])
    if len(step) < 10:
        return None
    period = float(np.median(step))
    mine = suspects[(suspects > begin) & (suspects < end)] - begin - 1
    waits = mine[step[mine] > 1.5 * period]
    pauses = int(np.count_nonzero(step > 1.5 * period))
    if period <= 0.0 or len(waits) < _LEAST or len(waits) < 0.5 * pauses:
        return None
    left_out = int(np.sum(np.floor(step[waits] / period + 0.01) - 1))
    latency = segments.latency[begin:end][segments.arrived[begin:end]]
    return {
        "period_ms": period * 1e3,
        "waits": len(waits),
        "never_sent": left_out,
        "p99_ms": float(np.quantile(latency, 0.99)),
        "p99_corrected_ms": float(np.quantile(back_filled(latency, period * 1e3), 0.99)),
    }


def back_filled(latency: Floats, period_ms: float) -> Floats:
    """Return the latencies with those of the messages that were never sent put back."""
    missing = np.maximum(np.ceil(latency / period_ms) - 1, 0).astype(np.intp)
    ends = np.cumsum(missing)
    number = np.arange(1, int(missing.sum()) + 1) - np.repeat(ends - missing, missing)
    return np.concatenate([latency, np.repeat(latency, missing) - number * period_ms])


def omission_notes(run: Run, who: str) -> list[str]:
    """Return one sentence for each command stream of `run` with coordinated omission."""
    return [
        f"coordinated omission in the {who}: the sender of {row['stream'][2] or 'the stream'} "
        f"waited {row['waits']} times for a slow message, so about {row['never_sent']} were "
        f"never sent; p99 would be {row['p99_corrected_ms']:.0f} ms, not {row['p99_ms']:.0f} ms"
        for row in _rows(run.segments, run.streams)
    ]
