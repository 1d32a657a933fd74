"""What a client may send next, as the Socket.IO 5 protocol has it; no I/O.

The reference server closes the connection of a client that breaks these rules:

- Engine.IO packets of types 0 to 6, of which a client sends close, pong and message, and ping
  only to probe an upgrade;
- CONNECT at most once for a namespace, with an object as its payload if it has one;
- everything else only for a namespace that was connected before, and no CONNECT_ERROR;
- attachments right behind the packet that announced them, and nowhere else.

The JSON of events is not looked at: whoever reads it sees to it.
"""

from __future__ import annotations

import json
import re

from wsim.serving.packets import (
    ACK,
    BINARY_ACK,
    BINARY_EVENT,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    MESSAGE,
    PING,
    Frame,
)

_PACKET = re.compile(r"4([0-6])(?:(\d{1,9})-)?(?:(/[^,]*),)?(\d{1,18})?", re.DOTALL)
_ENGINE_TYPES = frozenset("0123456") - {PING}
_BINARY = (BINARY_EVENT, BINARY_ACK)
_PLAIN = '42["'


class Conduct:
    """The packets of one connection so far."""

    def __init__(self) -> None:
        self._namespaces: set[str] = set()  # that the client asked for, and was not refused
        self._missing = 0  # attachments still to come

    def takes(self, frame: Frame) -> bool:
        """Take what the client sends; False if it breaks the protocol."""
        if isinstance(frame, bytes):
            self._missing -= 1
            return self._missing >= 0
        if self._missing:
            return False
        if frame.startswith(_PLAIN):  # most are these
            return "/" in self._namespaces
        if frame[:1] != MESSAGE:
            return frame[:1] in _ENGINE_TYPES
        return self._takes_message(frame)

    def _takes_message(self, frame: str) -> bool:
        found = _PACKET.match(frame)
        if found is None:
            return False
        kind, attachments, namespace, ack_id = found.groups()
        namespace, rest = namespace or "/", frame[found.end() :]
        if kind == CONNECT:
            return self._takes_connect(namespace, rest, ack_id)
        if namespace not in self._namespaces or kind == CONNECT_ERROR:
            return False
        if kind == DISCONNECT:
            self._namespaces.discard(namespace)
            return not (rest or ack_id)
        if kind in _BINARY:
            self._missing = int(attachments or 0)
            return attachments is not None
        return kind == EVENT or (kind == ACK and isinstance(_decoded(rest), list))

    def _takes_connect(self, namespace: str, payload: str, ack_id: str | None) -> bool:
        fits = not payload or isinstance(_decoded(payload), dict)
        if not fits or ack_id or namespace in self._namespaces:
            return False
        self._namespaces.add(namespace)
        return True

    def tells(self, frame: str) -> None:
        """Note what the server answers: a namespace it refuses or ends is not connected."""
        if frame[1:2] in (DISCONNECT, CONNECT_ERROR) and (found := _PACKET.match(frame)):
            self._namespaces.discard(found[3] or "/")


def _decoded(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
