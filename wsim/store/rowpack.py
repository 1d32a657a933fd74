"""One row of a history as 123 bytes: the layout, and reading many rows back as arrays.

A row is packed by one call of :mod:`struct` into a block of plain memory, which the garbage
collector never looks into, and a whole block is read back at once by NumPy. Names become
small codes; what cannot be packed (the payload and its identifier) is kept beside the block.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from wsim.errors import UsageError, unknown
from wsim.names import readable
from wsim.schema import CAUSES, DIRECTIONS, FATES, PARTS

ROW = struct.Struct("<qqqqf8qiIIHIHBBB")
"""Times, round trip, lateness, parts, ack, size, session, codes, copy and flags."""

LAYOUT = np.dtype(
    [
        ("created", "<i8"),
        ("sent", "<i8"),
        ("delivered", "<i8"),
        ("round_trip", "<i8"),
        ("lateness", "<f4"),
        ("parts", "<i8", (len(PARTS),)),
        ("ack", "<i4"),
        ("size", "<u4"),
        ("session", "<u4"),
        ("event", "<u2"),
        ("client", "<u4"),
        ("profile", "<u2"),
        ("namespace", "<u1"),
        ("copy", "<u1"),
        ("flags", "<u1"),
    ]
)
ROUND_TRIP_OFFSET = 24
MISSING = -(2**63)
NO_PARTS = (MISSING,) * len(PARTS)
OTHER = "(other)"
LIMITS = {"event_name": 65_000, "client_id": 2**31, "profile": 65_000, "namespace": 250}
"""Names beyond these counts, which only a flood can make, are recorded as ``(other)``."""


class CodeBook(dict[Any, int]):
    """Names and their codes, in order of first appearance.

    Parameters
    ----------
    names
        Names known from the start.
    limit
        Beyond so many names, further ones share the code of ``(other)``.
    """

    def __init__(self, names: tuple[str, ...] = (), limit: int = 2**31) -> None:
        super().__init__({name: code for code, name in enumerate(names)})
        self.names = list(names)
        self._limit = limit

    def __missing__(self, name: Any) -> int:
        text = readable(str(name))
        if len(self.names) >= self._limit and text not in self.names[-1:]:
            text = OTHER
        if dict.__contains__(self, text):
            code = self[text]
        else:
            code = len(self.names)
            self.names.append(text)
            dict.__setitem__(self, text, code)
        if text != OTHER and text is not name:
            dict.__setitem__(self, name, code)
        return code


class FlagBook(dict[tuple[str, str, str], int]):
    """Direction, fate and cause in one byte: one bit, three bits and four."""

    def __missing__(self, key: tuple[str, str, str]) -> int:
        direction, fate, cause = key
        for what, value, known in (
            ("direction", direction, DIRECTIONS),
            ("fate", fate, FATES),
            ("cause", cause, CAUSES),
        ):
            if value not in known:
                raise unknown(what, value, known)
        flags = DIRECTIONS.index(direction) | FATES.index(fate) << 1 | CAUSES.index(cause) << 4
        self[key] = flags
        return flags


class Block:
    """Rows packed together, with their identifiers and payloads beside them.

    Parameters
    ----------
    first
        Row number of the first row.
    rows
        How many rows it has room for.
    """

    __slots__ = ("buffer", "first", "ids", "payloads", "rows")

    def __init__(self, first: int, rows: int) -> None:
        self.first = first
        self.rows = rows
        self.buffer = bytearray(rows * ROW.size)
        self.ids: Any = []
        self.payloads: Any = []

    @property
    def end(self) -> int:
        """Row number after the last one."""
        return self.first + self.rows

    def seal(self) -> None:
        """Put a full block's objects where the garbage collector does not go through them."""
        self.ids = objects(self.ids)
        self.payloads = objects(self.payloads)

    def release(self) -> None:
        """Let go of rows that are kept elsewhere now."""
        self.buffer, self.ids, self.payloads = bytearray(), (), ()

    def read(self, start: int, stop: int) -> tuple[dict[str, Any], int]:
        """Return rows by number as columns of the schema, and their latest time in ns."""
        low, high = start - self.first, stop - self.first
        fields = unpack(self.buffer, low, high - low)
        columns = to_columns(fields)
        columns["message_id"] = objects(self.ids[low:high])
        columns["data"] = objects(self.payloads[low:high])
        latest = max(int(fields["created_ns"].max()), int(fields["delivered_ns"].max()))
        return columns, latest


def objects(values: Any) -> Any:
    """Return `values` as an object array of one dimension, whatever they are."""
    return np.fromiter(values, dtype=object, count=len(values))


def codes_of(what: str, value: Any, book: Mapping[str, int]) -> Any:
    """Return the codes of one name, of many, or of a pair ``(codes, names)``."""
    try:
        if isinstance(value, str):
            return book[value]
        if isinstance(value, tuple) and len(value) == 2 and not isinstance(value[1], str):
            return np.array([book[name] for name in value[1]], np.int64)[value[0]]
        return np.array([book[name] for name in value], np.int64)
    except KeyError as error:
        raise unknown(what, error.args[0], book) from None


_LIMITS = {6: (0, 2**32 - 1), 9: (0, 255), 10: (0, 2**32 - 1), 13: (-1, 2**31 - 1)}
"""Least and greatest session, copy, size and acknowledgement id, by place in a row."""


def clipped(error: Exception, *row: Any) -> list[Any]:
    """Return a row that `error` kept from being packed, its small numbers at their limits.

    Raises
    ------
    UsageError
        If it is not a small number that does not fit.
    """
    values = list(row)
    try:
        for place, (low, high) in _LIMITS.items():
            values[place] = min(max(int(values[place]), low), high)
    except (TypeError, ValueError, OverflowError):
        values = list(row)
    if values != list(row):
        return values
    if isinstance(error, LookupError):
        raise error
    raise UsageError(
        f"a row of the history cannot hold {row[:16]}: {error}."
        " Times are whole nanoseconds, parts are eight of them or None"
    ) from error


def unpack(buffer: bytearray, start: int, count: int) -> dict[str, Any]:
    """Return `count` rows of a block, from row `start`, as integer arrays by field.

    The keys are those of :meth:`wsim.history.History.append_many`; category columns hold
    codes.
    """
    rows = np.frombuffer(buffer, LAYOUT, count, start * ROW.size)
    flags = rows["flags"]
    return {
        "created_ns": rows["created"],
        "sent_ns": rows["sent"],
        "delivered_ns": rows["delivered"],
        "direction": flags & 1,
        "event_name": rows["event"],
        "client_id": rows["client"],
        "session": rows["session"],
        "profile": rows["profile"],
        "fate": flags >> 1 & 7,
        "cause": flags >> 4,
        "copy": rows["copy"],
        "size_bytes": rows["size"],
        "namespace": rows["namespace"],
        "ack_id": rows["ack"],
        "round_trip_ns": rows["round_trip"],
        "lateness_ns": rows["lateness"].astype(np.float64),
        "parts": rows["parts"],
    }


def to_columns(fields: dict[str, Any]) -> dict[str, Any]:
    """Turn integer nanoseconds into the schema's units; -1 and missing parts become NaN."""
    created, delivered = fields["created_ns"], fields["delivered_ns"]
    arrived = delivered >= 0
    columns = {name: fields[name] for name in fields if not name.endswith("_ns")}
    parts = columns.pop("parts")
    columns["created_s"] = created / 1e9
    columns["sent_s"] = fields["sent_ns"] / 1e9
    columns["delivered_s"] = _known(delivered, arrived, 1e9)
    columns["latency_ms"] = _known(delivered - created, arrived, 1e6)
    for name in ("round_trip", "lateness"):
        values = fields[f"{name}_ns"]
        columns[f"{name}_ms"] = _known(values, values >= 0, 1e6)
    if parts is None:
        columns |= dict.fromkeys(PARTS, np.nan)
    else:
        by_part = np.ascontiguousarray(parts.T)
        columns |= zip(PARTS, _known(by_part, by_part != MISSING, 1e6), strict=True)
    columns["dropped"] = columns["fate"] == FATES.index("dropped")
    return columns


def _known(values: Any, known: Any, unit: float) -> Any:
    return np.where(known, values / unit, np.nan)[()]
