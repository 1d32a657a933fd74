"""What a browser's developer tools saw: WebSocket messages of an HTTP archive.

Chrome keeps them under ``_webSocketMessages``, each with a time, a direction and the frame.
Engine.IO and Socket.IO packets are decoded, binary events with their attachments; other
WebSockets give one event ``message`` per frame. A browser sees one end only, so the fate is
``unknown`` and the latency missing; acknowledgements give round trips.
"""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wsim.errors import FormatError
from wsim.formats import packets
from wsim.formats.files import read_json
from wsim.formats.frames import from_lists
from wsim.schema import PARTS

_DIRECTIONS = {"send": "inbound", "receive": "outbound"}


class _Socket:
    """One WebSocket of the archive, frame by frame."""

    def __init__(self, name: str, decode: bool) -> None:
        self.client = name
        self.decode = decode
        self.rows: list[dict[str, Any]] = []
        self.connections: list[dict[str, Any]] = []
        self._asked: dict[tuple[str, str, int], dict[str, Any]] = {}
        self._open: dict[str, tuple[packets.Packet, dict[str, Any], list[bytes]]] = {}

    def frame(self, time_s: float, direction: str, content: str | bytes) -> None:
        """Take one frame in order of time."""
        row = {"time": time_s, "direction": direction, "size_bytes": len(_raw(content))}
        if not self.decode:
            self._add(row | {"namespace": ""}, "message", content)  # no Socket.IO, no namespace
        elif isinstance(content, bytes):
            self._attachment(row, direction, content)
        elif content[:1] == "0":
            self._opened(content[1:], time_s)
        elif content[:1] == "4":
            self._message(row, direction, content[1:])

    def _opened(self, text: str, time_s: float) -> None:
        try:
            sid = json.loads(text)["sid"]
        except (ValueError, KeyError, TypeError):
            return
        self.client = str(sid)
        self._state(time_s, "connected")

    def _state(self, time_s: float, state: str) -> None:
        self.connections.append(
            {"at_s": time_s, "client_id": self.client, "state": state, "session": 1, "cause": ""}
        )

    def _message(self, row: dict[str, Any], direction: str, text: str) -> None:
        packet = packets.parse(text)
        row["size_bytes"] -= 1
        if packet is None:
            self._add(row, "message", text)
        elif packet.attachments:
            self._open[direction] = (packet, row, [])
        else:
            self._packet(packet, row, [])

    def _attachment(self, row: dict[str, Any], direction: str, content: bytes) -> None:
        waiting = self._open.get(direction)
        if waiting is None:
            self._add(row, "message", content)
            return
        packet, first, attachments = waiting
        attachments.append(content)
        first["size_bytes"] += len(content)
        if len(attachments) == packet.attachments:
            del self._open[direction]
            self._packet(packet, first, attachments)

    def _packet(self, packet: packets.Packet, row: dict[str, Any], found: list[bytes]) -> None:
        row |= {"namespace": packet.namespace, "ack_id": packet.ack_id}
        if packet.kind in (packets.EVENT, packets.BINARY_EVENT):
            name, data = packets.event_of(packets.filled(packet.body, found))
            self._add(row, name, data)
            if packet.ack_id >= 0:
                self._asked[row["direction"], packet.namespace, packet.ack_id] = row
        elif packet.kind in (packets.ACK, packets.BINARY_ACK):
            other = "inbound" if row["direction"] == "outbound" else "outbound"
            asked = self._asked.pop((other, packet.namespace, packet.ack_id), None)
            if asked is not None:
                asked["round_trip_ms"] = round((row["time"] - asked["time"]) * 1e3, 6)

    def _add(self, row: dict[str, Any], name: str, data: Any) -> None:
        row |= {"event_name": name, "data": data, "client_id": self.client}
        self.rows.append(row)


def _raw(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")


def read_har(path: Path) -> pd.DataFrame:
    """Read the WebSocket messages of an HTTP archive exported by a browser."""
    archive = read_json(path)
    try:
        entries = list(archive["log"]["entries"])
    except (KeyError, TypeError):
        raise FormatError(f"{path}: no list 'entries' in 'log'; is it an HTTP archive?") from None
    sockets = [
        _socket(entry, number, path)
        for number, entry in enumerate(entries)
        if isinstance(entry, dict) and entry.get("_webSocketMessages")
    ]
    if not sockets:
        raise FormatError(
            f"{path}: none of the {len(entries)} entries holds WebSocket messages"
            " ('_webSocketMessages'); reload the page with the network panel open, then export"
        )
    return _frame(sockets, path)


def _socket(entry: dict[str, Any], number: int, path: Path) -> _Socket:
    url = (
        str(entry.get("request", {}).get("url", ""))
        if isinstance(entry.get("request"), dict)
        else ""
    )
    socket = _Socket(f"websocket-{number + 1}", "EIO=" in url or "socket.io" in url)
    messages = entry["_webSocketMessages"]
    if not isinstance(messages, list):
        raise FormatError(f"{path}: entry {number}: '_webSocketMessages' is not a list")
    for place, message in enumerate(messages):
        try:
            socket.frame(*_parts(message))
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise FormatError(
                f"{path}: entry {number}, message {place}: {error!r};"
                " needed: type 'send' or 'receive', time in seconds, opcode, data"
            ) from None
    return socket


def _parts(message: dict[str, Any]) -> tuple[float, str, str | bytes]:
    data = message["data"]
    if not isinstance(data, str):
        raise TypeError(f"data is {type(data).__name__}, not text")
    content = base64.b64decode(data, validate=True) if message.get("opcode") == 2 else data
    time_s = float(message["time"])
    if not np.isfinite(time_s):
        raise ValueError(f"time={time_s}")
    return time_s, _DIRECTIONS[message["type"]], content


def _frame(sockets: list[_Socket], path: Path) -> pd.DataFrame:
    rows = sorted((row for socket in sockets for row in socket.rows), key=lambda row: row["time"])
    times = np.array([row["time"] for row in rows], np.float64)
    started = float(times[0]) if len(times) else 0.0
    seconds = np.round(times - started, 9)
    names = ("direction", "event_name", "client_id", "data", "size_bytes")
    lists: dict[str, Any] = {name: [row[name] for row in rows] for name in names}
    lists["namespace"] = [row.get("namespace", "/") for row in rows]
    lists["ack_id"] = [row.get("ack_id", -1) for row in rows]
    lists["round_trip_ms"] = [row.get("round_trip_ms") for row in rows]
    lists |= {"seq": range(len(rows)), "created_s": seconds, "sent_s": seconds}
    lists |= {"fate": ["unknown"] * len(rows), "run": [path.stem] * len(rows)}
    lists |= dict.fromkeys(PARTS, [None] * len(rows))
    connections = [
        {**note, "at_s": round(note["at_s"] - started, 9)}
        for socket in sockets
        for note in socket.connections
    ]
    notes: dict[str, Any] = {
        "started_at": started, "seed": None, "profile": "", "conditions": None, "versions": {},
        "changes": [], "connections": connections, "evicted": 0, "max_history": None,
        "duration_s": float(seconds[-1]) if len(rows) else 0.0, "source": path.name,
    }  # fmt: skip
    return from_lists(lists, len(rows), {path.stem: notes}, str(path))
