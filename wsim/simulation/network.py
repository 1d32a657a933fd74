"""The live edge of the channels: it hands messages in, wakes up when they are due, delivers.

One :class:`Network` belongs to a simulator. Channels decide; here is only what needs a loop:
one alarm per client for whatever happens next on its link, and the record of every fate.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from wsim.conditions import NetworkConditions
from wsim.damage import arrive_damaged
from wsim.history import History
from wsim.link import Link
from wsim.messages import Registry
from wsim.simulation.clients import (
    Acknowledgement,
    Client,
    ConnectionState,
    Endpoint,
    Message,
)
from wsim.simulation.handlers import Handlers
from wsim.simulation.letters import Letters
from wsim.simulation.waiting import known_ns
from wsim.transit import DELIVERED, NO_PARTS, Transit, new_transit
from wsim.transport.session import NEVER, SessionEvent

_RECONNECTING, _CONNECTED = ConnectionState.RECONNECTING, ConnectionState.CONNECTED


class Network(Letters):
    """Clients, their links and the delivery of messages.

    Parameters
    ----------
    conditions, seed
        Of all links.
    recorder
        Where fates are written.
    handlers, registry
        What is done with messages, and what is allowed in them.
    """

    def __init__(
        self,
        conditions: NetworkConditions,
        seed: int,
        recorder: History,
        handlers: Handlers,
        registry: Registry,
    ) -> None:
        super().__init__(handlers, recorder)
        self.conditions, self.seed, self.registry = conditions, seed, registry
        self.clients: dict[str, Client] = {}
        self.connected: dict[str, Client] = {}
        self.gone: set[str] = set()
        self.validating = True
        self._append = recorder.append
        self.on_connection: Callable[[str, str], None] = lambda event, client_id: None

    # -- clients -------------------------------------------------------------------------

    def add_client(
        self, name: str, index: int, endpoint: Endpoint | None = None, link: Link | None = None
    ) -> Client:
        """Make a client that is on its way in."""
        if link is None:
            link = Link(self.conditions, seed=self.seed, client=index)
        client = self.clients[name] = Client(name, index, link, endpoint)
        client.wake = partial(self.wake, client)
        self.gone.discard(name)
        return client

    def admit(self, client: Client, now_ns: int) -> None:
        """The client has arrived."""
        client.state = _CONNECTED
        self.connected[client.id] = client
        self.tally.connections += 1
        session = client.link.session
        self.recorder.note_connection(now_ns, client.id, "connected", session.number, "")
        if client.endpoint is None:
            session.begin(now_ns)
            self.arm(client, client.link.next_event_ns)

    def remove(self, client: Client, now_ns: int) -> None:
        """The client goes for good; what is in flight is not delivered."""
        if client.endpoint is None:
            inbound, outbound = client.link.close(now_ns)
            for transit in (*inbound, *outbound):
                self._decided(client, transit, now_ns)
        self.clients.pop(client.id, None)
        if self.connected.pop(client.id, None):
            self.tally.disconnections += 1
        client.state = ConnectionState.DISCONNECTED
        client.armed_ns = NEVER  # alarms that are still out find nothing to do
        self.gone.add(client.id)
        number = client.link.session.number
        self.recorder.note_connection(now_ns, client.id, "disconnected", number, "closed")

    def suspend(self, client_id: str, now_ns: int) -> None:
        """A real client's connection is lost; it may come back."""
        client = self.connected.pop(client_id)
        client.state = _RECONNECTING
        self.tally.disconnections += 1
        number = client.link.session.number
        self.recorder.note_connection(now_ns, client_id, str(client.state), number, "disconnected")

    def resume(self, client_id: str, now_ns: int) -> None:
        """A real client has come back."""
        client = self.connected[client_id] = self.clients[client_id]
        client.state = _CONNECTED
        self.tally.reconnections += 1
        number = client.link.session.number
        self.recorder.note_connection(now_ns, client_id, "connected", number, "")

    def change(self, now_ns: int, conditions: NetworkConditions) -> None:
        """Put new conditions on every link; what is in flight stays."""
        self.conditions = conditions
        for client in self.clients.values():
            if client.endpoint is not None:
                continue
            client.link.change(now_ns, conditions)
            client.work(client.inbound)
            client.work(client.outbound)
            client.armed_ns = NEVER
            self.arm(client, client.link.next_event_ns)

    # -- on the way ----------------------------------------------------------------------

    def send(self, message: Message, now_ns: int) -> None:
        """Hand a message to its client's link."""
        client = message.client
        channel = client.inbound if message.direction == "inbound" else client.outbound
        channel.send(now_ns, message.size, event=message.event, token=message, data=message.data)
        if channel not in client.at_work:
            client.work(channel)
        self._look(client, channel.next_event_ns, now_ns)

    def account(self, direction: str, fate: str, latency_ns: int) -> None:
        """Count a message whose row somebody else has written."""
        tally = self.tally
        tally.asked += 1
        tally.sent += direction == "outbound" and fate != "refused"
        if fate == DELIVERED:
            tally.delivered += 1
            tally.received += direction == "inbound"
            tally.latency_ns += latency_ns
        elif fate == "refused":
            tally.refused += 1
        else:
            tally.dropped += 1

    def answer(self, question: Message, value: Any, size: int, now_ns: int) -> None:
        """Send an acknowledgement back to the client."""
        client = question.client
        client.outbound.send(now_ns, size, token=Acknowledgement(question, value))
        client.work(client.outbound)
        self._look(client, client.outbound.next_event_ns, now_ns)

    def _look(self, client: Client, due_ns: int | None, now_ns: int) -> None:
        if client.pumping:  # the one at work looks again before it ends
            return
        if due_ns is not None:
            if due_ns <= now_ns:
                self.pump(client)
            elif due_ns < client.armed_ns:
                client.armed_ns = due_ns
                self._clock.call_at(due_ns, client.wake)
        if not client.link.session.steady:
            self.arm(client, client.link.session.next_event_ns)
            self._sessions(client, now_ns)

    def arm(self, client: Client, due_ns: int | None) -> None:
        """See to it that somebody looks at the link at `due_ns`."""
        if due_ns is not None and due_ns < client.armed_ns and not client.pumping:
            client.armed_ns = due_ns
            self.clock.call_at(due_ns, client.wake)

    def pump(self, client: Client) -> None:
        """Deliver whatever has been decided on a client's link by now."""
        if client.pumping:  # called by a handler from within: the outer one goes on
            return
        client.pumping = True
        session = client.link.session
        unsteady = not session.steady
        try:
            while True:
                now_ns = self._clock.now_ns()
                client.armed_ns = due_ns = NEVER
                for channel in client.at_work:
                    for fields in channel.advance_fields(now_ns):
                        if type(fields[7]) is tuple and fields[4] is DELIVERED:
                            self.deliver_letter(fields, now_ns)
                        else:
                            self._decided(client, new_transit(fields), now_ns)
                if unsteady or not session.steady:
                    self._sessions(client, now_ns)
                    session_due = session.next_event_ns
                    due_ns = NEVER if session_due is None else session_due
                for channel in client.at_work:
                    channel_due = channel.next_event_ns
                    if channel_due is None:
                        client.rest(channel)
                    elif channel_due < due_ns:
                        due_ns = channel_due
                if due_ns > now_ns:
                    break
        finally:
            client.pumping = False
        self.arm(client, due_ns)

    def _sessions(self, client: Client, now_ns: int) -> None:
        for event in client.link.session.events(now_ns):
            self._session_event(client, event)

    def _session_event(self, client: Client, event: SessionEvent) -> None:
        if event.kind == "cut":
            back = client.link.session.back_ns(event.at_ns)
            final = back is not None and back >= NEVER
            client.state = ConnectionState.DISCONNECTED if final else _RECONNECTING
            self.connected.pop(client.id, None)
            self.tally.disconnections += 1
        else:
            client.state = _CONNECTED
            self.connected[client.id] = client
            self.tally.reconnections += 1
        state = str(client.state)
        self.recorder.note_connection(event.at_ns, client.id, state, event.number, event.cause)
        self.on_connection("disconnect" if event.kind == "cut" else "connect", client.id)

    # -- arrived, or not -----------------------------------------------------------------

    def _decided(self, client: Client, transit: Transit, now_ns: int) -> None:
        token = transit.token
        if type(token) is tuple:
            token = Message.of(token, transit.sent_ns)
        if (
            type(token) is Message
            and transit.fate is DELIVERED
            and not transit.copy
            and transit.corruption is None
            and not token.reason
        ):
            self._deliver(token, transit, now_ns)
            return
        if type(token) is Acknowledgement:
            if transit.fate == DELIVERED and not transit.copy:
                self._answered(token, transit)
            return
        message: Message = token
        if transit.copy:
            message = self._copy(message)
        if transit.corruption is not None and transit.fate == DELIVERED:
            message, transit = self._damage(message, transit)
        if transit.fate != DELIVERED:
            self._drop(message, transit, now_ns)
        elif message.reason:
            self._record(message, transit, "refused", "validation", now_ns)
            self.tally.refused += not transit.copy
            if message.ack_id < 0:  # a question that is turned away gets no answer
                message.resolve(False)
        else:
            self._deliver(message, transit, now_ns)

    def _drop(self, message: Message, transit: Transit, now_ns: int) -> None:
        self._record(message, transit, "dropped", transit.cause, now_ns)
        self.tally.dropped += not transit.copy
        if message.ack_id >= 0 or message.future is None:
            return  # who asked for an answer waits for it until his time is up
        due_ns = known_ns(message, transit.cause, self.conditions, now_ns)
        if due_ns > now_ns:
            self.clock.call_at(due_ns, lambda: message.resolve(False))
        else:
            message.resolve(False)

    def _deliver(self, message: Message, transit: Transit, now_ns: int) -> None:
        _, copy, sent_ns, delivered_ns, _, _, parts, _, _, _ = transit
        assert delivered_ns is not None
        if self.recording:
            message.seq = self._append(
                sent_ns, sent_ns + parts[0], delivered_ns, message.direction, message.event,
                message.client.id, message.session, DELIVERED, "", copy, message.size,
                message.message_id, "/", message.ack_id, -1,
                now_ns - delivered_ns if self._live else -1, parts, message.data,
            )  # fmt: skip
        tally = self.tally
        if copy:
            tally.duplicates += 1
        else:
            tally.delivered += 1
            tally.latency_ns += delivered_ns - sent_ns
        if message.direction == "outbound":
            message.resolve(True)
            return
        if not copy:
            tally.received += 1
        self.dispatch(message)

    def _copy(self, message: Message) -> Message:
        copy = Message(
            message.client, message.direction, message.event, message.data, message.flat,
            message.size, message.reason, message.message_id, message.created_ns,
        )  # fmt: skip
        copy.session = message.session
        return copy

    def _damage(self, message: Message, transit: Transit) -> tuple[Message, Transit]:
        """Carry out the corruption that the channel ordered; what arrives is inspected anew."""
        assert transit.corruption is not None
        kinds = self.conditions.for_direction(message.direction).corrupt_kinds
        checks = message.direction == "inbound" and self.validating
        registry = self.registry if checks else None
        arrival = arrive_damaged(message.event, message.data, transit.corruption, kinds, registry)
        if arrival.fate == "dropped":
            return message, transit._replace(
                delivered_ns=None, fate=arrival.fate, cause=arrival.cause, parts=NO_PARTS
            )
        message.data, message.flat, message.reason = arrival.data, False, arrival.cause
        return message, transit

    def _record(
        self, message: Message, transit: Transit, fate: str, cause: str, now_ns: int
    ) -> None:
        if not self.recording:
            return
        delivered_ns = -1 if transit.delivered_ns is None else transit.delivered_ns
        late_ns = now_ns - delivered_ns if delivered_ns >= 0 and self._live else -1
        if fate == "dropped":
            delivered_ns = late_ns = -1
        sent_ns, parts = transit.sent_ns, transit.parts
        message.seq = self.recorder.append(
            message.created_ns, sent_ns + parts[0], delivered_ns, message.direction,
            message.event, message.client.id, message.session, fate, cause, transit.copy,
            message.size, message.message_id, "/", message.ack_id, -1, late_ns, parts,
            message.data,
        )  # fmt: skip

    def _answered(self, answer: Acknowledgement, transit: Transit) -> None:
        question = answer.question
        assert transit.delivered_ns is not None
        if self.recording and question.seq >= 0:
            round_trip_ns = transit.delivered_ns - question.created_ns
            self.recorder.set_round_trip(question.seq, round_trip_ns)
        question.resolve(answer.value)
