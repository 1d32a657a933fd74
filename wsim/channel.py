"""A one-way link as a pure state machine: send, ask when to look again, advance.

A channel decides what becomes of each message. It never sleeps, logs or reads a clock: time is
an argument, in integer nanoseconds since the start of the run. Fates depend only on what was
sent and changed, never on when ``advance`` is called; at one instant sends and changes count
before timers.

A message takes its random draws (:mod:`wsim.transport.draws`) and meets

1. the session: offline, it is dropped or waits in the client's buffer;
2. the chance that it cuts the session, which loses all that is in flight;
3. the transport: :mod:`wsim.transport.datagram`, where lost is lost, or
   :mod:`wsim.transport.stream`, where TCP turns loss into delay.

What has been decided waits in :mod:`wsim.transport.pending` until its time has come. Most
messages need none of the detours; :meth:`Channel.send` tells the short ways apart from the long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wsim.conditions import NetworkConditions
from wsim.errors import ConditionsError, nearest
from wsim.randomness import IntArray
from wsim.rules import Rule
from wsim.schema import DIRECTIONS
from wsim.transit import DELIVERED, NEVER, Transit, Transits, dropped, new_transit
from wsim.transport import datagram
from wsim.transport.bottleneck import Item
from wsim.transport.connection import Connection, require_conditions
from wsim.transport.draws import Draw, Draws
from wsim.transport.pending import Pending
from wsim.transport.stream import Sent, StreamPath


class Channel:
    """One direction of a client's link.

    Parameters
    ----------
    conditions
        What the link does; its ``outbound`` overrides apply if this is that direction.
    seed, client, direction
        Choose the random streams.
    connection
        What it shares with the other direction; a lone channel has an idle one of its own.

    Examples
    --------
    >>> from wsim import Channel, NetworkConditions
    >>> link = NetworkConditions(
    ...     latency_ms=20, jitter_ms=0, packet_loss_rate=0, disconnect_rate=0, bandwidth_mbps=1
    ... )
    >>> channel = Channel(link)
    >>> channel.send(0, 12_500)
    0
    >>> channel.next_event_ns
    120000000
    >>> channel.advance(120_000_000)[0].parts
    (0, 0, 100000000, 20000000, 0, 0, 0, 0)
    """

    def __init__(
        self,
        conditions: NetworkConditions,
        *,
        seed: int = 0,
        client: int = 0,
        direction: str = "inbound",
        connection: Connection | None = None,
    ) -> None:
        if direction not in DIRECTIONS:
            hint = nearest(direction, DIRECTIONS)
            raise ConditionsError(f"direction={direction!r} is not inbound or outbound{hint}")
        self.direction = direction
        self.connection = connection or Connection(conditions, seed, client)
        self.session = self.connection.session
        self.number = 0  # of the next message
        self.closed = False
        self.pending = Pending()
        conditions = self.connection.conditions[direction]
        self._key = (seed, client, direction)
        self.draws = Draws(effective(conditions), *self._key)
        self._rules: list[tuple[Rule, Draws]] = []
        self.path = datagram.DatagramPath(effective(conditions), self.pending)
        self.stream = StreamPath(direction, self.connection, self.path, self.pending)
        self._streaming = self.stream.under_way  # empty where TCP has nothing of ours
        self.connection.attach(direction, self._cut, self.stream.arrive, self._run)
        self._take(conditions)

    def _take(self, conditions: NetworkConditions) -> None:
        """Note what conditions allow: which messages may take a short way."""
        self.conditions = conditions
        if conditions.rules != tuple(rule for rule, _ in self._rules):
            self._rules = [(rule, self._draws_under(rule)) for rule in conditions.rules]
        self._first_events = conditions.priority_events
        self._overhead = conditions.overhead_bytes
        self._over_tcp = conditions.enabled and conditions.transport == "tcp"
        # datagrams whose fate is known when they are sent, without outages
        self._direct = not self._over_tcp and self.path.is_direct
        self._free_pass = datagram.nothing_to_simulate(conditions)
        altered = conditions.rules or conditions.duplicate_rate or conditions.corrupt_rate
        self._plain = not (altered or self._free_pass)

    # -- the verbs -----------------------------------------------------------------------

    def send(
        self,
        now_ns: int,
        size: int,
        *,
        event: str = "",
        priority: int = 0,
        token: Any = None,
        data: Any = None,
    ) -> int:
        """Accept a message of `size` bytes; return its number, 0, 1, 2, ...

        Parameters
        ----------
        now_ns, size
            Nanoseconds, not before the last call's; bytes.
        event, priority
            A priority above zero, or an event among ``priority_events``, goes before others
            at the bottleneck.
        token
            Comes back in the :class:`Transit`.
        data
            The payload, for rules that look at it.
        """
        number = self.number
        self.number = number + 1
        if self.closed:
            self.pending.drop(number, now_ns, "closed", token, now_ns)
            return number
        if self._free_pass and not (self.path.late or self._streaming):
            if self.session.steady or self._online(number, now_ns, token):
                self._pass(number, now_ns, token)
            return number
        draws = self.draws if not self._rules else self._draws_for(event, data)
        draw = draws.one(number, now_ns)
        at_once = self._direct and not (self._streaming or priority or draw.cut)
        if at_once and self.session.steady:
            self.path.send_direct(number, now_ns, size + self._overhead, draw, token)
        elif self._joins_stream(now_ns) and not draw.cut:
            self.stream.send(number, now_ns, size + self._overhead, draw, token)
        else:
            first = priority > 0 or event in self._first_events
            self._place(number, now_ns, size + self._overhead, first, draw, token)
        return number

    def change(self, now_ns: int, conditions: NetworkConditions) -> None:
        """Take new conditions for this direction; queue, streams and messages in flight stay."""
        require_conditions(conditions)
        self.settle(now_ns)
        self.connection.change(now_ns, {self.direction: conditions.for_direction(self.direction)})
        self.configure(now_ns)

    def settle(self, now_ns: int) -> None:
        """Bring everything up to `now_ns` under the conditions so far."""
        self.session.catch_up(now_ns)
        self._run(now_ns)

    def configure(self, now_ns: int) -> None:
        """Take what the connection now holds for this direction."""
        conditions = self.connection.conditions[self.direction]
        self.draws.configure(effective(conditions))
        for rule, draws in self._rules:
            draws.configure(_under(conditions, rule))
        self.path.configure(effective(conditions), now_ns)
        self._take(conditions)

    def advance(self, now_ns: int) -> list[Transit]:
        """Return the fates decided up to `now_ns`, in order of decision."""
        return list(map(new_transit, self.advance_fields(now_ns)))

    def advance_fields(self, now_ns: int) -> list[tuple[Any, ...]]:
        """Do as :meth:`advance`, each fate as a tuple of a transit's fields, made faster."""
        if not self.still:
            self.settle(now_ns)
        return self.pending.pop_fields(now_ns)

    def close(self, now_ns: int) -> list[Transit]:
        """End the link; return all fates, what is still in flight as dropped (``closed``)."""
        self.settle(now_ns)
        self._lose_in_flight(now_ns, "closed")
        self.closed = True
        return self.pending.pop(now_ns)

    @property
    def next_event_ns(self) -> int | None:
        """When to call :meth:`advance` next, or None if nothing is under way."""
        due = self.pending.next_ns
        if self.still:
            return None if due >= NEVER else due
        queue = self.path.next_ns
        if queue is not None and queue < due:
            due = queue
        stream = self.stream.next_ns
        if stream is not None and stream < due:
            due = stream
        session = self.session.next_event_ns
        if session is not None and session < due and self.in_flight:
            due = session
        return None if due >= NEVER else due

    @property
    def in_flight(self) -> int:
        """How many messages and copies are under way or not yet reported."""
        return len(self.pending) + len(self.path) + len(self._streaming)

    def send_many(
        self,
        times_ns: IntArray,
        sizes: IntArray,
        *,
        events: Sequence[str] | None = None,
        priorities: Sequence[int] | None = None,
        changes: Sequence[tuple[int, NetworkConditions]] = (),
    ) -> Transits:
        """Send a whole schedule and return all fates, the same as message by message.

        Parameters
        ----------
        times_ns, sizes
            Shape (n,), integers; times must not decrease. A single size serves for all.
        events, priorities
            Length n, as for :meth:`send`.
        changes
            (time in ns, conditions), in order; at one instant changes come before sends.
        """
        from wsim.transport.schedule import send_schedule

        return send_schedule(self, times_ns, sizes, events, priorities, changes)

    def pass_now(self, now_ns: int) -> bool:
        """Send through a link with nothing to simulate; False if it is not so just now.

        Saves the queue where neither conditions nor messages under way can matter.
        """
        if not self._free_pass or self.closed or len(self.pending) or not self.session.steady:
            return False
        path = self.path
        if self._streaming or path.late or (path.last_ns > now_ns and self.conditions.enabled):
            return False
        self.number += 1
        return True

    def send_plain(self, now_ns: int, size: int, token: Any) -> int | None:
        """Do as :meth:`send` on the plainest of links, and say when to look at the channel.

        None, and nothing is sent, where rules, copies, damage, TCP or a late queue may matter.
        """
        if not (self._plain and self._direct and self.session.steady):
            return None
        if self._streaming or self.closed:
            return None
        number = self.number
        self.number = number + 1
        draws, size = self.draws, size + self._overhead
        offset, plain = number - draws.plain_from, draws.plain
        delay_ns = plain[offset] if 0 <= offset < len(plain) else draws.plain_delay(number)
        if delay_ns >= 0:
            return self.path.send_plain(number, now_ns, size, delay_ns, token)
        draw = draws.one(number, now_ns)
        if not draw.cut:
            return self.path.send_direct(number, now_ns, size, draw, token)
        self._place(number, now_ns, size, False, draw, token)
        return now_ns

    @property
    def still(self) -> bool:
        """True if nothing happens by itself but what is pending."""
        return self._direct and not self._streaming and self.session.steady

    # -- inside --------------------------------------------------------------------------

    def _draws_under(self, rule: Rule) -> Draws:
        return Draws(_under(self.conditions, rule), *self._key)

    def _draws_for(self, event: str, data: Any) -> Draws:
        """Return the decisions under the first rule that fits; the random numbers are the same."""
        _, client, direction = self._key
        for rule, draws in self._rules:
            if rule.fits(event, direction, client, data):
                return draws
        return self.draws

    def _joins_stream(self, now_ns: int) -> bool:
        """Return True if TCP takes a message now, with none before it that waits to join."""
        return self._over_tcp and not self.stream.waiting and self.session.calm(now_ns)

    def _place(
        self, number: int, now_ns: int, size: int, first: bool, draw: Draw, token: Any
    ) -> None:
        """Take a message the long way, through the session to the transport."""
        self.settle(now_ns)
        at_ns = now_ns
        back_ns = self.session.back_ns(now_ns)
        if back_ns is not None and self._buffers(back_ns):
            at_ns = back_ns
        elif not self._online(number, now_ns, token):
            return
        elif draw.cut:
            self.session.cut(now_ns)
            self.pending.drop(number, now_ns, "disconnected", token, now_ns)
            return
        if self._over_tcp or self._streaming:  # what follows TCP's messages stays behind them
            self.stream.send_later(number, Sent(now_ns, at_ns, draw, token), size)
            self.stream.run(now_ns)
        else:
            item = Item(number, now_ns, at_ns - now_ns, at_ns, size, first, draw, token)
            hold = self.session.outage_effect == "hold"
            self.path.send(item, self.session.outage(at_ns), hold=hold)
            self._direct = self.path.is_direct  # a priority makes the queue decide late

    def _buffers(self, back_ns: int) -> bool:
        wanted = self.conditions.client_buffer and self.direction == "inbound"
        return wanted and back_ns < NEVER

    def _online(self, number: int, now_ns: int, token: Any) -> bool:
        """Return True if the client is connected; otherwise drop the message."""
        if self.session.connected(now_ns):
            return True
        self.pending.drop(number, now_ns, "not_connected", token, now_ns)
        return False

    def _pass(self, number: int, now_ns: int, token: Any) -> None:
        """Nothing to simulate: there at once; only conditions that are on keep the order."""
        due = max(now_ns, self.path.last_ns) if self.conditions.enabled else now_ns
        parts = (0, 0, 0, 0, 0, 0, due - now_ns, 0)
        fields = (number, 0, now_ns, due, DELIVERED, "", parts, token, None, due)
        self.pending.push(due, fields)

    def _run(self, now_ns: int) -> None:
        """Bring the transport to `now_ns`; choices due at that instant stay open."""
        self.path.run(now_ns)
        self.stream.run(now_ns)

    def send_by_tcp(self, times_ns: IntArray, sizes: IntArray) -> Transits | None:
        """Do as :meth:`send_many` where nothing but TCP matters; None if a heartbeat may."""
        transits = self.stream.send_many(self.number, times_ns, sizes + self._overhead)
        if transits is not None:
            self.number += len(times_ns)
        return transits

    def _cut(self, at_ns: int) -> None:
        """The session was cut: what would arrive later does not."""
        self._run(at_ns)
        self._lose_in_flight(at_ns, "disconnected")

    def _lose_in_flight(self, at_ns: int, cause: str) -> None:
        late = self.pending.take(lambda entry: entry[0] > at_ns)
        lost = [(t.number, t.copy, t.sent_ns, t.token) for _, _, t, _ in late]
        waiting = self.path.empty(at_ns)
        lost += [(item.number, 0, item.sent_ns, item.token) for item in waiting]
        lost += [(number, 0, sent.sent_ns, sent.token) for number, sent in self.stream.empty()]
        for number, copy, sent_ns, token in sorted(lost, key=lambda row: row[:2]):
            transit = dropped(number, sent_ns, cause, token, at_ns)
            self.pending.push(at_ns, transit._replace(copy=copy))


def effective(c: NetworkConditions) -> NetworkConditions:
    """Return the conditions themselves, or ideal ones if they are switched off."""
    if c.enabled:
        return c
    return NetworkConditions(
        latency_ms=0.0, jitter_ms=0.0, packet_loss_rate=0.0, disconnect_rate=0.0,
        bandwidth_mbps=None, enabled=False,
    )  # fmt: skip


def _under(c: NetworkConditions, rule: Rule) -> NetworkConditions:
    return effective(c.replace(**dict(rule.conditions), rules=()))
