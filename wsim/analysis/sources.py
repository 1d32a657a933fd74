"""Parquet by columns: summarise a file or a folder without loading it whole.

Of a history only times, latencies and short codes are needed at once, some 40 bytes a row
and twice to three times that while they are sorted; payloads, identifiers and the parts of
the delay, which make up most of a frame, are left on disk or read one column at a time. The rows are those of the files, in order of their names,
so the numbers are the same as those of the loaded frame.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wsim.analysis.columns import Floats, require
from wsim.errors import FormatError, UsageError

_NEEDED = (
    *("created_s", "sent_s", "delivered_s", "latency_ms", "direction", "event_name"),
    *("client_id", "profile", "run", "fate", "cause", "dropped", "copy", "size_bytes"),
)
_SMALL: dict[str, Any] = {"copy": np.int16, "size_bytes": np.int32}


@dataclass
class ParquetColumns:
    """The Parquet files of a history and the columns that all of them have."""

    path: Path
    files: list[Path]
    names: list[str]

    @classmethod
    def open(cls, path: str | Path) -> ParquetColumns:
        """Find the files and their columns; raise `FormatError` if there are none."""
        root, parquet = Path(path), _pyarrow().parquet
        files = sorted(f for f in root.rglob("*.parquet") if not f.name.startswith("."))
        if not root.is_dir():
            files = [root]
        if not files:
            raise FormatError(f"{root}: a folder without .parquet files; name the files")
        schemas = [_schema(parquet, file) for file in files]
        names = [n for n in schemas[0].names if all(n in schema.names for schema in schemas)]
        return cls(root, files, names)

    def frame(self, by: Sequence[str]) -> pd.DataFrame:
        """Return the columns that every summary needs, and those of the groups."""
        require(self.names, by, "grouping")
        wanted = [name for name in self.names if name in _NEEDED or name in by]
        if "created_s" in wanted and "sent_s" in wanted and "sent_s" not in by:
            wanted.remove("sent_s")
        tables = [_narrow(_read(file, wanted)) for file in self.files]
        frame = tables[0] if len(tables) == 1 else _stack(tables, wanted)
        frame.attrs["wsim"] = {}
        if "run" in wanted:
            _tell_runs_apart(frame, self.files, [len(table) for table in tables])
        return frame

    def column(self, name: str) -> Floats:
        """Return one numeric column of all files."""
        parts = [_read(file, [name]).column(name).to_numpy() for file in self.files]
        return np.concatenate(parts).astype(np.float64, copy=False)


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError(
            "Parquet needs pyarrow; install it with: pip install 'wsim[parquet]'"
        ) from None
    return pyarrow


def _schema(parquet: Any, file: Path) -> Any:
    try:
        return parquet.read_schema(file)
    except FileNotFoundError:
        raise FormatError(f"cannot read {file}: no such file") from None
    except (_pyarrow().ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise FormatError(f"{file}: not a whole Parquet file ({reason}); export it again") from None


def _read(file: Path, columns: Sequence[str]) -> Any:
    return _pyarrow().parquet.read_table(file, columns=list(columns), partitioning=None)


def _narrow(table: Any) -> pd.DataFrame:
    """Return a table as a frame with texts as categories and counts as small integers."""
    texts = [f.name for f in table.schema if str(f.type) in ("string", "large_string")]
    frame: pd.DataFrame = table.to_pandas(categories=texts)
    for name, dtype in _SMALL.items():
        if name in frame.columns and not frame[name].isna().any():
            column = frame[name]
            if len(column) and column.max() <= np.iinfo(dtype).max:
                frame[name] = column.astype(dtype)
    return frame


def _stack(tables: list[pd.DataFrame], names: Sequence[str]) -> pd.DataFrame:
    """Put frames under each other, column by column, with categories united."""
    columns: dict[str, Any] = {}
    for name in names:
        parts = [table.pop(name) for table in tables]
        if all(isinstance(part.dtype, pd.CategoricalDtype) for part in parts):
            columns[name] = pd.api.types.union_categoricals(parts, sort_categories=True)
        else:
            columns[name] = pd.concat(parts, ignore_index=True)
    return pd.DataFrame(columns)


def _tell_runs_apart(frame: pd.DataFrame, files: list[Path], lengths: list[int]) -> None:
    """Rename runs that share a name but not a start, a seed or conditions."""
    seen: dict[str, str] = {}
    names = np.array(frame["run"], dtype=object)
    begin, changed = 0, False
    for number, (file, length) in enumerate(zip(files, lengths, strict=True), start=1):
        for run, identity in _identities(file).items():
            if seen.setdefault(run, identity) != identity:
                mine = slice(begin, begin + length)
                names[mine] = np.where(names[mine] == run, f"{run} ({number})", names[mine])
                changed = True
        begin += length
    if changed:
        frame["run"] = pd.Categorical(names)


def _identities(file: Path) -> dict[str, str]:
    notes = (_pyarrow().parquet.read_schema(file).metadata or {}).get(b"wsim")
    if notes is None:
        return {}
    try:
        runs = json.loads(notes)["runs"]
        keys = ("started_at", "seed", "conditions")
        return {run: repr([(about or {}).get(key) for key in keys]) for run, about in runs.items()}
    except (ValueError, KeyError, AttributeError, TypeError):
        raise FormatError(f"{file}: damaged notes in the metadata; export it again") from None
