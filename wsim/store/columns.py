"""Typed columns that grow, and frames that are slices of them.

Each column is one array with room to spare. A frame is a slice of a master frame laid over
the arrays, so making one copies nothing; rows are only ever added after the slice, or moved
into new arrays, so a frame never changes. A column that has held one value so far takes no
memory at all: it is that value, repeated by a stride of zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wsim.schema import COLUMNS, PARTS

Array = NDArray[Any]
_SLICES_ARE_MARKED = pd.__version__.startswith("2.")  # they would warn when a column is added
_CONSTANTS: dict[str, Any] = {"session": 1, "ack_id": -1, "message_id": "", "data": None}
_CONSTANTS |= dict.fromkeys(PARTS, 0.0)
_DTYPES: dict[str, Any] = {
    "int64": np.int64,
    "float64": np.float64,
    "bool": np.bool_,
    "category": np.int8,
    "str": object,
    "object": object,
}


def _start_value(name: str, dtype: str) -> Any:
    default = np.nan if dtype == "float64" else 0
    return _CONSTANTS.get(name, default)


class TypedColumn:
    """One column: a constant until a row differs, then an array.

    Parameters
    ----------
    name, dtype
        As in the schema; categories hold codes in the smallest integer type.
    """

    __slots__ = ("array", "constant", "dtype", "kind", "name")

    def __init__(self, name: str, dtype: str) -> None:
        self.name = name
        self.kind = dtype
        self.dtype = np.dtype(_DTYPES[dtype])
        self.constant = _start_value(name, dtype)
        self.array: Array | None = None

    def write(self, start: int, stop: int, values: Any, capacity: int) -> bool:
        """Store `values` (an array or one value) as rows `start` to `stop`.

        Returns True if the column became an array by it.
        """
        made = False
        if self.array is None:
            if self._same(values, start):
                return False
            self.array = np.empty(capacity, self.dtype)
            self.array[:start] = self.constant
            made = True
        self.array[start:stop] = values
        return made

    def _same(self, values: Any, start: int) -> bool:
        """Say whether the column is still one value with these rows."""
        if isinstance(values, np.ndarray) and not len(values):
            return True
        one = values[0] if isinstance(values, np.ndarray) else values
        if start == 0 and (self.dtype != object or isinstance(one, str)):
            self.constant = one
        if not self._is_constant(one):
            return False
        return not isinstance(values, np.ndarray) or self._all_constant(values)

    def _is_constant(self, value: Any) -> bool:
        if self.dtype == object:
            return value is self.constant or (self.name == "message_id" and value == self.constant)
        return bool(value == self.constant) or (value != value and self.constant != self.constant)

    def _all_constant(self, values: Array) -> bool:
        if self.dtype == object:
            return all(self._is_constant(value) for value in values)
        if self.constant != self.constant:
            return bool(np.isnan(values).all())
        return bool((values == self.constant).all())

    def move(self, start: int, stop: int, capacity: int) -> None:
        """Take rows `start` to `stop` into a new array with room for `capacity`."""
        if self.array is not None:
            old = self.array
            self.array = np.empty(capacity, self.dtype)
            self.array[: stop - start] = old[start:stop]

    def widen(self, names: int) -> bool:
        """Use a wider integer if so many `names` need one; True if the array was replaced."""
        fitting = np.dtype(np.int8 if names < 128 else np.int16 if names < 32_768 else np.int32)
        if self.kind != "category" or fitting.itemsize <= self.dtype.itemsize:
            return False
        self.dtype = fitting
        if self.array is not None:
            self.array = self.array.astype(fitting)
        return True

    def read(self, capacity: int) -> Array:
        """Return the column, read-only, repeated from its constant if it has no array."""
        if self.array is None:
            return np.broadcast_to(np.array(self.constant, self.dtype), (capacity,))
        view = self.array[:]
        view.flags.writeable = False
        return view


class Columns:
    """All columns of a history, as one block of rows in order of recording.

    Parameters
    ----------
    books
        For each category column, the list of its names by code; lists grow in place.
    """

    def __init__(self, books: Mapping[str, list[str]]) -> None:
        self.first = 0
        """Row number (``seq``) of the oldest row held."""
        self._books = books
        self._offset = 0
        self._stop = 0
        self._capacity = 0
        self._columns = {c.name: TypedColumn(c.name, c.dtype) for c in COLUMNS}
        self._master: pd.DataFrame | None = None
        self._known: tuple[int, ...] = ()

    def __len__(self) -> int:
        return self._stop - self._offset

    @property
    def until(self) -> int:
        """Row number after the last row held."""
        return self.first + len(self)

    def drop_before(self, row: int) -> None:
        """Forget rows before number `row`; their memory goes with the next move."""
        gone = min(max(row - self.first, 0), len(self))
        self.first += gone
        self._offset += gone
        if row > self.first:
            self.first = row

    def extend(self, values: Mapping[str, Any], count: int) -> None:
        """Add `count` rows; columns not in `values` keep their default."""
        self.make_room(count)
        start, stop = self._stop, self._stop + count
        changed = self._widen()
        seq = np.arange(self.until, self.until + count)
        given: Any
        for name, column in self._columns.items():
            if name in values:
                given = values[name]
            else:
                given = seq if name == "seq" else _start_value(name, column.kind)
            changed |= column.write(start, stop, given, self._capacity)
        self._stop = stop
        if changed:
            self._master = None

    def _widen(self) -> bool:
        changed = False
        for name, names in self._books.items():
            changed |= self._columns[name].widen(len(names))
        return changed

    def make_room(self, count: int) -> None:
        """Make sure that `count` more rows fit without moving what is there."""
        if self._stop + count <= self._capacity:
            return
        held = len(self)
        capacity = held + count + max(held // 2, 1024)
        for column in self._columns.values():
            column.move(self._offset, self._stop, capacity)
        self._offset, self._stop, self._capacity = 0, held, capacity
        self._master = None

    def patch(self, name: str, changes: Sequence[tuple[int, float]]) -> None:
        """Change single values of a column, by row number, in a new array."""
        column = self._columns[name]
        places = [
            (row - self.first + self._offset, value) for row, value in changes if row >= self.first
        ]
        if not places:
            return
        fresh = np.array(column.read(self._capacity))
        for place, value in places:
            fresh[place] = value
        column.array = fresh
        self._master = None

    def frame(self) -> pd.DataFrame:
        """Return the rows held as a frame; it shares memory that is never written again."""
        known = tuple(len(names) for names in self._books.values())
        if self._master is None or known != self._known:
            self._widen()
            self._master = self._make_master()
            self._known = known
        frame = self._master.iloc[self._offset : self._stop]
        if _SLICES_ARE_MARKED:
            frame = frame.copy(deep=False)
        frame.index = pd.RangeIndex(len(frame))
        return frame

    def _make_master(self) -> pd.DataFrame:
        series = {}
        index = pd.RangeIndex(self._capacity)  # one for all: pandas need not compare them
        for name, column in self._columns.items():
            values: Any = column.read(self._capacity)
            if column.kind == "category":
                names = pd.Index(list(self._books[name]), dtype=str)
                dtype = pd.CategoricalDtype(names)  # what lies behind the last row is no code
                values = pd.Categorical.from_codes(values, dtype=dtype, validate=False)
            series[name] = pd.Series(values, index, dtype=values.dtype, copy=False)
        return pd.DataFrame(series, index, copy=False)


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a frame's rows as dicts of plain Python values, None where a number is missing."""
    columns = []
    for name in frame.columns:
        values = frame[name].tolist()
        if frame[name].dtype == np.float64:
            values = [None if value != value else value for value in values]
        columns.append(values)
    names = list(frame.columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
