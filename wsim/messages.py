"""The events of teleoperation: their JSON Schemas, and what is allowed as a payload.

Commands run from operator to rover, telemetry back. A field that is missing or None is fine;
what is there has to be of its type. Real rovers differ in their names, so both ``{linear,
angular}`` and ``{xVel, yVel, rotVel, moduleConflicts}`` are drive commands.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from wsim.errors import PayloadError
from wsim.names import is_name
from wsim.payloads import arguments, packet_size
from wsim.validation import Check, compiled, complaint
from wsim.validation import Schema as Schema

_SEEN = 4096

_GREATEST = sys.float_info.max  # Python's integers go further, and nobody could compute with them
_NUMBER = {"type": ["number", "null"], "minimum": -_GREATEST, "maximum": _GREATEST}
_TEXT = {"type": ["string", "null"]}
_FLAG = {"type": ["boolean", "null"]}
_OBJECT = {"type": ["object", "null"]}


def _object(description: str, properties: Mapping[str, Any], *kinds: str) -> Schema:
    return {
        "description": description,
        "type": ["object", "null", *kinds],
        "properties": dict(properties),
    }


_STOP = {"reason": _TEXT, "active": _FLAG}
_HOMING = {"module": {"type": ["string", "integer", "array", "null"]}}

STANDARD_EVENTS: dict[str, Schema] = {
    "driveCommands": _object(
        "velocity commands of the operator: m/s and rad/s, or xVel, yVel in m/s, rotVel in deg/s",
        {
            "linear": _NUMBER,
            "angular": _NUMBER,
            "xVel": _NUMBER,
            "yVel": _NUMBER,
            "rotVel": _NUMBER,
            "moduleConflicts": {"type": ["number", "boolean", "string", "array", "object", "null"]},
        },
    ),
    "emergencyStop": _object("stop at once and stay stopped", _STOP),
    "E_STOP": _object("emergency stop, as real rovers name it", _STOP),
    "homingRequest": _object("drive the modules to their home position", _HOMING),
    "driveHoming": _object("homing, as real rovers name it", _HOMING),
    "pingCheck": {"description": "asks for an acknowledgement to time the round trip"},
    "systemStatus": _object(
        "state of the rover",
        {
            "battery": _NUMBER,
            "mode": _TEXT,
            "position": _OBJECT,
            "heading": _NUMBER,
            "speed": _NUMBER,
            "errors": {"type": ["array", "number", "null"]},
        },
    ),
    "cameraFeed": _object(
        "a picture: bytes, text, or an object that holds them",
        {"width": _NUMBER, "height": _NUMBER, "fps": _NUMBER, "frame_id": _NUMBER},
        "string",
        "array",
    ),
    "sensorData": _object("readings of the sensors", {"sensor": _TEXT, "unit": _TEXT}, "array"),
}
"""Standard events and their JSON Schemas (draft 7)."""

COMMANDS = ("driveCommands", "emergencyStop", "E_STOP", "homingRequest", "driveHoming")
"""Standard events that make a rover do something."""


class Verdict(NamedTuple):
    """What the inspector says of a message.

    Attributes
    ----------
    ok
        Whether it may be delivered.
    args
        The Socket.IO arguments, the first enriched with metadata if it is a mapping.
    message_id
        The identifier it carries.
    size_bytes
        Bytes of the Socket.IO packet as sent; 0 if it cannot be sent.
    reason
        Why it is refused, or ``""``.
    """

    ok: bool
    args: tuple[Any, ...]
    message_id: str
    size_bytes: int
    reason: str


class Registry:
    """The JSON Schemas by event: the standard ones and the user's own.

    Examples
    --------
    >>> registry = Registry()
    >>> registry.problem("driveCommands", {"linear": "fast"})
    "driveCommands: data.linear must be number or null, not 'fast'"
    """

    def __init__(self) -> None:
        self._schemas: dict[str, Schema] = dict(STANDARD_EVENTS)
        self._checks: dict[str, Check] = {}
        self.quick: dict[str, Callable[[Any], int]] = {
            "driveCommands": _flat_numbers("driveCommands", STANDARD_EVENTS)
        }

    def __contains__(self, event: object) -> bool:
        return event in self._schemas

    @property
    def schemas(self) -> dict[str, Schema]:
        """A copy of the schemas by event."""
        return dict(self._schemas)

    def register(self, event: str, schema: Schema) -> None:
        """Set the JSON Schema of an event's payload; it replaces the one there was.

        Raises
        ------
        PayloadError
            If the event name is no string or the schema is not valid.
        """
        check_event_name(event)
        self._checks[event] = compiled(event, schema)
        self._schemas[event] = schema
        self.quick.pop(event, None)

    def measure(self, event: str, data: Any) -> tuple[int, str, bool]:
        """Return the packet's bytes, what is wrong with the payload (``""``: nothing), and
        whether it is a plain dict of numbers, which a shallow copy copies whole.
        """
        quick = self.quick.get(event)
        if quick is not None:
            size = quick(data)
            if size:
                return size, "", True
        try:
            size = packet_size(event, arguments(data))
        except PayloadError as error:
            return 0, f"{event}: {error}", False
        return size, self.problem(event, data), False

    def problem(self, event: str, data: Any) -> str:
        """Return what the schema has against a payload, or ``""``."""
        if event not in self._schemas:
            return ""
        check = self._checks.get(event)
        if check is None:
            check = self._checks[event] = compiled(event, self._schemas[event])
        if isinstance(data, bytes | bytearray | memoryview):
            data = ""  # JSON Schema has no bytes: a field that takes text takes them
        return complaint(event, check, data)


def check_event_name(event: object) -> str:
    """Return a valid event name, or raise PayloadError."""
    if isinstance(event, str) and is_name(event):
        return event
    what = "holds half a character" if isinstance(event, str) and event else "is not a text"
    raise PayloadError(f"event name {event!r} {what}; give one such as 'driveCommands'")


def _flat_numbers(event: str, schemas: Mapping[str, Schema]) -> Callable[[Any], int]:
    """Return a quick path for a payload of plain numbers: its packet size, or 0 to look closer.

    Commands come many times a second; going over the few fields is faster than a general
    validator and a JSON encoder, and gives the same answer.
    """
    properties = schemas[event]["properties"]
    fields = {name: len(f'"{name}":,') for name, schema in properties.items() if schema == _NUMBER}
    empty = len(f'2["{event}",{{}}]') - 1  # one comma less than fields
    lengths: dict[float, int] = {}  # of numbers seen lately: joysticks repeat themselves
    known = lengths.get
    largest = math.inf

    def length(value: float) -> int:
        """Return how long a number is in JSON; KeyError for one that has no place there."""
        if not -largest < value < largest:
            raise KeyError(value)
        if len(lengths) >= _SEEN:
            lengths.clear()
        found = len(repr(value))
        if value:  # minus zero equals zero, and is longer
            lengths[value] = found
        return found

    def measure(data: Any) -> int:
        if type(data) is not dict or not data:
            return 0
        size = empty
        try:
            for name, value in data.items():
                if type(value) is float:
                    size += fields[name] + (known(value) or length(value))
                elif type(value) is int and -_GREATEST <= value <= _GREATEST:
                    size += fields[name] + len(repr(value))
                else:
                    return 0
        except KeyError:  # a field that is not of these, NaN or an infinity
            return 0
        return size

    return measure
