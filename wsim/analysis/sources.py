"""Parquet by columns and pieces: summarise a folder without loading it whole.

Of a history only times, latencies and short codes are needed at once, some 40 bytes a row
and twice to three times that while they are sorted; payloads, identifiers and the parts of
the delay, which make up most of a frame, are left on disk or read one column at a time. If
every run belongs to one group (always so by run, usually by profile) the groups are taken
one after the other. Groups of more than `MOST_ROWS` rows are taken in pieces of whole runs,
whose figures are added up, so that memory has to hold the longest run only. The numbers are
the same as those of the loaded frame.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
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
MOST_ROWS = 2_000_000
"""Larger groups are taken in pieces of whole runs."""
_BATCH = 1 << 20
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

    @cached_property
    def renamed(self) -> dict[Path, dict[str, str]]:
        """New names of runs, by file, where different runs share a name."""
        return dict(zip(self.files, _renamed_runs(self.files), strict=True))

    def jobs(self, by: Sequence[str]) -> list[Job]:
        """Return what to summarise: a job for each group, or one for all together."""
        known = [name for name in by if name in self.names]
        require(self.names, [name for name in by if by != ["profile"]], "grouping")
        whole = [Selection(self, self.files, known, None)]
        if "run" not in self.names:
            return [Job(whole)]
        rows = self._tally(known)
        labels = {run: set(each["label"]) for run, each in rows.groupby("run", observed=True)}
        if not known or any(len(own) > 1 for own in labels.values()):
            return [self._job(rows, known, None)]
        found: dict[Any, pd.DataFrame] = dict(iter(rows.groupby("label")))
        return [self._job(found[label], known, label) for label in sorted(found, key=repr)]

    def _tally(self, known: list[str]) -> pd.DataFrame:
        """Count the rows of each file, run and group, event and direction."""
        more = [name for name in ("event_name", "direction") if name in self.names]
        keys = list(dict.fromkeys([*known, "run", *more]))
        counts = []
        for file in self.files:
            for table in _tables(file, keys, self.renamed[file]):
                sizes = table.groupby(keys, observed=True, dropna=False).size()
                files = pd.Series([file] * len(sizes), dtype=object, name="file")
                counts.append(pd.concat([sizes.rename("rows").reset_index(), files], axis=1))
        rows = pd.concat(counts or [pd.DataFrame(columns=[*keys, "rows", "file"])])
        for name in keys:
            rows[name] = rows[name].astype(object).map(_plain)
        rows = rows.groupby([*keys, "file"], sort=False)["rows"].sum().reset_index()
        rows["label"] = list(zip(*(rows[name] for name in known), strict=True)) or [()] * len(rows)
        return rows

    def _job(self, rows: pd.DataFrame, known: list[str], label: Label | None) -> Job:
        """Return the rows of one group as one selection, or in pieces of whole runs."""

        def select(some: pd.DataFrame, runs: frozenset[str] | None) -> Selection:
            files = [file for file in self.files if file in set(some["file"])]
            return Selection(self, files or self.files, known, label, runs)

        if rows["rows"].sum() <= MOST_ROWS:
            return Job([select(rows, None)])
        sizes = rows.groupby("run", sort=False)["rows"].sum()
        piece = (sizes.cumsum() - sizes) // MOST_ROWS
        runs = [frozenset(own.index) for _, own in sizes.groupby(piece)]
        return Job([select(rows[rows["run"].isin(own)], own) for own in runs], rows)


@dataclass
class Job:
    """The pieces that one table is made from; if several, all that occurs as ``catalogue``."""

    pieces: list[Selection]
    catalogue: pd.DataFrame | None = None


@dataclass
class Selection:
    """The rows of one group (or all, `label` None), or of some runs of it, in some files."""

    source: ParquetColumns
    files: list[Path]
    by: list[str]
    label: Label | None
    runs: frozenset[str] | None = None

    def frame(self) -> pd.DataFrame:
        """Return the columns that every summary needs, and those of the groups."""
        wanted = [n for n in self.source.names if n in _NEEDED or n in self.by]
        if "created_s" in wanted and "sent_s" in wanted and "sent_s" not in self.by:
            wanted.remove("sent_s")
        tables = list(self._rows(wanted))
        return tables[0] if len(tables) == 1 else _stack(tables, wanted)

    def column(self, name: str) -> Floats:
        """Return one numeric column of the selected rows."""
        parts = [table[name].to_numpy() for table in self._rows([name])]
        return np.concatenate(parts).astype(np.float64, copy=False)

    def _rows(self, wanted: list[str]) -> Iterator[pd.DataFrame]:
        keys = [] if self.label is None else list(self.by)
        keys += [] if self.runs is None else ["run"]
        for file in self.files:
            columns = list(dict.fromkeys([*wanted, *keys]))
            for table in _tables(file, columns, self.source.renamed[file]):
                yield table[self._mask(table)][wanted] if keys else table

    def _mask(self, table: pd.DataFrame) -> Any:
        mask = np.ones(len(table), dtype=bool)
        if self.label is not None:
            for name, value in zip(self.by, self.label, strict=True):
                mask &= _where(table[name], {value})
        return mask if self.runs is None else mask & _where(table["run"], self.runs)


def _where(column: pd.Series[Any], wanted: Set[Any]) -> Any:
    """Return which values of a column are wanted; a missing one is an empty text."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return np.array([_plain(value) in wanted for value in column], dtype=bool)
    hits = np.array([_plain(value) in wanted for value in column.cat.categories] + ["" in wanted])
    return hits[column.cat.codes.to_numpy()]


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


def _tables(file: Path, columns: Sequence[str], renamed: dict[str, str]) -> Iterator[pd.DataFrame]:
    """Yield some columns of a file, `_BATCH` rows at a time; an empty frame if it has none."""
    arrow = _pyarrow()
    with arrow.parquet.ParquetFile(file) as source:
        schema = source.schema_arrow
        if not source.metadata.num_rows:
            yield _narrow(schema.empty_table().select(columns), renamed)
        for batch in source.iter_batches(_BATCH, columns=list(columns)):
            yield _narrow(arrow.Table.from_batches([batch]).select(columns), renamed)


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
