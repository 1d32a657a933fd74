"""Exports of other simulators: a list of messages with the few fields they all have.

Known fields are ``event_name`` (or ``event``), ``timestamp`` (epoch seconds or milliseconds,
or ISO 8601), ``direction``, ``latency_ms``, ``dropped``, ``client_id``, ``message_id`` and
``data``; only the first is needed. What such a file does not say stays missing: the parts of
the delay are NaN, and a message that is neither dropped nor timed has the fate ``unknown``.
"""

from __future__ import annotations

import datetime
import json
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wsim.errors import FormatError
from wsim.formats.frames import DTYPES, converted, from_lists
from wsim.formats.payloads import restored

_EPOCH_MS = 1e11  # later than the year 5000 if it were seconds
_ALIASES = {"event": "event_name", "type": "event_name", "id": "message_id", "payload": "data"}
_ALIASES |= {"client": "client_id", "time": "timestamp", "latency": "latency_ms"}
_DIRECTIONS = {
    "in": "inbound", "received": "inbound", "receive": "inbound", "rx": "inbound",
    "out": "outbound", "sent": "outbound", "send": "outbound", "tx": "outbound",
}  # fmt: skip


def from_foreign(messages: Sequence[dict[str, Any]], path: Path) -> pd.DataFrame:
    """Return the frame of another simulator's messages."""
    where = str(path)
    lists = _lists(messages)
    if messages and "event_name" not in lists:
        check_fields(messages[0], where)
    count = len(messages)
    started, sent = _times(lists.pop("timestamp", None), count, where)
    latency = converted("latency_ms", lists.get("latency_ms", [None] * count), where)
    dropped = _dropped(lists.get("dropped", [None] * count), where)
    fate = np.where(dropped, 1, np.where(np.isnan(latency), 4, 0))
    latency = np.where(dropped, np.nan, latency)
    _warn_of_skew(latency, path)
    lists |= {"created_s": sent, "sent_s": sent, "delivered_s": sent + latency / 1e3}
    lists |= {"latency_ms": latency, "dropped": dropped.tolist()}
    lists["fate"] = [("delivered", "dropped", "", "", "unknown")[code] for code in fate.tolist()]
    lists["direction"] = _directions(lists.get("direction"), count)
    lists["event_name"] = [_text(value) for value in lists["event_name"]] if count else []
    lists["client_id"] = [_text(value) for value in lists.get("client_id", [""] * count)]
    lists["data"] = [restored(value) for value in lists.get("data", [None] * count)]
    lists |= {"seq": range(count), "run": [path.stem] * count}
    notes = {path.stem: {**_notes(started, sent, latency), "source": path.name}}
    return from_lists(lists, count, notes, where)


def check_fields(names: Iterable[Any], where: str) -> None:
    """Raise FormatError unless one of the fields of a message is its event."""
    found = list(names)
    if not any(_ALIASES.get(name, name) == "event_name" for name in found):
        said = ", ".join(repr(str(name)[:40]) for name in found[:10]) or "nothing"
        raise FormatError(
            f"{where}: the messages have no 'event_name'; found {said}."
            " Needed: event_name; known: timestamp, direction, latency_ms, dropped, client_id,"
            " message_id, data"
        )


def _warn_of_skew(latency: Any, path: Path) -> None:
    """Say that clocks of two machines disagree, which no later number would show."""
    early = np.flatnonzero(latency < 0)
    if len(early):
        warnings.warn(
            f"{path}: {len(early)} of {len(latency)} latencies are negative (lowest"
            f" {latency[early].min():g} ms): the clocks of sender and receiver disagree, and"
            " every latency of this file is off by as much; they are kept as they are",
            stacklevel=2,
        )


def _lists(messages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names: dict[str, str] = {}
    for message in messages:
        for key in message:
            names.setdefault(key, _ALIASES.get(key, key))
    lists: dict[str, Any] = {}
    for key, name in names.items():
        known = name in DTYPES or name == "timestamp"
        if known and (name == key or name not in names):
            lists[name] = [message.get(key) for message in messages]
    return lists


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _times(values: Any, count: int, where: str) -> tuple[float | None, Any]:
    """Return the start in epoch seconds and seconds since then; by position if there are none."""
    if values is None:
        return None, np.zeros(count)
    seconds = np.array([_epoch(value, n, where) for n, value in enumerate(values)], np.float64)
    if not len(seconds) or np.isnan(seconds).all():
        return None, np.zeros(count)
    started = float(np.nanmin(seconds))
    return started, np.round(seconds - started, 9)


def _epoch(value: Any, number: int, where: str) -> float:
    if value is None:
        return np.nan
    try:
        if isinstance(value, str):
            moment = datetime.datetime.fromisoformat(value)
            zone = moment.tzinfo or datetime.UTC
            return moment.replace(tzinfo=zone).timestamp()
        seconds = float(value)
        if np.isinf(seconds):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise FormatError(
            f"{where}: message {number}: timestamp={str(value)[:60]!r} is neither epoch seconds"
            " nor an ISO 8601 time"
        ) from None
    return seconds / 1e3 if seconds > _EPOCH_MS else seconds


def _dropped(values: Sequence[Any], where: str) -> Any:
    return converted("dropped", [False if value is None else value for value in values], where)


def _directions(values: Any, count: int) -> list[Any]:
    if values is None:
        return ["inbound"] * count
    return [
        "inbound" if v is None else _DIRECTIONS.get(v, v) if isinstance(v, str) else v
        for v in values
    ]


def _notes(started: float | None, sent: Any, latency: Any) -> dict[str, Any]:
    ends = np.nan_to_num(sent) + np.nan_to_num(latency) / 1e3
    duration = float(ends.max()) if len(ends) else 0.0
    return {
        "started_at": started, "seed": None, "conditions": None, "profile": "", "versions": {},
        "duration_s": duration, "changes": [], "connections": [], "evicted": 0,
        "max_history": None,
    }  # fmt: skip
