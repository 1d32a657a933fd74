"""The real clients of a server: a link and a door each, and one pump for all of them."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from wsim.clock import Clock, clock_of
from wsim.conditions import NetworkConditions
from wsim.history import History
from wsim.link import Link
from wsim.serving.door import Door
from wsim.serving.ledger import Counter, Inspector, Ledger
from wsim.serving.packets import Frame, Unit
from wsim.serving.terms import Bounds, TooManyError, check_heartbeat, resolved

_MOST_LOST = 1000
"""How many clients are remembered who were lost and did not come back."""


class Route(Protocol):
    """Where packets go once they are through."""

    @property
    def backlog_bytes(self) -> int:
        """Bytes handed over that nobody has taken yet."""

    def pass_on(self, frames: tuple[Frame, ...], unit: Unit) -> None:
        """Take packets; none if the unit is lost."""


class Transport(Protocol):
    """A connection that the network can take down."""

    def abort(self, how: str) -> None:
        """End it at once; `how` is ``close`` or ``reset``."""

    def abandon(self) -> None:
        """The server has ended the session: forget it, if nobody is there to be told."""

    def inject(self, unit: Unit) -> None:
        """Hand the client a packet that the server never sent."""


class Client:
    """A real client, over all its connections.

    Attributes
    ----------
    client_id
        Name in the history.
    session
        1, 2, ...: grows when the client comes back.
    """

    def __init__(self, client_id: str, door: Door, identity: str) -> None:
        self.client_id, self.door, self.identity = client_id, door, identity
        self.transports: set[Transport] = set()
        self.leaving = self.gone = self.joined = self.spoken = False
        self.lost_times = 0
        self.clock_lag_s = math.inf
        self.deaf_until_ns = self.refused_until_ns = 0
        self.armed_ns: int | None = None

    @property
    def session(self) -> int:
        """Number of the session."""
        return self.door.link.session.number

    def abort(self, how: str = "close") -> None:
        """Take down every connection of this client."""
        for transport in list(self.transports):
            transport.abort(how)

    def abandon(self) -> None:
        """The server has ended the session."""
        for transport in list(self.transports):
            transport.abandon()


class Book(Protocol):
    """Names clients and keeps book of them."""

    def newcomer(self, conditions: NetworkConditions, identity: str) -> tuple[str, Link]:
        """Return the name and the link of a client who was never here before."""

    def joined(self, client: Client, now_ns: int) -> None:
        """A client is connected, for the first time or again."""

    def lost(self, client: Client, now_ns: int, for_good: bool) -> None:
        """A client is not connected any more."""


class Roster:
    """Names clients, makes their links, and notes in the history that they come and go."""

    def __init__(self, history: History, seed: int) -> None:
        self._history, self._seed = history, seed
        self._count = 0

    def newcomer(self, conditions: NetworkConditions, identity: str) -> tuple[str, Link]:
        """Return the name and the link of a client who was never here before."""
        index = self._count
        self._count += 1
        return f"client-{index + 1}", Link(conditions, seed=self._seed, client=index)

    def joined(self, client: Client, now_ns: int) -> None:
        """A client is connected, for the first time or again."""
        self._history.note_connection(now_ns, client.client_id, "connected", client.session, "")

    def lost(self, client: Client, now_ns: int, for_good: bool) -> None:
        """A client is not connected any more."""
        cause = "closed" if for_good else "disconnected"
        state = "disconnected" if for_good else "reconnecting"
        self._history.note_connection(now_ns, client.client_id, state, client.session, cause)


class Network:
    """The simulated network between a server and its real clients.

    Parameters
    ----------
    conditions
        Conditions, a profile or its name.
    seed
        Chooses the random streams, with each client's index.
    history
        Takes one row for each message; a new one by default.
    inspect, on_row
        As for :class:`~wsim.serving.ledger.Ledger`.
    clock
        Times everything; by default the live clock of the running loop.
    roster
        Names the clients and keeps book of them.
    strict
        End the connection of a client that breaks the protocol, as the reference server does;
        else the server behind has to see to it.
    """

    def __init__(
        self,
        conditions: Any,
        *,
        seed: int = 0,
        history: History | None = None,
        inspect: Inspector | None = None,
        on_row: Counter | None = None,
        clock: Clock | None = None,
        roster: Book | None = None,
        bounds: Bounds | None = None,
        strict: bool = False,
    ) -> None:
        self.conditions, name = resolved(conditions)
        check_heartbeat(self.conditions, name)
        self.seed, self.bounds, self.strict = seed, bounds or Bounds(), strict
        if history is None:
            about: dict[str, Any] = {"started_at": time.time(), "seed": seed}
            about["conditions"] = self.conditions.to_dict()
            history = History(profile=name, about=about)
        self.history = history
        self.ledger = Ledger(history, inspect=inspect, on_row=on_row, strict=strict)
        self.clients: list[Client] = []
        """Those who are connected, and those who were lost and may come back."""
        self.connected = 0
        self._clock = clock
        self.stamp: Callable[[Client, str, Unit], int] | None = None
        """Says when a message was meant to be sent, in ns, where its sender follows a schedule."""
        self.roster: Book = roster or Roster(history, seed)

    @property
    def clock(self) -> Clock:
        """The clock of the loop that serves."""
        if self._clock is None:
            self._clock = clock_of(asyncio.get_running_loop())
            self.history.about["started_at"] = time.time()
        return self._clock

    def change(self, conditions: Any, name: str | None = None) -> None:
        """Take new conditions for everybody; a mapping changes some fields."""
        new, given = resolved(conditions, self.conditions)
        check_heartbeat(new, given)
        now_ns = self.clock.now_ns()
        if name is None:
            name = given or self.history.profile
        self.history.profile = name
        self.history.note_change(now_ns, new.to_dict(), name)
        self.apply(new, now_ns)

    def apply(self, conditions: NetworkConditions, now_ns: int) -> None:
        """Put conditions on every link, without a note."""
        self.conditions = conditions
        for client in self.clients:
            client.door.link.change(now_ns, conditions)
            self.stir(client)

    # -- clients -------------------------------------------------------------------------

    def admit(self, identity: str) -> Client:
        """Return the client who wants to connect: one who was lost and comes back, or a new one.

        Raises
        ------
        TooManyError
            If there are as many as `bounds` allow.
        """
        if self.connected >= self.bounds.max_clients:
            raise TooManyError(f"{self.connected} clients are connected, which is the limit")
        client = self._returning(identity)
        if client is None:
            client_id, link = self.roster.newcomer(self.conditions, identity)
            door = Door(
                link,
                max_in_flight=self.bounds.max_in_flight,
                max_in_flight_bytes=self.bounds.max_queue_bytes,
            )
            client = Client(client_id, door, identity)
            self.clients.append(client)
        client.gone = client.spoken = False
        self.connected += 1
        return client

    def join(self, client: Client) -> None:
        """The client is let in; one who comes back starts another session."""
        if not client.joined:
            client.joined = True
            now_ns = self.clock.now_ns()
            client.door.link.session.resume(now_ns)
            self.roster.joined(client, now_ns)

    def expect_connect(self, client: Client, transport: Transport) -> None:
        """Show a client out that is connected to no namespace when its time for that is over."""

        def show_out() -> None:
            if transport in client.transports and not client.spoken:
                client.abort()

        loop = asyncio.get_running_loop()
        loop.call_later(self.bounds.connect_timeout_s, show_out)

    def _returning(self, identity: str) -> Client | None:
        for client in self.clients:
            if client.gone and client.identity == identity:
                return client
        return None

    def lose(self, client: Client, *, for_good: bool = False) -> None:
        """The client's last connection is gone; what was under way to it is lost."""
        if client.gone:
            return
        client.gone = True
        self.connected -= 1
        if client.joined:
            client.joined = False
            now_ns = self.clock.now_ns()
            client.door.disconnected(now_ns)
            client.door.link.session.events(now_ns)  # told to the roster
            self.stir(client)
            self.roster.lost(client, now_ns, for_good)
        lost = [other for other in self.clients if other.gone]
        if for_good or len(lost) > _MOST_LOST:
            self.clients.remove(client if for_good else lost[0])
        if not for_good:
            loop = asyncio.get_running_loop()
            client.lost_times += 1
            loop.call_later(self.bounds.absent_s, self._give_up, client, client.lost_times)

    def _give_up(self, client: Client, lost_times: int) -> None:
        """Who has not come back for so long will not: nothing more is sent to it."""
        if client.gone and client.lost_times == lost_times and client in self.clients:
            self.clients.remove(client)
            self.roster.lost(client, self.clock.now_ns(), True)

    def note(self, client: Client, state: str, cause: str) -> None:
        """Note that something happened to a client's connection."""
        now_ns = self.clock.now_ns()
        self.history.note_connection(now_ns, client.client_id, state, client.session, cause)

    # -- traffic -------------------------------------------------------------------------

    def put(self, client: Client, direction: str, unit: Unit, route: Route) -> None:
        """Send a unit on its way; it comes out at `route` when its time has come."""
        frames = self.at_once(client, direction, unit, route)
        if frames is not None:
            route.pass_on(frames, unit)
            return
        now_ns = self.clock.now_ns()
        if client.deaf_until_ns > now_ns:
            client.door.lanes[direction].swallow(now_ns, unit, route)
        else:
            created_ns = -1 if self.stamp is None else self.stamp(client, direction, unit)
            client.door.put(now_ns, direction, unit, route, created_ns)
        self.stir(client)

    def at_once(
        self, client: Client, direction: str, unit: Unit, route: Route
    ) -> tuple[Frame, ...] | None:
        """Let a message through if nothing is simulated: the packets that go on.

        None, and nothing has happened, if it has to be put on its way.
        """
        clock = self._clock or self.clock
        now_ns = clock.now_ns()
        if client.deaf_until_ns > now_ns:
            return None
        if not client.door.lanes[direction].at_once(now_ns, unit, route):
            return None
        created_ns = -1 if self.stamp is None else self.stamp(client, direction, unit)
        return self.ledger.passed(client, direction, unit, now_ns, created_ns)

    def stir(self, client: Client) -> None:
        """Hand on what is due now, and wake up when more is."""
        now_ns = self.clock.now_ns()
        due = client.door.next_event_ns
        while due is not None and due <= now_ns:
            self._advance(client, now_ns)
            now_ns = self.clock.now_ns()
            due = client.door.next_event_ns
        if due is not None and (client.armed_ns is None or due < client.armed_ns):
            client.armed_ns = due
            self.clock.call_at(due, partial(self._wake, client, due))

    def _wake(self, client: Client, due_ns: int) -> None:
        if client.armed_ns == due_ns:
            client.armed_ns = None
        self.stir(client)

    def _advance(self, client: Client, now_ns: int) -> None:
        for passage in client.door.advance(now_ns):
            frames = self.ledger.settle(client, passage, now_ns)
            passage.cargo.route.pass_on(frames, passage.cargo.unit)
        self._end_sessions(client, now_ns)

    def _end_sessions(self, client: Client, now_ns: int) -> None:
        for event in client.door.link.session.events(now_ns):
            if event.kind == "cut" and not client.gone:
                client.abort()
