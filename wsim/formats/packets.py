"""Socket.IO packets as they stand in a recording: text frames and their attachments.

Engine.IO 4 puts one digit before a packet (``4`` is a message); Socket.IO 5 puts its type, the
number of attachments, the namespace and the acknowledgement id before the JSON. Attachments
follow as binary frames and are marked in the JSON by ``{"_placeholder": true, "num": n}``.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = range(7)
_HEAD = re.compile(r"^([0-6])(?:(\d{1,4})-)?(?:(/[^,]*),)?(\d{1,15})?")


class Packet(NamedTuple):
    """One Socket.IO packet; ``attachments`` is how many binary frames belong to it."""

    kind: int
    namespace: str
    ack_id: int
    attachments: int
    body: Any


def parse(text: str) -> Packet | None:
    """Return the packet of a text frame (without Engine.IO's digit), None if it is none."""
    match = _HEAD.match(text)
    if match is None:
        return None
    kind, attachments, namespace, ack_id = match.groups()
    rest = text[match.end() :]
    try:
        body = json.loads(rest) if rest else None
    except (ValueError, RecursionError):
        return None
    kind = int(kind)
    if kind in (EVENT, ACK, BINARY_EVENT, BINARY_ACK) and not isinstance(body, list):
        return None
    binary = kind in (BINARY_EVENT, BINARY_ACK)
    count = int(attachments or 0) if binary else 0
    return Packet(kind, namespace or "/", -1 if ack_id is None else int(ack_id), count, body)


def filled(value: Any, attachments: list[bytes]) -> Any:
    """Return the body with each placeholder replaced by its attachment."""
    if isinstance(value, list):
        return [filled(item, attachments) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("_placeholder") is True:
        number = value.get("num")
        if isinstance(number, int) and 0 <= number < len(attachments):
            return attachments[number]
    return {key: filled(item, attachments) for key, item in value.items()}


def event_of(body: list[Any]) -> tuple[str, Any]:
    """Return the event's name and payload: None, one argument, or a tuple of several."""
    name = body[0] if body and isinstance(body[0], str) else json.dumps(body[:1])
    arguments = body[1:]
    if len(arguments) > 1:
        return name, tuple(arguments)
    return name, arguments[0] if arguments else None
