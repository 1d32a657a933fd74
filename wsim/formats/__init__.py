"""Histories in files: a reader and a writer for each suffix.

To add a format, write a module with ``read(path) -> DataFrame`` and ``write(frame, path)``
and name it in :data:`FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from wsim.errors import ColumnsError, FormatError, UsageError, WsimError, nearest
from wsim.formats.joining import concat
from wsim.schema import COLUMN_NAMES

__all__ = ["FORMATS", "Format", "concat", "load", "save"]


class Format(NamedTuple):
    """Where to find the reader and the writer of a suffix; an empty writer means read-only."""

    module: str
    reader: str
    writer: str


FORMATS: dict[str, Format] = {
    ".json": Format("wsim.formats.json_export", "read_json_export", "write_json"),
    ".jsonl": Format("wsim.formats.jsonl", "read_jsonl", "write_jsonl"),
    ".csv": Format("wsim.formats.csv_table", "read_csv", "write_csv"),
    ".parquet": Format("wsim.formats.parquet", "read_parquet", "write_parquet"),
    ".har": Format("wsim.formats.har", "read_har", ""),
}
"""Formats by suffix; modules are loaded when first needed."""
_ZIPPABLE = (".json", ".jsonl", ".har")


def load(path_or_paths: str | Path | Iterable[str | Path]) -> pd.DataFrame:
    """Read histories from files, by suffix, into one frame.

    Parameters
    ----------
    path_or_paths
        A file (.json, .jsonl, .csv, .parquet, .har; JSON also gzipped, as .jsonl.gz), a folder
        of .parquet files, or several of them, which are put together by :func:`concat`.

    Returns
    -------
    DataFrame
        With the columns of :data:`wsim.schema.COLUMNS`; what a file does not hold is missing.

    Raises
    ------
    FormatError
        Names the file, the place and what to do.
    """
    if isinstance(path_or_paths, str | Path):
        return _load_one(Path(path_or_paths))
    try:
        paths = [Path(path) for path in path_or_paths]
    except TypeError:
        raise UsageError(
            f"load takes the path of a file, or several of them, not {path_or_paths!r}"
        ) from None
    if not paths:
        raise FormatError("no files to load; name at least one")
    frames = [_load_one(path) for path in paths]
    return concat(frames, labels=[path.name.split(".")[0] for path in paths])


def _load_one(path: Path) -> pd.DataFrame:
    packed = path.suffix.lower() == ".gz"  # unpacked as it is read
    suffix = Path(path.stem).suffix if packed else path.suffix
    form = _format(".parquet" if path.is_dir() else suffix.lower(), path)
    reader: Callable[[Path], pd.DataFrame] = getattr(import_module(form.module), form.reader)
    try:
        return reader(path)
    except RecursionError:
        raise FormatError(f"{path}: a payload nested too deeply to be one; leave it out") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, WsimError):
            raise
        raise FormatError(
            f"{path}: damaged beyond what its reader expects ({type(error).__name__}: {error});"
            " export it again"
        ) from error


def save(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write a history to a file, in the format of its suffix; all of it or nothing.

    Parameters
    ----------
    frame
        A history; columns beyond the schema's are left out.
    path
        Ends in .json, .jsonl, .csv or .parquet; parent folders are created.

    Raises
    ------
    FormatError
        For another suffix, or a place that cannot be written.
    ColumnsError
        For a frame that is not a history.
    """
    if not isinstance(path, str | Path):
        raise UsageError(f"save takes a history and then the path of a file, not {path!r}")
    path = Path(path)
    form = _format(path.suffix.lower(), path)
    if not form.writer:
        raise FormatError(f"{path}: {path.suffix} can only be read; {_writable()}")
    if not isinstance(frame, pd.DataFrame):
        raise ColumnsError(f"save takes a history such as sim.history, not {frame!r}")
    _check_history(frame)
    writer: Callable[[pd.DataFrame, Path], None] = getattr(import_module(form.module), form.writer)
    writer(frame, path)
    return path


def _check_history(frame: pd.DataFrame) -> None:
    needed = ("seq", "created_s", "sent_s", "latency_ms", "direction", "event_name", "run",
              "fate", "dropped")  # fmt: skip
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise ColumnsError(
            f"not a history: no column {', '.join(missing)};"
            f" a history has the columns {', '.join(COLUMN_NAMES)}"
        )


def _format(suffix: str, path: Path) -> Format:
    if suffix not in FORMATS:
        hint = nearest(suffix, FORMATS) if suffix else ""
        raise FormatError(
            f"{path}: no format for {suffix or 'a name without suffix'!r}{hint}"
            f" Known: {', '.join(FORMATS)}"
        )
    return FORMATS[suffix]


def _writable() -> str:
    names = [suffix for suffix, form in FORMATS.items() if form.writer]
    return f"choose {', '.join(names)}"
