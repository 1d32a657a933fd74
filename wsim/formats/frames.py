"""Frames from what files hold: columns checked and converted, names to categories.

Every reader ends here, so that a file gives the frame it was made from: same columns, same
dtypes, same categories in the same order, same notes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wsim.errors import FormatError
from wsim.names import readable
from wsim.schema import CAUSES, COLUMNS, DIRECTIONS, FATES, PARTS
from wsim.store.columns import Columns
from wsim.store.notes import RunNotes

FIXED = {"direction": DIRECTIONS, "fate": FATES, "cause": CAUSES}
"""Categories whose names the schema knows."""
CATEGORIES = tuple(column.name for column in COLUMNS if column.dtype == "category")
DTYPES = {column.name: column.dtype for column in COLUMNS}
DEFAULTS: dict[str, Any] = {
    "session": 1, "copy": 0, "size_bytes": 0, "ack_id": -1, "message_id": "", "namespace": "/",
    "cause": "", "profile": "", "client_id": "", "event_name": "", "data": None,
    "direction": "inbound", "dropped": False, **dict.fromkeys(PARTS, np.nan),
}  # fmt: skip
"""What a row holds where a file says nothing; other numbers are NaN."""


def objects(values: Sequence[Any]) -> Any:
    """Return `values` as an object array of one dimension."""
    return np.fromiter(values, dtype=object, count=len(values))


def converted(name: str, values: Sequence[Any], where: str) -> Any:
    """Return plain values as an array of the column's dtype.

    Raises
    ------
    FormatError
        Names the file, the message and the value that does not fit.
    """
    dtype = DTYPES[name]
    if dtype in ("object", "str"):
        return objects([v if v is not None else "" for v in values] if dtype == "str" else values)
    kinds: dict[str, Any] = {"float64": np.float64, "int64": np.int64, "bool": np.bool_}
    accept = _ACCEPT[dtype]
    try:
        if dtype != "float64" or not set(map(type, values)) <= {float, int, type(None)}:
            values = [accept(value) for value in values]
        return np.array(values, kinds[dtype])
    except (TypeError, ValueError, OverflowError):
        raise _misfit(name, values, accept, where) from None


def _misfit(name: str, values: Sequence[Any], accept: Any, where: str) -> FormatError:
    place = next(n for n, value in enumerate(values) if not _fits(value, accept))
    return FormatError(
        f"{where}: message {place}: {name}={str(values[place])[:80]!r}"
        f" is not {_WORDS[DTYPES[name]]}"
    )


def _fits(value: Any, accept: Any) -> bool:
    try:
        accept(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _as_float(value: Any) -> float:
    if value is None:
        return np.nan
    if isinstance(value, str | bool):
        raise TypeError
    return float(value)


def _as_int(value: Any) -> int:
    if isinstance(value, str | bool) or value != int(value) or not -(2**63) <= value < 2**63:
        raise TypeError
    return int(value)


def _as_bool(value: Any) -> bool:
    if value not in (True, False):
        raise TypeError
    return bool(value)


_ACCEPT = {"float64": _as_float, "int64": _as_int, "bool": _as_bool}
_WORDS = {"float64": "a number or null", "int64": "a whole number", "bool": "true or false"}


class Names:
    """The names of one category column, coded in order of first appearance."""

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        self.name = name
        fixed = FIXED.get(name)
        self.names = list(fixed or dict.fromkeys(readable(str(text)) for text in known))
        self._codes = {text: code for code, text in enumerate(self.names)}
        self._fixed = fixed

    def codes(self, values: Sequence[Any], where: str) -> Any:
        """Return the codes of `values`; new names are added where the schema allows it."""
        codes = self._codes
        for text in dict.fromkeys(values):
            if text not in codes:
                self._add(text, values, where)
        return np.fromiter((codes[text] for text in values), np.int64, len(values))

    def _add(self, text: Any, values: Sequence[Any], where: str) -> None:
        if self._fixed is not None or not isinstance(text, str):
            place = next(n for n, value in enumerate(values) if value is text or value == text)
            allowed = f"one of {', '.join(self._fixed)}" if self._fixed else "a text"
            raise FormatError(
                f"{where}: message {place}: {self.name}={str(text)[:80]!r} is not {allowed}"
            )
        name = readable(text)
        if name not in self._codes:
            self._codes[name] = len(self.names)
            self.names.append(name)
        self._codes[text] = self._codes[name]


def build(
    values: Mapping[str, Any],
    count: int,
    names: Mapping[str, Sequence[str]],
    notes: Mapping[str, Any],
) -> pd.DataFrame:
    """Return the frame of `count` rows.

    Parameters
    ----------
    values
        Arrays by column, codes for categories; one value for a column that never varies.
    names
        For each category column, its names by code.
    notes
        What goes to ``frame.attrs["wsim"]``.
    """
    columns = Columns({name: list(names[name]) for name in CATEGORIES})
    columns.extend({**values, "seq": values["seq"]}, count)
    frame = columns.frame()
    frame.attrs["wsim"] = {run: RunNotes(about) for run, about in notes.items()}
    return frame


def from_lists(
    lists: Mapping[str, Sequence[Any]],
    count: int,
    notes: Mapping[str, Any],
    where: str,
    known: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """Return the frame of plain Python lists by column; missing columns take their default."""
    values: dict[str, Any] = {}
    books = {name: Names(name, (known or {}).get(name, ())) for name in CATEGORIES}
    for column in COLUMNS:
        given = lists.get(column.name)
        if given is None:
            given = [DEFAULTS.get(column.name, np.nan)] * count
        if column.dtype == "category":
            values[column.name] = books[column.name].codes(_hashable(given), where)
        else:
            values[column.name] = converted(column.name, given, where)
    return build(values, count, {name: book.names for name, book in books.items()}, notes)


def _hashable(values: Sequence[Any]) -> Sequence[Any]:
    try:
        hash(tuple(values))
    except TypeError:
        return [v if isinstance(v, str) else repr(v)[:80] for v in values]
    return values


def categories_of(frame: pd.DataFrame) -> dict[str, list[str]]:
    """Return the names of the category columns that the schema does not fix."""
    return {
        name: [str(value) for value in as_category(frame[name]).cat.categories]
        for name in CATEGORIES
        if name not in FIXED and name in frame.columns
    }


def as_category(series: pd.Series[Any]) -> pd.Series[Any]:
    """Return the series as a category, if it is not one."""
    return series if isinstance(series.dtype, pd.CategoricalDtype) else series.astype("category")
