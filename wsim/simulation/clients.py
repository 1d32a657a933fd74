"""Simulated clients: who is connected, over which link, and what waits for its handlers."""

from __future__ import annotations

import asyncio
import enum
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from wsim.channel import Channel
from wsim.conditions import NetworkConditions
from wsim.errors import UsageError
from wsim.link import Link
from wsim.transport.session import NEVER


class ConnectionState(enum.Enum):
    """Where a connection is in its life."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"

    def __str__(self) -> str:
        return self.value


def check_client_id(client_id: object) -> None:
    """Raise UsageError for what cannot be looked up, whoever is connected."""
    try:
        hash(client_id)
    except TypeError:
        raise UsageError(
            f"client id {client_id!r} is not a text; give what connect returned"
        ) from None


class Endpoint(Protocol):
    """What stands for real clients: a door that carries messages over real sockets."""

    def send(self, event: str, args: tuple[Any, ...], client_id: str, message_id: str) -> bool:
        """Hand an event to the client's network; it is recorded there. False: no such client."""

    async def disconnect(self, client_id: str) -> bool:
        """End the client's connection for good."""

    def check_conditions(self, conditions: NetworkConditions, name: str) -> None:
        """Raise ConditionsError if real clients would not survive the conditions."""

    def conditions_changed(self) -> None:
        """Take the simulator's conditions anew."""


Letter = tuple["Client", str, dict[str, Any], int, str, int]
"""The plainest message: client, event, flat payload, size, identifier and session.

From a client, accepted, with nobody waiting for it: a tuple is made faster than a message.
"""


class Message:
    """One message under way, from the call that sent it to its last handler.

    ``data`` is a copy of the payload that belongs to the record; ``flat`` says that nothing in
    it can be changed. ``reason`` is why validation turns it away on arrival, or ``""``.
    """

    # what few messages need is set on those only
    future: asyncio.Future[Any] | None = None
    ack: Any = None
    ack_id = -1
    seq = -1
    error: Exception | None = None

    def __init__(
        self, client: Client, direction: str, event: str, data: Any, flat: bool,
        size: int, reason: str, message_id: str, created_ns: int,
    ) -> None:  # fmt: skip
        self.client = client
        self.direction = direction
        self.event = event
        self.data = data
        self.flat = flat
        self.size = size
        self.reason = reason
        self.message_id = message_id
        self.created_ns = created_ns
        session = client.link.session
        if not session.steady:
            session.catch_up(created_ns)
        self.session = session.number

    @classmethod
    def of(cls, letter: Letter, created_ns: int) -> Message:
        """Return the message that a letter stands for."""
        client, event, data, size, message_id, session = letter
        message = cls(client, "inbound", event, data, True, size, "", message_id, created_ns)
        message.session = session
        return message

    def resolve(self, value: Any) -> None:
        """Tell whoever waits for the message what came of it."""
        if self.future is not None and not self.future.done():
            self.future.set_result(value)


class Acknowledgement:
    """The answer to a message, on its way back to the client."""

    __slots__ = ("question", "value")

    def __init__(self, question: Message, value: Any) -> None:
        self.question, self.value = question, value


class Client:
    """A client: simulated, or a real one behind an endpoint that drives its link.

    Attributes
    ----------
    id, index
        Name, and position in the order of connecting, which chooses its random streams.
    state
        Its :class:`ConnectionState`.
    link
        Both directions and the session.
    """

    __slots__ = (
        "acks",
        "armed_ns",
        "at_work",
        "busy",
        "endpoint",
        "handling",
        "id",
        "inbound",
        "index",
        "lane",
        "link",
        "outbound",
        "pumping",
        "queue",
        "session",
        "state",
        "wake",
    )  # fmt: skip

    def __init__(self, name: str, index: int, link: Link, endpoint: Endpoint | None = None) -> None:
        self.id = name
        self.index = index
        self.link = link
        self.endpoint = endpoint
        self.inbound, self.outbound, self.session = link.inbound, link.outbound, link.session
        self.state = ConnectionState.CONNECTING
        self.armed_ns = NEVER  # when the next look at the link is due
        self.at_work: tuple[Channel, ...] = ()  # channels that may have something to tell
        self.lane: Channel | None = None  # the inbound one, while it alone is at work
        self.pumping = False
        self.busy = False  # a handler is at work: later messages wait in the queue
        self.queue: deque[Message] = deque()
        self.handling: asyncio.Task[Any] | None = None
        self.acks = 0
        self.wake: Callable[[], object]  # looks at the link when it is due

    def work(self, channel: Channel) -> None:
        """Note that a channel has something under way; inbound is always looked at first."""
        both = (self.inbound, self.outbound)
        self.at_work = tuple(c for c in both if c is channel or c in self.at_work)
        self.lane = self.inbound if self.at_work == (self.inbound,) else None

    def rest(self, channel: Channel) -> None:
        """Note that nothing happens on a channel until something is sent on it."""
        self.at_work = tuple(c for c in self.at_work if c is not channel)
        self.lane = self.inbound if self.at_work == (self.inbound,) else None

    def __repr__(self) -> str:
        return f"<Client {self.id} {self.state.value}>"
