"""Histories put together: rows one after another, notes by run, names of runs made unique."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wsim.errors import ColumnsError
from wsim.formats.frames import DEFAULTS, DTYPES, FIXED, as_category, build
from wsim.schema import COLUMNS


def concat(
    frames: Sequence[pd.DataFrame],
    *,
    labels: Sequence[str] | None = None,
    same_runs: bool = False,
) -> pd.DataFrame:
    """Put histories together, keeping categories, dtypes and the notes of every run.

    Parameters
    ----------
    frames
        Histories; columns that one lacks are filled with what stands for missing.
    labels
        A name for each frame, used for its run if the run's name is taken.
    same_runs
        Runs of the same name are one run in parts: nothing is renamed.

    Returns
    -------
    DataFrame
        With the columns of the schema; runs whose names clash are renamed, in the column and
        in ``attrs["wsim"]``.
    """
    if isinstance(frames, pd.DataFrame) or not isinstance(frames, Collection):
        raise ColumnsError(f"concat takes a list of histories, not {type(frames).__name__}")
    for frame in frames:
        if not isinstance(frame, pd.DataFrame):
            raise ColumnsError(f"concat takes histories such as sim.history, not {frame!r}")
    if not len(frames):
        raise ColumnsError("nothing to put together: give at least one history")
    renamed = [{} for _ in frames] if same_runs else _unique_runs(frames, labels)
    count = sum(len(frame) for frame in frames)
    values: dict[str, Any] = {}
    names: dict[str, list[str]] = {}
    for column in COLUMNS:
        parts = [_series(frame, column.name) for frame in frames]
        if column.dtype != "category":
            values[column.name] = np.concatenate([_plain(part) for part in parts])
            continue
        runs = renamed if column.name == "run" else [{} for _ in frames]
        values[column.name], names[column.name] = _joined(column.name, parts, runs)
    return build(values, count, names, _notes(frames, renamed))


def _series(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    if name in frame.columns:
        return frame[name]
    if name == "seq":
        return pd.Series(np.arange(len(frame)))
    default = DEFAULTS.get(name, "unknown" if name == "fate" else np.nan)
    if name == "run":
        default = "run-1"
    dtype = object if DTYPES[name] in ("str", "object", "category") else DTYPES[name]
    return pd.Series([default] * len(frame), dtype=dtype)


def _plain(series: pd.Series[Any]) -> Any:
    values = series.to_numpy()
    return values.astype(object) if values.dtype.kind in "OUT" else values


def _joined(
    name: str, parts: list[pd.Series[Any]], renamed: list[dict[str, str]]
) -> tuple[Any, list[str]]:
    """Return codes over all parts, and the names in order of first appearance."""
    book: dict[str, int] = {text: code for code, text in enumerate(FIXED.get(name, ()))}
    codes = []
    for part, new in zip(parts, renamed, strict=True):
        category = as_category(part).cat
        texts = [new.get(str(text), str(text)) for text in category.categories]
        table = np.array([book.setdefault(text, len(book)) for text in texts], np.int64)
        own = category.codes.to_numpy()
        if len(own) and own.min() < 0:
            table = np.append(table, book.setdefault("", len(book)))
        codes.append(table[own] if len(own) else np.empty(0, np.int64))
    return np.concatenate(codes), list(book)


def _unique_runs(
    frames: Sequence[pd.DataFrame], labels: Sequence[str] | None
) -> list[dict[str, str]]:
    """Return for each frame the new names of its runs, where they are taken."""
    taken: set[str] = set()
    result = []
    for number, frame in enumerate(frames):
        label = labels[number] if labels else None
        new = {}
        for run in _runs(frame):
            name = run
            if name in taken and label:
                name = label
            base, copy = name, 2
            while name in taken:
                name, copy = f"{base}-{copy}", copy + 1
            taken.add(name)
            if name != run:
                new[run] = name
        result.append(new)
    return result


def _runs(frame: pd.DataFrame) -> list[str]:
    noted = list(frame.attrs.get("wsim", {}))
    present = as_category(_series(frame, "run")).cat.categories
    return list(dict.fromkeys([*noted, *(str(run) for run in present)]))


def _notes(frames: Sequence[pd.DataFrame], renamed: list[dict[str, str]]) -> dict[str, Any]:
    notes = {}
    for frame, new in zip(frames, renamed, strict=True):
        for run, about in frame.attrs.get("wsim", {}).items():
            notes[new.get(run, run)] = about
    return notes
