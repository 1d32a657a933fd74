"""From the arguments of a call to a message: inspected, copied, named, or turned away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from wsim.errors import PayloadError
from wsim.messages import Registry, Verdict, check_event_name
from wsim.payloads import arguments, enriched, packet_size, payload, snapshot
from wsim.simulation.clients import (
    Client,
    ConnectionState,
    Endpoint,
    Message,
    check_client_id,
)
from wsim.simulation.insight import Insight
from wsim.transit import NO_PARTS


class Intake(Insight):
    """Base of the simulator: makes messages, and records those that go nowhere."""

    registry: Registry
    seed: int
    _next_id: Callable[[], str]
    _append_plain: Callable[..., int]

    def inspect(self, event_name: str, args: tuple[Any, ...]) -> Verdict:
        """Say whether Socket.IO arguments may be delivered, and enrich them with metadata.

        Every call takes one message number, so call it once for each message.
        """
        data = payload(args)
        size, reason, _ = self._weigh(event_name, data)  # what came over the wire has any name
        message_id = self._id_of(data)
        sent_at = self.started_at + self._now_ns() / 1e9
        rich = arguments(enriched(data, message_id, sent_at)) if not reason else args
        return Verdict(not reason, rich, message_id, size, reason)

    def _measure(self, event: str, data: Any, client_id: Any = "") -> tuple[int, str, bool]:
        if type(client_id) is not str:
            check_client_id(client_id)
        if type(event) is not str or not event or not event.isascii():
            check_event_name(event)
        return self._weigh(event, data)

    def _weigh(self, event: str, data: Any) -> tuple[int, str, bool]:
        if self._net.validating:
            return self.registry.measure(event, data)
        try:
            return packet_size(event, arguments(data)), "", False
        except PayloadError as error:  # nobody can send that, checked or not
            return 0, f"{event}: {error}", False

    def _id_of(self, data: Any) -> str:
        made = self._next_id()
        if type(data) is tuple:
            data = data[0] if data else None
        if type(data) is dict and "message_id" in data:
            return str(data["message_id"])
        return made

    def _passed(
        self, client: Client, direction: str, event: str, data: Any,
        measured: tuple[int, str, bool], now_ns: int,
    ) -> Any:  # fmt: skip
        """Record a message that a link with nothing to simulate let through at once.

        Returns what handlers get: a copy of their own, with metadata.
        """
        net, tally = self._net, self._net.tally
        size, _, flat = measured
        sent_at = self.started_at + now_ns / 1e9
        if flat:
            message_id, kept = self._next_id(), data.copy()
            handed = {"timestamp": sent_at, "message_id": message_id, **data}
        else:
            message_id, kept = self._id_of(data), snapshot(data)
            handed = enriched(snapshot(data), message_id, sent_at)
        if direction == "inbound":
            tally.passed_in += 1
        else:
            tally.passed_out += 1
        if net.recording:
            self._append_plain(
                now_ns, now_ns, now_ns, direction, event, client.id, client.link.session.number,
                size, message_id, net.no_delay, NO_PARTS, kept,
            )  # fmt: skip
        return handed

    def _message(
        self, client: Client, direction: str, event: str, data: Any, flat: bool, size: int,
        reason: str, now_ns: int,
    ) -> Message:  # fmt: skip
        tally = self._net.tally
        tally.asked += 1
        if direction == "outbound" and not reason:
            tally.sent += 1
        if flat:
            message_id, kept = self._next_id(), data.copy()
        else:
            message_id, kept = self._id_of(data), snapshot(data)
        return Message(client, direction, event, kept, flat, size, reason, message_id, now_ns)

    def _inbound(
        self, event: str, data: Any, client_id: str, measured: tuple[int, str, bool], now_ns: int
    ) -> Message | None:
        """Return a message for the client's link, or None after recording why there is none."""
        client = self._net.clients.get(client_id)
        if client is None or client.state is ConnectionState.CONNECTING:
            self._nowhere("inbound", event, data, client_id, measured, now_ns)
            return None
        if client.endpoint is not None:
            raise PayloadError(
                f"'{client_id}' is a real client: it sends for itself, and cannot be spoken for"
            )
        size, reason, flat = measured
        return self._message(client, "inbound", event, data, flat, size, reason, now_ns)

    def _outbound(
        self, event: str, data: Any, client_id: str, measured: tuple[int, str, bool], now_ns: int
    ) -> Message | None:
        client = self._net.clients.get(client_id)
        size, reason, flat = measured
        if client is None or reason or client.state is ConnectionState.CONNECTING:
            self._nowhere("outbound", event, data, client_id, measured, now_ns)
            return None
        return self._message(client, "outbound", event, data, flat, size, "", now_ns)

    def _to_endpoint(
        self, endpoint: Endpoint, client_id: str, event: str, data: Any,
        measured: tuple[int, str, bool],
    ) -> bool:  # fmt: skip
        """Hand a message to a real client's door, which decides and records its fate.

        What does not get that far, because it is not allowed or its client is away, is
        recorded here.
        """
        now_ns = self._now_ns()
        if not measured[1]:
            kept = snapshot(data)
            message_id = self._id_of(kept)
            rich = arguments(enriched(kept, message_id, self.started_at + now_ns / 1e9))
            if endpoint.send(event, rich, client_id, message_id):
                return True
        self._nowhere("outbound", event, data, client_id, measured, now_ns)
        return False

    def _nowhere(
        self, direction: str, event: str, data: Any, client_id: str,
        measured: tuple[int, str, bool], now_ns: int,
    ) -> None:  # fmt: skip
        """Record a message that does not even reach a network."""
        size, reason, _ = measured
        net, tally = self._net, self._net.tally
        known = client_id in net.clients
        tally.asked += 1
        refused = bool(reason) and (known or direction == "outbound")
        if refused:
            fate, cause = "refused", "validation"
            tally.refused += 1
        else:
            fate = "dropped"
            cause = "not_connected" if known else "closed" if client_id in net.gone else ""
            cause = cause or "unknown_client"
            tally.dropped += 1
            tally.sent += direction == "outbound"
        if net.recording:
            self.recorder.append(
                now_ns, now_ns, -1, direction, event, str(client_id), 0, fate, cause, 0, size,
                self._id_of(data), "/", -1, -1, -1, None, snapshot(data),
            )  # fmt: skip

    def _send_off(self, message: Message, now_ns: int) -> asyncio.Future[Any]:
        message.future = asyncio.get_running_loop().create_future()
        self._net.send(message, now_ns)
        return message.future
