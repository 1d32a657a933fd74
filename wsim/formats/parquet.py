"""Parquet, for many messages: small, typed, and readable by every data tool.

Columns have the schema's names and types. Floats go by byte planes, counters by
differences, names by dictionary, all compressed by Zstandard; payloads are JSON text. Notes
and categories are in the file's metadata under ``wsim``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wsim.errors import FormatError, UsageError
from wsim.formats.files import replacing
from wsim.formats.foreign import check_fields, from_foreign
from wsim.formats.frames import (
    CATEGORIES,
    DEFAULTS,
    FIXED,
    Names,
    as_category,
    build,
    categories_of,
    objects,
)
from wsim.formats.joining import concat
from wsim.formats.json_export import check_version
from wsim.formats.payloads import PayloadWriter, restored
from wsim.schema import COLUMNS, SCHEMA_VERSION

_KEY = b"wsim"
_ENCODINGS = {"float64": "BYTE_STREAM_SPLIT", "int64": "DELTA_BINARY_PACKED"}
_ENCODINGS |= {"str": "DELTA_BYTE_ARRAY"}

_NUMPY: dict[str, Any] = {"float64": np.float64, "int64": np.int64, "bool": np.bool_}


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError(
            "Parquet needs pyarrow; install it with: pip install 'wsim[parquet]',"
            " or use .jsonl or .json"
        ) from None
    return pyarrow


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write a history as one Parquet file."""
    pa = _pyarrow()
    payloads = PayloadWriter()
    present = [c for c in COLUMNS if c.name in frame.columns]
    arrays = [_array(pa, frame[c.name], c.dtype, payloads) for c in present]
    about = {
        "schema_version": SCHEMA_VERSION,
        "runs": payloads.plain(frame.attrs.get("wsim", {})),
        "categories": categories_of(frame),
    }
    table = pa.table(dict(zip([c.name for c in present], arrays, strict=True)))
    table = table.replace_schema_metadata({_KEY: json.dumps(about).encode()})
    named = [c.name for c in present if c.dtype in ("category", "bool", "object")]
    with replacing(path) as temporary:
        pa.parquet.write_table(
            table, temporary, compression="zstd", use_dictionary=named,
            column_encoding={c.name: _ENCODINGS[c.dtype] for c in present if c.dtype in _ENCODINGS},
        )  # fmt: skip
    payloads.warn(path)


def _array(pa: Any, series: pd.Series[Any], dtype: str, payloads: PayloadWriter) -> Any:
    if dtype == "category":
        category = as_category(series).cat
        codes = np.ascontiguousarray(category.codes.to_numpy())
        names = pa.array([_utf8(name) for name in category.categories], pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), names)
    if dtype == "object":
        texts = payloads.texts(series.tolist())
        return pa.array([None if text == "null" else text for text in texts], pa.string())
    if dtype == "str":
        return pa.array([_utf8(value) for value in series], pa.string())
    return pa.array(np.ascontiguousarray(series.to_numpy()), from_pandas=False)


def _utf8(text: Any) -> str:
    """Return text that UTF-8 can hold: lone surrogates, which it cannot, become ``?``."""
    return str(text).encode("utf-8", "replace").decode("utf-8") if isinstance(text, str) else ""


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a Parquet file, or all Parquet files of a folder as parts of the same history."""
    if not path.is_dir():
        return _read_file(path)
    files = sorted(file for file in path.rglob("*.parquet") if not file.name.startswith("."))
    if not files:
        raise FormatError(f"{path}: a folder without .parquet files; name the files to load")
    return _parts_joined([_read_file(file) for file in files])


def _parts_joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Put parts of a partitioned history together; a run split over files stays one run."""
    seen: dict[str, Any] = {}
    for frame in frames:
        for run, about in frame.attrs["wsim"].items():
            if seen.setdefault(run, _identity(about)) != _identity(about):
                return concat(frames)
    return concat(frames, same_runs=True)


def _identity(about: dict[str, Any] | None) -> Any:
    about = about or {}
    return about.get("started_at"), about.get("seed"), repr(about.get("conditions"))


def _read_file(path: Path) -> pd.DataFrame:
    pa = _pyarrow()
    try:
        table = pa.parquet.read_table(path, partitioning=None)
    except FileNotFoundError:
        raise FormatError(f"cannot read {path}: no such file") from None
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise FormatError(
            f"{path}: not a whole Parquet file ({reason}); it may be cut short: export it again"
        ) from None
    metadata = table.schema.metadata or {}
    if _KEY not in metadata:
        check_fields(table.column_names, str(path))
        return from_foreign(table.to_pylist(), path)
    return _own(table, _about(metadata[_KEY], path), path)


def _about(text: bytes, path: Path) -> dict[str, Any]:
    try:
        about = json.loads(text)
        check_version(about["schema_version"], path)
        return {"runs": restored(about["runs"]), "categories": about["categories"]}
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{path}: damaged notes in the metadata; export it again") from None


def _own(table: Any, about: dict[str, Any], path: Path) -> pd.DataFrame:
    values: dict[str, Any] = {}
    names: dict[str, list[str]] = {}
    for column in COLUMNS:
        name = column.name
        known = () if name in FIXED else about["categories"].get(name, ())
        book = Names(name, known)
        if name not in table.column_names:
            values[name] = _missing(name, table.num_rows, book, path)
        elif column.dtype == "category":
            values[name] = _codes(table.column(name), book, path)
        else:
            values[name] = _values(table.column(name), column.dtype, f"{path}: {name}")
        if name in CATEGORIES:
            names[name] = book.names
    return build(values, table.num_rows, names, about["runs"])


def _missing(name: str, count: int, book: Names, path: Path) -> Any:
    if name == "seq":
        return np.arange(count)
    default = DEFAULTS.get(name, "unknown" if name == "fate" else np.nan)
    return book.codes([default], str(path))[0] if name in CATEGORIES else default


def _codes(column: Any, book: Names, path: Path) -> Any:
    chunked = column.dictionary_encode() if not hasattr(column.type, "value_type") else column
    codes = [np.empty(0, np.int64)]
    for chunk in chunked.chunks:
        texts = [text if text is not None else "" for text in chunk.dictionary.to_pylist()]
        table = book.codes(texts, str(path)) if texts else np.empty(0, np.int64)
        own = chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        if len(own) and own.min() < 0:
            table = np.append(table, book.codes([""], str(path)))
        codes.append(table[own] if len(own) else np.empty(0, np.int64))
    return np.concatenate(codes)


def _values(column: Any, dtype: str, where: str) -> Any:
    if dtype == "object":
        try:
            return objects([
                None if text is None else restored(json.loads(text)) for text in column.to_pylist()
            ])  # fmt: skip
        except (ValueError, TypeError, RecursionError):
            raise FormatError(f"{where}: a payload is not JSON; export it again") from None
    if dtype == "str":
        return objects([text or "" for text in column.to_pylist()])
    try:
        return column.to_numpy().astype(_NUMPY[dtype])
    except (ValueError, TypeError):
        raise FormatError(f"{where}: not a column of {dtype}; export it again") from None
