"""Writes what becomes of real messages into a history, each once.

An acknowledgement crosses the network as a message of its own, but is no row: it fills the
round trip of the event it answers. A row whose ``ack_id`` is set and whose round trip is missing
was never acknowledged.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wsim.history import History
from wsim.impairments import corruption
from wsim.messages import Verdict
from wsim.payloads import arguments, payload
from wsim.serving.door import Passage
from wsim.serving.packets import RESERVED, Frame, PacketError, Unit, encode_event
from wsim.transit import NO_PARTS

if TYPE_CHECKING:
    from wsim.serving.network import Client

Inspector = Callable[[str, tuple[Any, ...]], Verdict]
Counter = Callable[[str, str, int], None]
KEEP_BYTES = 65_536
"""Larger attachments are recorded as their size."""
SECRET_KEYS = frozenset({"token", "password", "secret", "authorization", "apikey", "api_key"})
_SECRETS = tuple(SECRET_KEYS)
UNREADABLE = "(unreadable)"
"""Recorded as the event of a packet without a name or with broken JSON."""
REDACTED = "(redacted)"
_MAX_WAITING = 10_000
_HOUR_S = 3600.0


class Ledger:
    """Rows for one history.

    Parameters
    ----------
    history
        Takes the rows.
    inspect
        Asked about every inbound event that arrives: it may enrich its arguments or refuse it.
    keep_bytes
        Attachments beyond this are recorded as their number of bytes.
    on_row
        Called with (direction, fate, nanoseconds on the way) for each row that is no copy's, so
        that statistics can count.
    strict
        A client whose packet cannot be read is cut off.
    """

    def __init__(
        self,
        history: History,
        *,
        inspect: Inspector | None = None,
        keep_bytes: int = KEEP_BYTES,
        on_row: Counter | None = None,
        strict: bool = False,
    ) -> None:
        self.history = history
        self._inspect = inspect
        self._keep_bytes = keep_bytes
        self._on_row, self._strict = on_row, strict
        self._waiting: dict[tuple[str, str, str, int], tuple[int, int]] = {}

    def settle(self, client: Client, passage: Passage, now_ns: int) -> tuple[Frame, ...]:
        """Record a passage; return the packets that go on to the other side."""
        unit = passage.cargo.unit
        if passage.transit is None:
            return unit.frames
        if unit.kind == "control":
            return ()
        if unit.kind == "ack":
            arrived_ns = passage.transit.delivered_ns
            if arrived_ns is None:
                return ()
            return self._acknowledge(client, passage.direction, unit, arrived_ns)
        return self._row(client, passage, now_ns)

    def passed(
        self, client: Client, direction: str, unit: Unit, now_ns: int, created_ns: int
    ) -> tuple[Frame, ...]:
        """Record a message that came through in no time; return the packets that go on."""
        if unit.kind == "ack":
            return self._acknowledge(client, direction, unit, now_ns)
        event, data, message_id = self._read(unit)
        fate, cause, frames = "delivered", "", unit.frames
        if event == UNREADABLE or self._inspect is not None:
            outcome = self._examined(client, direction, unit, event, data, message_id)
            fate, cause, frames, message_id = outcome
        created_ns = self._created_ns(client, direction, now_ns, created_ns, data)
        parts = NO_PARTS if created_ns == now_ns else (now_ns - created_ns, *NO_PARTS[1:])
        seq = self.history.append(
            created_ns, now_ns, now_ns, direction, event, client.client_id, client.session,
            fate, cause, 0, unit.size, message_id, unit.namespace, unit.ack_id, -1, 0, parts,
            data if self._is_harmless(unit) else self._kept(data),
        )  # fmt: skip
        if unit.ack_id >= 0 and fate == "delivered":
            self._await_ack(client, direction, unit, seq, now_ns)
        if self._on_row is not None:
            self._on_row(direction, fate, 0)
        return frames

    def _acknowledge(
        self, client: Client, direction: str, unit: Unit, arrived_ns: int
    ) -> tuple[Frame, ...]:
        asked = "outbound" if direction == "inbound" else "inbound"
        found = self._waiting.pop((client.client_id, asked, unit.namespace, unit.ack_id), None)
        if found is not None:
            seq, sent_ns = found
            self.history.set_round_trip(seq, arrived_ns - sent_ns)
        return unit.frames

    def _examined(
        self, client: Client, direction: str, unit: Unit, event: str, data: Any, message_id: str
    ) -> tuple[str, str, tuple[Frame, ...], str]:
        """Return fate, cause, packets and message id of what has arrived unharmed."""
        if event == UNREADABLE:
            if not self._strict:
                return "delivered", "", unit.frames, message_id
            client.abort()
            return "refused", "validation", (), message_id
        if direction != "inbound" or self._inspect is None:
            return "delivered", "", unit.frames, message_id
        verdict = self._inspect(event, arguments(data))
        if not verdict.ok:
            return "refused", "validation", (), verdict.message_id
        frames = encode_event(event, verdict.args, namespace=unit.namespace, ack_id=unit.ack_id)
        return "delivered", "", frames, verdict.message_id

    def _row(self, client: Client, passage: Passage, now_ns: int) -> tuple[Frame, ...]:
        transit, cargo, direction = passage.transit, passage.cargo, passage.direction
        assert transit is not None
        unit, frames = cargo.unit, cargo.unit.frames
        fate, cause = transit.fate, transit.cause
        event, data, message_id = self._read(unit)
        if transit.corruption is not None and fate == "delivered":
            arrived = self._damaged(unit, direction, transit.corruption, client)
            if arrived is None:
                fate, cause, frames = "dropped", "corrupt", ()
            else:
                frames, data = arrived
                unit = unit._replace(frames=frames)
        if fate == "delivered":
            outcome = self._examined(client, direction, unit, event, data, message_id)
            fate, cause, frames, message_id = outcome
        created_ns = self._created_ns(client, direction, cargo.sent_ns, cargo.created_ns, data)
        delivered_ns = -1 if transit.delivered_ns is None else transit.delivered_ns
        buffered = transit.sent_ns - created_ns
        parts = transit.parts
        if delivered_ns >= 0 and buffered:
            parts = (parts[0] + buffered, *parts[1:])
        seq = self.history.append(
            created_ns, transit.sent_ns, delivered_ns, direction, event,
            client.client_id, client.session, fate, cause, transit.copy, unit.size, message_id,
            unit.namespace, unit.ack_id, -1, now_ns - delivered_ns if delivered_ns >= 0 else -1,
            parts, data if self._is_harmless(unit) else self._kept(data),
        )  # fmt: skip
        if unit.ack_id >= 0 and fate == "delivered" and not transit.copy:
            self._await_ack(client, direction, unit, seq, transit.sent_ns)
        if self._on_row is not None and not transit.copy:
            self._on_row(direction, fate, max(0, delivered_ns - transit.sent_ns))
        return frames if fate == "delivered" else ()

    def _damaged(
        self, unit: Unit, direction: str, uniform: float, client: Client
    ) -> tuple[tuple[Frame, ...], Any] | None:
        """Return packets and payload as they arrive; None if they cannot be read any more."""
        kinds = client.door.link.conditions.for_direction(direction).corrupt_kinds
        try:
            data = payload(tuple(unit.args)) if unit.kind == "event" else unit.frames[0]
            arrived = corruption.apply(data, corruption.directive(uniform, kinds))
            if isinstance(arrived, str | bytes) and not isinstance(data, str | bytes):
                arrived = json.loads(arrived)
        except ValueError:  # no JSON, or none any more
            return None
        if unit.kind != "event":
            return (arrived,), arrived
        frames = encode_event(
            unit.event, arguments(arrived), namespace=unit.namespace, ack_id=unit.ack_id
        )
        return frames, arrived

    def _read(self, unit: Unit) -> tuple[str, Any, str]:
        """Return event, payload and message id; a packet that cannot be read has no payload."""
        if unit.kind != "event":
            return (UNREADABLE, None, "") if self._strict else ("message", unit.frames[0], "")
        try:
            values = unit.json()
        except PacketError:
            return UNREADABLE, None, ""
        event = values[0] if values else None
        if not isinstance(event, str) or not event or (self._strict and _is_illegal(event, unit)):
            return UNREADABLE, None, ""
        data = values[1] if len(values) == 2 else payload(tuple(values[1:]))
        found = data.get("message_id") if type(data) is dict else None
        return event, data, found if isinstance(found, str) else ""

    def _created_ns(
        self, client: Client, direction: str, sent_ns: int, created_ns: int, data: Any
    ) -> int:
        """When the application made it: its own ``timestamp``, on the server's clock.

        The sender's clock may be off by any amount; the message that waited least tells by how
        much at most.
        """
        if created_ns >= 0:
            return min(created_ns, sent_ns)
        stamp = data.get("timestamp") if isinstance(data, dict) else None
        if stamp is None or direction != "inbound" or isinstance(stamp, bool):
            return sent_ns
        if not isinstance(stamp, int | float) or not math.isfinite(stamp):
            return sent_ns
        seconds = stamp / 1000 if stamp > 1e11 else float(stamp)
        started_s = float(self.history.about.get("started_at") or 0.0)
        waited_s = started_s + sent_ns / 1e9 - seconds
        client.clock_lag_s = min(client.clock_lag_s, waited_s)
        buffered_s = waited_s - client.clock_lag_s
        return sent_ns - int(buffered_s * 1e9) if buffered_s < _HOUR_S else sent_ns

    def _await_ack(
        self, client: Client, direction: str, unit: Unit, seq: int, sent_ns: int
    ) -> None:
        if len(self._waiting) >= _MAX_WAITING:
            del self._waiting[next(iter(self._waiting))]
        key = (client.client_id, direction, unit.namespace, unit.ack_id)
        self._waiting[key] = (seq, sent_ns)

    def _is_harmless(self, unit: Unit) -> bool:
        """Is there nothing large and no secret in it? Nearly always, and quick to tell."""
        if unit.size > self._keep_bytes or unit.kind != "event":
            return False
        text = unit.body.lower()
        return not any(map(text.__contains__, _SECRETS))

    def _kept(self, data: Any) -> Any:
        """Return the payload as it is recorded: secrets blotted out, large bytes as sizes."""
        if isinstance(data, bytes | str) and len(data) > self._keep_bytes:
            return len(data)
        if isinstance(data, dict):
            return {
                key: REDACTED if key.lower() in SECRET_KEYS else self._kept(value)
                for key, value in data.items()
            }
        if isinstance(data, list):
            return [self._kept(value) for value in data]
        if isinstance(data, tuple):
            return tuple(self._kept(value) for value in data)
        return data


def _is_illegal(event: str, unit: Unit) -> bool:
    """Is it an event that nobody may send, or one of attachments that does not say how many?"""
    frame = unit.frames[0]
    return event in RESERVED or (unit.name == "BINARY_EVENT" and not str(frame[2:3]).isdigit())
