"""The export of the contract: one JSON object with the messages in a list.

Writing goes column by column: each column becomes texts once, values that never vary are
part of the template, and a message costs one formatting. Reading also takes what other
simulators export (see :mod:`wsim.formats.foreign`).
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wsim.errors import FormatError
from wsim.formats.files import read_json, replacing
from wsim.formats.foreign import from_foreign
from wsim.formats.frames import FIXED, as_category, categories_of, from_lists
from wsim.formats.payloads import PayloadWriter, restored
from wsim.schema import COLUMNS, SCHEMA_VERSION

_FIRST = (
    "message_id", "timestamp", "event_name", "data", "direction", "latency_ms", "dropped",
    "client_id",
)  # fmt: skip
_CHUNK = 4_000  # fits the processor's cache as text


def write_json(
    frame: pd.DataFrame,
    path: Path,
    *,
    statistics: Mapping[str, Any] | None = None,
    network_conditions: Mapping[str, Any] | None = None,
) -> None:
    """Write a history as the contract's JSON export, all of it or nothing."""
    notes = frame.attrs.get("wsim", {})
    payloads = PayloadWriter()
    head = {
        "export_time": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
        "schema_version": SCHEMA_VERSION,
        "statistics": payloads.plain(counted(frame) if statistics is None else dict(statistics)),
        "network_conditions": payloads.plain(network_conditions or _conditions(notes)),
        "wsim": {"runs": payloads.plain(notes), "categories": categories_of(frame)},
    }
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(json.dumps(head, indent=2)[:-2].encode())
        file.write(b',\n  "message_history": [')
        for number, text in enumerate(_messages(frame, payloads)):
            file.write(b",\n" if number else b"\n")
            file.write(text.encode("ascii"))
        file.write(b"\n  ]\n}\n")
    payloads.warn(path)


def counted(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the counts that any history has, for the export's statistics."""
    latency = frame["latency_ms"].mean() if len(frame) else np.nan
    inbound = frame["direction"] == "inbound"
    return {
        "messages": len(frame),
        "messages_received": int(inbound.sum()),
        "messages_sent": int((~inbound).sum()),
        "messages_dropped": int(frame["dropped"].sum()),
        "avg_latency_ms": 0.0 if latency != latency else float(latency),
    }


def _conditions(notes: Mapping[str, Any]) -> Any:
    for run in reversed(list(notes.values())):
        if run.get("changes"):
            return run["changes"][-1]["conditions"]
        return run.get("conditions")
    return None


def _messages(frame: pd.DataFrame, payloads: PayloadWriter) -> Iterator[str]:
    started = started_at(frame)
    for start in range(0, len(frame), _CHUNK):
        part = frame.iloc[start : start + _CHUNK]
        yield ",\n".join(records(part, started[start : start + _CHUNK], payloads))


def started_at(frame: pd.DataFrame) -> Any:
    """Return the wall-clock start of each row's run in epoch seconds, 0 where unknown."""
    notes = frame.attrs.get("wsim", {})
    runs = as_category(frame["run"]).cat
    starts = [notes.get(run, {}).get("started_at") or 0.0 for run in runs.categories]
    return np.array([*starts, 0.0])[runs.codes.to_numpy()]


def records(part: pd.DataFrame, started: Any, payloads: PayloadWriter) -> list[str]:
    """Return each row as one line of JSON."""
    texts: dict[str, Any] = {}
    for column in COLUMNS:
        if column.name == "sent_s" and part["sent_s"].equals(part["created_s"]):
            texts["sent_s"] = texts["created_s"]
        elif column.name in part.columns:
            texts[column.name] = _TEXTS[column.dtype](part[column.name], payloads)
    texts["timestamp"] = _floats(pd.Series(part["sent_s"].to_numpy() + started), payloads)
    names = [*(n for n in _FIRST if n in texts), *(n for n in texts if n not in _FIRST)]
    fields = []
    for name in names:
        value = texts[name]
        fields.append(f'"{name}":' + (value.replace("%", "%%") if isinstance(value, str) else "%s"))
    template = "    {" + ",".join(fields) + "}"
    varying = [texts[name] for name in names if not isinstance(texts[name], str)]
    if not varying:
        return [template % ()] * len(part)
    return [template % row for row in zip(*varying, strict=True)]


def _floats(series: pd.Series[Any], _: PayloadWriter) -> str | list[str]:
    values = series.to_numpy(np.float64)
    if len(values) and (values == values[0]).all() and np.isfinite(values[0]):
        return repr(float(values[0]))
    if not np.isfinite(values).any():
        return "null"
    return lines(values.tolist())


def lines(values: list[Any]) -> list[str]:
    """Return the JSON text of each number or string of a list, null for what is not finite.

    One call of the C encoder with a line break between items, which JSON never holds inside.
    """
    if not values:
        return []
    text = json.dumps(values, separators=("\n", ":"), check_circular=False)[1:-1]
    texts = text.split("\n")
    if isinstance(values[0], float) and ("N" in text or "I" in text):
        return ["null" if item in ("NaN", "Infinity", "-Infinity") else item for item in texts]
    return texts


def _integers(series: pd.Series[Any], _: PayloadWriter) -> str | list[str]:
    values = series.to_numpy()
    if len(values) and (values == values[0]).all():
        return str(int(values[0]))
    return list(map(str, values.tolist()))


def _booleans(series: pd.Series[Any], _: PayloadWriter) -> list[str]:
    return ["true" if value else "false" for value in series.tolist()]


def _categories(series: pd.Series[Any], _: PayloadWriter) -> str | list[str]:
    category = as_category(series).cat
    names = [json.dumps(str(name)) for name in category.categories]
    names.append("null")  # code -1
    codes = category.codes.to_numpy()
    if len(codes) and (codes == codes[0]).all():
        return str(names[codes[0]])
    return [names[code] for code in codes.tolist()]


def _strings(series: pd.Series[Any], _: PayloadWriter) -> list[str]:
    return lines([value if isinstance(value, str) else None for value in series])


def _payloads(series: pd.Series[Any], payloads: PayloadWriter) -> list[str]:
    return payloads.texts(series.tolist())


_TEXTS: dict[str, Any] = {
    "float64": _floats,
    "int64": _integers,
    "bool": _booleans,
    "category": _categories,
    "str": _strings,
    "object": _payloads,
}


def read_json_export(path: Path) -> pd.DataFrame:
    """Read an export, of wsim or of another simulator of the same family."""
    content = read_json(path)
    messages, head = _find_messages(content, path)
    if "schema_version" not in head or "wsim" not in head:
        return from_foreign(messages, path)
    check_version(head["schema_version"], path)
    about = head["wsim"]
    if not isinstance(about, dict) or not isinstance(about.get("runs"), dict):
        raise FormatError(f"{path}: 'wsim' does not hold the runs; export the history again")
    lists = {
        column.name: [message.get(column.name) for message in messages]
        for column in COLUMNS
        if messages and column.name in messages[0]
    }
    return assemble(lists, len(messages), about, path)


def assemble(
    lists: dict[str, Any], count: int, about: Mapping[str, Any], path: Path
) -> pd.DataFrame:
    """Return the frame of parsed lists, payloads and notes still marked."""
    if "data" in lists:
        lists["data"] = [restored(value) for value in lists["data"]]
    known = about.get("categories") or {}
    if not isinstance(known, dict) or not all(isinstance(v, list) for v in known.values()):
        raise FormatError(f"{path}: 'categories' is not an object of lists; export it again")
    lists.setdefault("seq", range(count))
    known = {name: names for name, names in known.items() if name not in FIXED}
    return from_lists(lists, count, restored(about["runs"]), str(path), known)


def check_version(version: Any, path: Path) -> None:
    """Refuse files of a schema that this version does not know."""
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise FormatError(
            f"{path}: schema version {version!r}; this wsim reads up to {SCHEMA_VERSION}, update it"
        )


def _find_messages(content: Any, path: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    head = content if isinstance(content, dict) else {}
    messages = content if isinstance(content, list) else None
    for key in ("message_history", "messages"):
        if key in head:
            messages = head[key]
            break
    if not isinstance(messages, list):
        found = ", ".join(map(repr, list(head)[:8])) or type(content).__name__
        raise FormatError(
            f"{path}: no list of messages under 'message_history' or 'messages'; found {found}"
        )
    for number, message in enumerate(messages):
        if not isinstance(message, dict):
            raise FormatError(
                f"{path}: message {number} is {str(message)[:60]!r}, not an object with fields"
            )
    return messages, head
