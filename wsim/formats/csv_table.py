"""CSV, for spreadsheets: one line a message, and the notes in a JSON file beside it.

``history.csv`` has its notes in ``history.wsim.json``. Payloads are JSON text. A text that
holds control characters, or starts with a quote or as a spreadsheet's formula does, is written
as a JSON string.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wsim.errors import FormatError
from wsim.formats.files import read_bytes, read_json, replacing
from wsim.formats.foreign import check_fields, from_foreign
from wsim.formats.frames import CATEGORIES, DTYPES, as_category, categories_of, objects
from wsim.formats.json_export import assemble, check_version
from wsim.formats.payloads import PayloadWriter
from wsim.schema import COLUMNS, SCHEMA_VERSION

_ODD = re.compile("[\x00-\x1f\x7f\u0085\u2028\u2029\ud800-\udfff]|^[\"' =+@-]| $")


def sidecar(path: Path) -> Path:
    """Return where the notes of a CSV file are kept."""
    return path.with_suffix(".wsim.json")


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a history as CSV with its notes beside it."""
    payloads = PayloadWriter()
    table = {c.name: _text(frame[c.name], payloads) for c in COLUMNS if c.name in frame.columns}
    about = {
        "schema_version": SCHEMA_VERSION,
        "runs": payloads.plain(frame.attrs.get("wsim", {})),
        "categories": categories_of(frame),
    }
    with replacing(sidecar(path)) as notes, replacing(path) as temporary:
        notes.write_text(json.dumps(about, indent=2), encoding="ascii")
        pd.DataFrame(table).to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")
    payloads.warn(path)


def _text(series: pd.Series[Any], payloads: PayloadWriter) -> Any:
    dtype = DTYPES[str(series.name)]
    if dtype == "object":
        return objects(payloads.texts(series.tolist()))
    if dtype == "str":
        return objects([_safe(value) for value in series])
    if dtype == "category":
        category = as_category(series).cat
        names = objects([*(_safe(name) for name in category.categories), ""])
        return names[category.codes.to_numpy()]
    return series.to_numpy()


def _safe(text: Any) -> str:
    text = text if isinstance(text, str) else ""
    return json.dumps(text) if _ODD.search(text) else text


def _unsafe(text: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV history; without its notes, or from elsewhere, what is there is taken."""
    table = _table(path)
    if "created_s" not in table.columns:
        check_fields(table.columns, str(path))
        return from_foreign(_records(table, path), path)
    lists: dict[str, Any] = {}
    for name in table.columns:
        if name in DTYPES:
            lists[name] = _parsed(str(name), table[name], path)
    return assemble(lists, len(table), _about(path, lists), path)


def _table(path: Path) -> pd.DataFrame:
    if not read_bytes(path).strip():
        raise FormatError(f"{path}: the file is empty; export the history again")
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, na_filter=False)
    except (pd.errors.ParserError, UnicodeDecodeError, ValueError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise FormatError(f"{path}: not a table of comma-separated values: {reason}") from None


def _about(path: Path, lists: dict[str, Any]) -> dict[str, Any]:
    if not sidecar(path).exists():
        runs = dict.fromkeys(lists.get("run", ()))
        return {"runs": {run: {} for run in runs}}
    about = read_json(sidecar(path))
    if not isinstance(about, dict) or not isinstance(about.get("runs"), dict):
        raise FormatError(f"{sidecar(path)}: not the notes of a CSV history; export it again")
    check_version(about.get("schema_version"), path)
    return about


def _parsed(name: str, series: pd.Series[Any], path: Path) -> Any:
    values = series.tolist()
    dtype = DTYPES[name]
    if name in CATEGORIES or dtype == "str":
        return [_unsafe(value) for value in values]
    try:
        return [_CONVERT[dtype](value) for value in values]
    except (ValueError, RecursionError):
        line, bad = _first_bad(values, _CONVERT[dtype])
        raise FormatError(
            f"{path}: line {line + 2}: {name}={bad[:60]!r} is not {_WORDS[dtype]}"
        ) from None


def _first_bad(values: list[str], convert: Any) -> tuple[int, str]:
    for number, value in enumerate(values):
        try:
            convert(value)
        except (ValueError, RecursionError):
            return number, value
    return 0, ""


def _float(text: str) -> float:
    return float(text) if text else np.nan


def _bool(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered not in ("true", "false", "1", "0", ""):
        raise ValueError(text)
    return lowered in ("true", "1")


def _payload(text: str) -> Any:
    return json.loads(text) if text else None


_CONVERT: dict[str, Any] = {"float64": _float, "int64": int, "bool": _bool, "object": _payload}
_WORDS = {
    "float64": "a number or empty",
    "int64": "a whole number",
    "bool": "True or False",
    "object": "JSON (the file may be cut short)",
}


def _records(table: pd.DataFrame, path: Path) -> list[dict[str, Any]]:
    """Return the lines of somebody else's table as messages."""
    lists = {str(name): table[name].tolist() for name in table.columns}
    for name in ("latency_ms", "dropped"):
        if name in lists:
            values = _parsed(name, table[name], path)
            lists[name] = [None if value != value else value for value in values]
    for name in ("timestamp", "time"):
        if name in lists:
            lists[name] = [_number_or_text(value) for value in lists[name]]
    if "data" in lists:
        lists["data"] = [_json_or_text(value) for value in lists["data"]]
    names = list(lists)
    return [dict(zip(names, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _number_or_text(text: str) -> Any:
    try:
        return float(text) if text else None
    except ValueError:
        return text


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return text
