"""Payloads as JSON and back: whatever Socket.IO carries, and what it should not have carried.

What JSON has no word for is an object with one marked key: ``{"__bytes__": "<base64>"}``,
``__tuple__`` (several arguments), ``__number__`` (NaN, infinities, very long integers),
``__pairs__`` (a mapping whose keys are not strings), ``__dict__`` (a mapping that looks like a
mark) and ``__text__`` (a description of something that cannot be kept).
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import secrets
import warnings
from typing import Any

import numpy as np

MAX_DEPTH = 200
_MARKS = {"__bytes__", "__tuple__", "__number__", "__pairs__", "__dict__", "__text__"}
_MANY_BITS = 10_000  # longer integers are not converted to decimal digits by Python
_STRINGS = frozenset({str})
_ATOMS = frozenset({str, float, int, bool, type(None)})
_dumps_strictly = json.JSONEncoder(
    separators=(",", ":"), check_circular=False, allow_nan=False
).encode
_dumps = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class PayloadWriter:
    """Turns payloads into JSON text; counts those that could not be kept whole."""

    def __init__(self) -> None:
        self.lossy = 0
        self._cut = False
        self._path: set[int] = set()

    def text(self, value: Any) -> str:
        """Return the payload as compact JSON in ASCII."""
        return _dumps(self.plain(value))

    def texts(self, values: list[Any]) -> list[str]:
        """Return the texts of many payloads; one that occurs often is encoded once."""
        unique = {id(value): value for value in values}
        if len(unique) > len(values) // 2:
            return self._encoded(values)
        texts = dict(zip(unique, self._encoded(list(unique.values())), strict=True))
        return [texts[id(value)] for value in values]

    def _encoded(self, values: list[Any]) -> list[str]:
        if not values:
            return []
        mark = f"next-{secrets.token_hex(16)}"
        lossy = self.lossy
        try:
            items: list[Any] = []
            for value in values:
                items += (value if _simple(value) else self.plain(value), mark)
            return _dumps_strictly(items)[1:-1].removesuffix(f',"{mark}"').split(f',"{mark}",')
        except (ValueError, RecursionError):  # a number that JSON has no word for, or depth
            self.lossy = lossy
            return [self.text(value) for value in values]

    def plain(self, value: Any) -> Any:
        """Return the payload as JSON types, marked where needed."""
        self._cut = False
        result = self._plain(value)
        self.lossy += self._cut
        return result

    def _plain(self, value: Any) -> Any:
        kind = type(value)
        if kind is str or kind is bool or value is None:
            return value
        if kind is float:
            return value if math.isfinite(value) else {"__number__": str(value)}
        if kind is int:
            return value if value.bit_length() < _MANY_BITS else {"__number__": hex(value)}
        if isinstance(value, dict | list | tuple):
            return self._container(value)
        return self._other(value)

    def _container(self, value: Any) -> Any:
        if len(self._path) >= MAX_DEPTH or id(value) in self._path:
            return self._text(f"nested deeper than {MAX_DEPTH} levels, or in itself")
        self._path.add(id(value))
        try:
            if isinstance(value, dict):
                return self._mapping(value)
            items = [self._plain(item) for item in value]
            return {"__tuple__": items} if isinstance(value, tuple) else items
        finally:
            self._path.discard(id(value))

    def _mapping(self, value: dict[Any, Any]) -> Any:
        if any(type(key) is not str for key in value):
            pairs = [[self._plain(key), self._plain(item)] for key, item in value.items()]
            return {"__pairs__": pairs}
        items = {key: self._plain(item) for key, item in value.items()}
        if len(items) == 1 and not _MARKS.isdisjoint(items):
            return {"__dict__": items}
        return items

    def _other(self, value: Any) -> Any:
        if isinstance(value, bytes | bytearray | memoryview):
            return {"__bytes__": base64.b64encode(value).decode("ascii")}
        if isinstance(value, np.generic):
            return self._plain(value.item())
        for plain in (bool, int, float, str):
            if isinstance(value, plain):
                return self._plain(plain(value))
        return self._text(_described(value))

    def _text(self, text: str) -> dict[str, str]:
        self._cut = True
        return {"__text__": text}

    def warn(self, name: object) -> None:
        """Warn if some payloads were written as descriptions only."""
        if self.lossy:
            warnings.warn(
                f"{name}: {self.lossy} payloads hold what JSON cannot (objects, or nesting"
                f" beyond {MAX_DEPTH} levels); those parts were written as text",
                stacklevel=3,
            )


def _simple(value: Any) -> bool:
    """Say whether JSON gives the value back as it is (if its numbers are finite)."""
    kind = type(value)
    if kind is dict:
        if not _STRINGS.issuperset(map(type, value)):
            return False
        if len(value) == 1 and not _MARKS.isdisjoint(value):
            return False
        if _ATOMS.issuperset(map(type, value.values())):
            return True
        return all(map(_simple, value.values()))
    if kind is list:
        return _ATOMS.issuperset(map(type, value)) or all(map(_simple, value))
    return kind in _ATOMS


def _described(value: Any) -> str:
    try:
        return repr(value)[:1000]
    except Exception as error:
        return f"{type(value).__name__} without a repr ({type(error).__name__})"


def restored(value: Any) -> Any:
    """Return the payload that :class:`PayloadWriter` wrote, from parsed JSON."""
    if isinstance(value, list):
        return [restored(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (mark, content) = next(iter(value.items()))
        if mark in _MARKS:
            try:
                return _RESTORE[mark](content)
            except (TypeError, ValueError, binascii.Error):
                return value  # somebody else's payload that only looks like a mark
    return {key: restored(item) for key, item in value.items()}


def _number(text: str) -> float | int:
    return int(text, 16) if "0x" in text else float(text)


_RESTORE: dict[str, Any] = {
    "__bytes__": lambda text: base64.b64decode(text, validate=True),
    "__tuple__": lambda items: tuple(restored(item) for item in items),
    "__number__": _number,
    "__pairs__": lambda pairs: {restored(key): restored(item) for key, item in pairs},
    "__dict__": lambda items: {key: restored(item) for key, item in items.items()},
    "__text__": lambda text: text,
}
