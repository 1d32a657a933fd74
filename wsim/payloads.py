"""Payloads: how many bytes they take on the wire, and copies that nobody else can change.

A payload is what Socket.IO carries: None for no argument, a tuple for several, or one value of
JSON types and bytes, nested at will.
"""

from __future__ import annotations

import json
from json import encoder
from typing import Any

from wsim.errors import PayloadError

_ATOMS = frozenset({float, int, str, bool, type(None), bytes})
_BOXES = (dict, list, tuple)
_PLACEHOLDER_BYTES = len('{"_placeholder":true,"num":0}')
_DEEPEST = 200


class _Attachments:
    """Takes the binary parts out of a payload while it is measured."""

    __slots__ = ("count", "size")

    def __init__(self) -> None:
        self.count = self.size = 0

    def take(self, value: object) -> object:
        if isinstance(value, bytes | bytearray | memoryview):
            number = self.count
            self.count += 1
            self.size += memoryview(value).nbytes
            return {"_placeholder": True, "num": number}
        raise TypeError(f"{type(value).__module__}.{type(value).__name__} is not JSON")


def _compact(default: Any) -> Any:
    """Return ``f(value) -> chunks`` of compact JSON; the C encoder where there is one."""
    make = getattr(encoder, "c_make_encoder", None)
    if make is None:
        plain = json.JSONEncoder(
            default=default, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        return lambda value: (plain.encode(value),)
    quote = getattr(encoder, "c_encode_basestring", encoder.py_encode_basestring)
    write = make(None, default, quote, None, ":", ",", False, False, False)
    return lambda value: write(value, 0)


def _refuse(value: object) -> object:
    raise TypeError


_plain_json = _compact(_refuse)


def json_size(value: Any) -> tuple[int, int, int]:
    """Return the bytes of `value` as compact JSON, the number of attachments and their bytes.

    Raises
    ------
    PayloadError
        If Socket.IO cannot carry it: NaN or infinity, a foreign type, a cycle or too deep.
    """
    attachments = None
    try:
        chunks = _plain_json(value)
    except TypeError:
        attachments = _Attachments()
        chunks = _measured(_compact(attachments.take), value)
    except (ValueError, RecursionError) as error:
        raise _unsendable(error) from error
    if isinstance(value, _BOXES) and _has_odd_key(value):
        raise _unsendable(TypeError("a dict whose keys are not all text"))
    size = 0
    for chunk in chunks:
        size += len(chunk) if chunk.isascii() else _utf8(chunk)
    if attachments is None:
        return size, 0, 0
    return size, attachments.count, attachments.size


def _has_odd_key(box: Any) -> bool:
    """Say whether a dict inside has keys that are no text: JSON would silently make them text."""
    if isinstance(box, dict):
        try:
            "".join(box)  # the quickest way to look at all keys
        except TypeError:
            return True
        box = box.values()
    for item in box:
        if type(item) not in _ATOMS and isinstance(item, _BOXES) and _has_odd_key(item):
            return True
    return False


def _measured(encode: Any, value: Any) -> Any:
    try:
        return encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise _unsendable(error) from error


def _utf8(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _unsendable(error: Exception) -> PayloadError:
    if isinstance(error, RecursionError):
        return PayloadError("the payload is nested too deeply, or contains itself")
    if isinstance(error, ValueError) and "digits" in str(error):
        return PayloadError("the payload holds an integer of thousands of digits")
    if isinstance(error, ValueError):
        return PayloadError("the payload holds NaN or an infinity, which JSON cannot carry")
    return PayloadError(
        f"the payload holds something Socket.IO cannot carry: {error};"
        " allowed: None, bool, int, float, str, bytes, list and dict with str keys"
    )


def arguments(data: Any) -> tuple[Any, ...]:
    """Return the Socket.IO arguments a payload stands for: None is none, a tuple several."""
    if data is None:
        return ()
    return data if type(data) is tuple else (data,)


def payload(args: tuple[Any, ...]) -> Any:
    """Return the payload that stands for Socket.IO arguments; the inverse of `arguments`."""
    if not args:
        return None
    return args[0] if len(args) == 1 and type(args[0]) is not tuple else args


def packet_size(
    event: str, args: tuple[Any, ...], *, namespace: str = "/", ack_id: int | None = None
) -> int:
    """Return the bytes of a Socket.IO packet that carries an event, with its attachments.

    The packet is ``<type>[<attachments>-][<namespace>,][<ack id>]<compact JSON>``; Engine.IO's
    own leading ``4`` is not counted.

    Examples
    --------
    >>> packet_size("drive", ({"linear": 0.5},))  # 2["drive",{"linear":0.5}]
    25
    """
    size, count, binary = json_size([event, *args])
    return size + binary + _prefix_size(count, namespace, ack_id)


def ack_size(args: tuple[Any, ...], ack_id: int, *, namespace: str = "/") -> int:
    """Return the bytes of a Socket.IO acknowledgement, ``3<id>[...]``, with attachments."""
    size, count, binary = json_size(list(args))
    return size + binary + _prefix_size(count, namespace, ack_id)


def _prefix_size(count: int, namespace: str, ack_id: int | None) -> int:
    size = 1
    if count:
        size += len(str(count)) + 1
    if namespace != "/":
        size += _utf8(namespace) + 1
    if ack_id is not None:
        size += len(str(ack_id))
    return size


def enriched(data: Any, message_id: str, timestamp: float) -> Any:
    """Return what a handler gets: a mapping as a copy with metadata; what it has is kept.

    Several arguments are a tuple, of which the first is enriched.
    """
    if type(data) is dict:
        return {"timestamp": timestamp, "message_id": message_id, **data}
    if type(data) is tuple and data:
        return (enriched(data[0], message_id, timestamp), *data[1:])
    return data


def snapshot(value: Any, depth: int = 0) -> Any:
    """Return a deep copy of a payload; what Socket.IO cannot carry becomes its (short) repr.

    Containers are copied, atoms are shared; ``bytearray`` and ``memoryview`` become bytes.
    """
    kind = type(value)
    if kind in _ATOMS:
        return value
    if depth >= _DEEPEST:
        return f"<nested deeper than {_DEEPEST}>"
    if kind is dict:
        return {
            key: item if type(item) in _ATOMS else snapshot(item, depth + 1)
            for key, item in value.items()
        }
    if kind is list:
        return [item if type(item) in _ATOMS else snapshot(item, depth + 1) for item in value]
    if kind is tuple:
        return tuple(snapshot(item, depth + 1) for item in value)
    return _foreign(value, depth)


def _foreign(value: Any, depth: int) -> Any:
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, dict):
        return snapshot(dict(value), depth)
    if isinstance(value, list):
        return snapshot(list(value), depth)
    for kind in (int, float, str, bytes):
        if isinstance(value, kind):
            convert: Any = kind
            return convert(value)
    text = repr(value)
    return text if len(text) <= 200 else text[:199] + "…"
