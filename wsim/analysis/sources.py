"""Parquet by columns and groups: summarise a folder without loading it whole.

Of a history only times, latencies and short codes are needed at once, some 40 bytes a row
and twice to three times that while they are sorted; payloads, identifiers and the parts of
the delay, which make up most of a frame, are left on disk or read one column at a time. If
every run belongs to one group (always so by run, usually by profile) the groups are taken
one after the other, so that memory has to hold the largest of them only. The rows are those
of the files, in order of their names: the numbers are the same as those of the loaded frame.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
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
Label = tuple[Any, ...]
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

    def selections(self, by: Sequence[str]) -> list[Selection]:
        """Return the groups one by one if no run is split between them, else all at once."""
        known = [name for name in by if name in self.names]
        require(self.names, [name for name in by if by != ["profile"]], "grouping")
        whole = [Selection(self, self.files, known, None)]
        if not known or "run" not in self.names:
            return whole
        owner: dict[str, Label] = {}
        where: dict[Label, list[Path]] = {}
        for file, renamed in zip(self.files, _renamed_runs(self.files), strict=True):
            table = _narrow(_read(file, dict.fromkeys([*known, "run"])), renamed)
            pairs = table[list(dict.fromkeys([*known, "run"]))].drop_duplicates()
            for row in pairs.to_dict("records"):
                label = tuple(_plain(row[name]) for name in known)
                if owner.setdefault(str(row["run"]), label) != label:
                    return whole
                files = where.setdefault(label, [])
                files += [file] if file not in files else []
        return [Selection(self, where[label], known, label) for label in sorted(where, key=repr)]


@dataclass
class Selection:
    """The rows of one group (or all of them, `label` None) in the files that have any."""

    source: ParquetColumns
    files: list[Path]
    by: list[str]
    label: Label | None
    masks: dict[Path, Any] = field(default_factory=dict)

    def frame(self) -> pd.DataFrame:
        """Return the columns that every summary needs, and those of the groups."""
        wanted = [n for n in self.source.names if n in _NEEDED or n in self.by]
        if "created_s" in wanted and "sent_s" in wanted and "sent_s" not in self.by:
            wanted.remove("sent_s")
        renamed = dict(zip(self.source.files, _renamed_runs(self.source.files), strict=True))
        tables = []
        for file in self.files:
            table = _narrow(_read(file, wanted), renamed[file])
            if self.label is not None:
                mask = np.ones(len(table), dtype=bool)
                for name, value in zip(self.by, self.label, strict=True):
                    mask &= np.asarray(table[name].map(_plain) == value)
                self.masks[file] = mask
                table = table[mask]
            tables.append(table)
        return tables[0] if len(tables) == 1 else _stack(tables, wanted)

    def column(self, name: str) -> Floats:
        """Return one numeric column of the selected rows."""
        parts = []
        for file in self.files:
            values = _read(file, [name]).column(name).to_numpy()
            parts.append(values[self.masks[file]] if file in self.masks else values)
        return np.concatenate(parts).astype(np.float64, copy=False)


def _plain(value: Any) -> Any:
    """Return a label as it appears in summaries: a missing one is empty."""
    return "" if value is None or value != value else value


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


def _read(file: Path, columns: Iterable[str]) -> Any:
    return _pyarrow().parquet.read_table(file, columns=list(columns), partitioning=None)


def _narrow(table: Any, renamed: dict[str, str]) -> pd.DataFrame:
    """Return a table as a frame with texts as categories and counts as small integers."""
    texts = [f.name for f in table.schema if str(f.type) in ("string", "large_string")]
    frame: pd.DataFrame = table.to_pandas(categories=texts)
    for name, dtype in _SMALL.items():
        if name in frame.columns and not frame[name].isna().any():
            column = frame[name]
            if len(column) and column.max() <= np.iinfo(dtype).max:
                frame[name] = column.astype(dtype)
    if renamed and "run" in frame.columns:
        frame["run"] = frame["run"].cat.rename_categories(renamed)
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


def _renamed_runs(files: Sequence[Path]) -> list[dict[str, str]]:
    """Return, by file, new names of runs that share a name but not a start, seed or conditions."""
    seen: dict[str, str] = {}
    renamed = []
    for number, file in enumerate(files, start=1):
        new = {
            run: f"{run} ({number})"
            for run, identity in _identities(file).items()
            if seen.setdefault(run, identity) != identity
        }
        renamed.append(new)
    return renamed


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
