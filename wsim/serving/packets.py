"""Engine.IO 4 and Socket.IO 5 packets, told apart without any I/O.

An Engine.IO packet travels as one WebSocket frame, or as one piece of a long-polling body. Its
first character is its type. A message packet (``4``) carries a Socket.IO packet:
type digit, number of attachments and ``-``, namespace and ``,``, acknowledgement id, JSON. The
attachments of a binary packet follow as binary packets; together they are one :class:`Unit`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple, cast

from wsim.errors import PayloadError

Frame = str | bytes
"""One Engine.IO packet as a WebSocket carries it: text with its type, or bare bytes."""

SEPARATOR = "\x1e"
MAX_PAYLOAD = 1_000_000
MAX_ATTACHMENTS = 10

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "0123456"
CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = "0123456"
_MESSAGE_TYPES = EVENT + ACK + BINARY_EVENT + BINARY_ACK
RESERVED = frozenset(
    ("connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener")
)
"""Events that Socket.IO tells itself: nobody may send them."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_HEADER = re.compile(r"([0-6])(?:(\d{1,9})-)?(?:(/[^,]*),)?(\d{1,18})?", re.DOTALL)


class PacketError(PayloadError):
    """Bytes that are no packet, or more than is allowed; the connection is to be closed."""


class Unit(NamedTuple):
    """What crosses a network as a whole: a packet with its attachments.

    Attributes
    ----------
    frames
        The Engine.IO packets, unmodified.
    kind
        ``event``, ``ack``, ``control`` (never lost at random), or ``raw`` for a message that
        is not Socket.IO.
    name
        Engine.IO or Socket.IO name of a control packet; the event is in :attr:`event`.
    namespace, ack_id
        ``"/"`` and -1 where the packet has none.
    size
        Bytes of the Socket.IO packet with its attachments.
    """

    frames: tuple[Frame, ...]
    kind: str
    name: str
    namespace: str = "/"
    ack_id: int = -1
    size: int = 0
    body: str = ""

    @property
    def event(self) -> str:
        """Name of the event, or ``""`` if this is none (or if its JSON is not a list)."""
        if self.kind != "event":
            return ""
        first = _first_item(self.body)
        return first if isinstance(first, str) else ""

    @property
    def args(self) -> list[Any]:
        """Arguments of an event or acknowledgement, attachments in their places."""
        values = self.json()
        return values[1:] if self.kind == "event" else values

    def json(self) -> list[Any]:
        """Decode the packet's JSON; raises :class:`PacketError` if it is not a list."""
        body = self.body
        try:
            values, end = scan(body, 0)
        except (StopIteration, ValueError, RecursionError) as error:
            raise PacketError(f"a Socket.IO packet whose JSON cannot be read: {error}") from None
        if type(values) is not list or (end != len(body) and body[end:].strip()):
            raise PacketError("a Socket.IO packet whose JSON is not a list")
        if len(self.frames) == 1:
            return values
        filled: list[Any] = _filled(values, [f for f in self.frames[1:] if isinstance(f, bytes)])
        return filled


new_unit = cast("Callable[[tuple[Any, ...]], Unit]", partial(tuple.__new__, Unit))
"""Makes a unit of a tuple of its fields, unchecked: half the cost of calling the class."""
_DECODER = json.JSONDecoder()
scan = vars(_DECODER)["scan_once"]
"""Returns the value in a text from a place, and where it ends; in C, what raw_decode() calls."""
_SIMPLE_NAME = re.compile(r'\["([^"\\]*)"')


def _first_item(body: str) -> Any:
    """Return the first item of a JSON list without decoding the rest."""
    found = _SIMPLE_NAME.match(body)
    if found:
        return found[1]
    try:
        return _DECODER.raw_decode(body, 1)[0] if body.startswith("[") else None
    except (ValueError, RecursionError):
        return None


def _filled(value: Any, attachments: list[bytes]) -> Any:
    """Put attachments in the place of their placeholders."""
    if isinstance(value, list):
        return [_filled(item, attachments) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("_placeholder") is True:
        number = value.get("num")
        if isinstance(number, int) and 0 <= number < len(attachments):
            return attachments[number]
        raise PacketError(f"a placeholder for attachment {number!r} of {len(attachments)}")
    return {key: _filled(item, attachments) for key, item in value.items()}


_ENGINE_NAMES = dict(
    zip("0123456", ["open", "close", "ping", "pong", "message", "upgrade", "noop"], strict=True)
)
_SOCKET_NAMES = dict(
    zip(
        "0123456",
        ["CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK"],
        strict=True,
    )
)


class Assembler:
    """Turns the packets of one direction into units, holding a binary packet until it is whole.

    Parameters
    ----------
    max_payload, max_attachments
        Bounds on the bytes of a unit and on the number of its attachments.
    """

    def __init__(
        self, *, max_payload: int = MAX_PAYLOAD, max_attachments: int = MAX_ATTACHMENTS
    ) -> None:
        self._max_payload, self._max_attachments = max_payload, max_attachments
        self._held: list[Frame] = []
        self._held_size = self._missing = 0

    @property
    def pending(self) -> int:
        """How many attachments are still to come."""
        return self._missing

    def feed(self, frame: Frame) -> list[Unit]:
        """Take one packet; return the units that are whole with it, in order.

        Raises
        ------
        PacketError
            For a packet beyond the bounds, or one that is none.
        """
        if isinstance(frame, bytes):
            return self._binary(frame)
        if plain := self.plain(frame):
            return [plain]
        if not frame:
            raise PacketError("an empty Engine.IO packet")
        if frame[0] != MESSAGE:
            return [_control(frame)]
        self._check(len(frame))
        if self._missing:  # plain text in the midst of attachments: hand both on as they are
            return [*self.flush(), *self._text(frame)]
        return self._text(frame)

    def plain(self, frame: Frame) -> Unit | None:
        """Do as :meth:`feed` for what nearly all packets are; None, and nothing is taken, else."""
        if self._missing or len(frame) > self._max_payload or isinstance(frame, bytes):
            return None
        return _plain(frame)

    def flush(self) -> list[Unit]:
        """Give up an incomplete binary packet: what has come of it passes as it is."""
        held, self._held, self._missing = self._held, [], 0
        return [Unit(tuple(held), "control", "incomplete", size=self._held_size)] if held else []

    def _text(self, frame: str) -> list[Unit]:
        unit = message(frame)
        if unit.name not in ("BINARY_EVENT", "BINARY_ACK"):
            return [unit]
        count = attachments_of(frame)
        if count > self._max_attachments:
            raise PacketError(
                f"{count} attachments in one packet, allowed are {self._max_attachments}"
            )
        if not count:
            return [unit]
        self._held, self._missing, self._held_size = [frame], count, len(frame) - 1
        return []

    def _binary(self, frame: bytes) -> list[Unit]:
        self._check(len(frame) + (self._held_size if self._missing else 0))
        if not self._missing:
            return [Unit((frame,), "raw", "binary", size=len(frame))]
        self._held.append(frame)
        self._held_size += len(frame)
        self._missing -= 1
        if self._missing:
            return []
        held, self._held = self._held, []
        return [message(*held)]

    def _check(self, size: int) -> None:
        if size > self._max_payload:
            raise PacketError(f"a message of {size} bytes, allowed are {self._max_payload}")


def _plain(frame: str) -> Unit | None:
    """Do as :func:`message` for what nearly all messages are, and quickly; else None."""
    start = frame.find("[", 2, 21)
    if start < 0 or not frame.isascii():
        return None
    number = -1
    if start > 2:
        ack_id = frame[2:start]
        if not ack_id.isdigit():
            return None
        number = int(ack_id)
    if frame.startswith("42"):
        return new_unit(((frame,), "event", "EVENT", "/", number, len(frame) - 1, frame[start:]))
    if frame.startswith("43"):
        return new_unit(((frame,), "ack", "ACK", "/", number, len(frame) - 1, frame[start:]))
    return None


def _control(frame: str) -> Unit:
    name = _ENGINE_NAMES.get(frame[0])
    if name is None:
        raise PacketError(f"{frame[:20]!r} is no Engine.IO 4 packet: its type is not 0 to 6")
    return Unit((frame,), "control", name, size=len(frame))


def message(frame: Frame, *attachments: Frame) -> Unit:
    """Classify a message packet and its attachments."""
    assert isinstance(frame, str)
    found = _HEADER.match(frame, 1)
    size = _size(frame) - 1 + sum(map(len, attachments))
    frames = (frame, *attachments)
    if found is None:
        return Unit(frames, "raw", "text", size=size)
    kind, _, namespace, ack_id = found.groups()
    if kind not in _MESSAGE_TYPES:
        return Unit(frames, "control", _SOCKET_NAMES[kind], namespace or "/", size=size)
    return Unit(
        frames,
        "ack" if kind in (ACK, BINARY_ACK) else "event",
        _SOCKET_NAMES[kind],
        namespace or "/",
        int(ack_id) if ack_id else -1,
        size,
        frame[found.end() :],
    )


def _size(frame: str) -> int:
    return len(frame) if frame.isascii() else len(frame.encode(errors="surrogatepass"))


def attachments_of(frame: str) -> int:
    """Return how many attachments a message packet announces."""
    found = _HEADER.match(frame, 1)
    return int(found[2]) if found and found[2] else 0


def split_body(body: bytes | str) -> list[Frame]:
    """Split a long-polling body into the packets a WebSocket would carry.

    Raises
    ------
    PacketError
        If it is not UTF-8, or a binary packet is not base64.
    """
    try:
        text = body.decode() if isinstance(body, bytes) else body
        return [
            base64.b64decode(piece[1:], validate=True) if piece[:1] == "b" else piece
            for piece in text.split(SEPARATOR)
        ]
    except (UnicodeDecodeError, binascii.Error) as error:
        raise PacketError(f"a polling body that cannot be read: {error}") from None


def join_body(frames: Iterable[Frame]) -> bytes:
    """Join packets into a long-polling body."""
    return SEPARATOR.join(
        frame if isinstance(frame, str) else "b" + base64.b64encode(frame).decode()
        for frame in frames
    ).encode()


def encode_event(
    event: str, args: Iterable[Any], *, namespace: str = "/", ack_id: int = -1
) -> tuple[Frame, ...]:
    """Encode an event as Engine.IO packets; bytes inside the arguments become attachments."""
    attachments: list[bytes] = []
    values = _emptied([event, *args], attachments)
    kind = f"{BINARY_EVENT}{len(attachments)}-" if attachments else EVENT
    where = "" if namespace == "/" else namespace + ","
    number = "" if ack_id < 0 else str(ack_id)
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    if not text.isascii() and _SURROGATE.search(text):  # UTF-8 has no word for it
        text = json.dumps(values, separators=(",", ":"))
    return (f"{MESSAGE}{kind}{where}{number}{text}", *attachments)


def _emptied(value: Any, attachments: list[bytes]) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        attachments.append(bytes(value))
        return {"_placeholder": True, "num": len(attachments) - 1}
    if isinstance(value, list | tuple):
        return [_emptied(item, attachments) for item in value]
    if isinstance(value, dict):
        return {key: _emptied(item, attachments) for key, item in value.items()}
    return value
