"""One TCP connection, event by event: messages in, messages out, both ways."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any, Protocol

from wsim.conditions import NetworkConditions
from wsim.errors import ConditionsError
from wsim.impairments.base import OutageState
from wsim.schema import DIRECTIONS
from wsim.tcp.bbr import Bbr
from wsim.tcp.cubic import Cubic
from wsim.tcp.path import HEADER_BYTES, Path
from wsim.tcp.receiver import Arrived, Packet, Range, Receiver
from wsim.tcp.sender import Sender
from wsim.tcp.state import Acknowledgement, Control, TcpOptions
from wsim.tcp.timers import NEVER, PHASE_NS

Parts = tuple[int, int, int, int, int, int, int, int]
Delivery = tuple[str, int, int, Parts]
"""Direction, number, time of delivery in ns, parts in ns in the order of ``schema.PARTS``."""

_ARRIVE, _ANSWER, _ACK, _TIMER = range(4)
_NO_DETAILS = (0, 0, 0)


class Timed(Protocol):
    """Something with one timer, of which ``on_wire`` is the entry among the events."""

    on_wire: int

    def expires(self) -> int:
        """Return when the timer fires, `NEVER` if it is off."""

    def on_timer(self, now: int) -> None:
        """Do what the timer was armed for."""


class _Half:
    """One direction: its messages, its path, the sender and the receiver."""

    __slots__ = ("direction", "firsts", "messages", "path", "receiver", "sender")

    def __init__(self, direction: str, path: Path) -> None:
        self.direction = direction
        self.path = path
        self.messages: deque[tuple[int, int, int]] = deque()
        self.firsts: deque[tuple[int, int]] = deque()
        self.sender: Sender
        self.receiver: Receiver


class TcpConnection:
    """One connection with both directions, since acknowledgements cross the other way.

    Parameters
    ----------
    conditions_in, conditions_out
        Conditions of each direction; ``packet_loss_rate`` is per packet here, and
        ``queue_limit_messages`` counts packets.
    seed, client, epoch
        Seed of the run, index of the client, and which of its connections this is: each has
        random streams of its own.
    outage_state
        When the link is out; packets sent meanwhile are lost. None: never.

    Notes
    -----
    Results depend on what is sent and when conditions change, not on when :meth:`advance` is
    called: at one instant sends come first, and inner events act 1 ns later. The model is
    established from the start; :func:`wsim.tcp.connect_time_ns` tells how long that took.
    """

    def __init__(
        self,
        conditions_in: NetworkConditions,
        conditions_out: NetworkConditions,
        *,
        seed: int = 0,
        client: int = 0,
        epoch: int = 0,
        outage_state: OutageState | None = None,
    ) -> None:
        self._heap: list[tuple[int, int, int, Any, Any, Any]] = []
        self._serials = count()
        self._deliveries: list[Delivery] = []
        paths = {
            name: Path(cond, seed=seed, client=client, direction=name, epoch=epoch)
            for name, cond in zip(DIRECTIONS, (conditions_in, conditions_out), strict=True)
        }
        self._halves = {name: _Half(name, paths[name]) for name in DIRECTIONS}
        inbound, outbound = self._halves.values()
        self.outage_state = outage_state
        self._build(inbound, outbound)
        self._build(outbound, inbound)

    def _build(self, half: _Half, back: _Half) -> None:
        conditions = half.path.conditions
        phase = int(half.path.stream("phase").one(0) * PHASE_NS)
        options = TcpOptions(
            mss=conditions.mss_bytes,
            initial_window=conditions.initial_window,
            rto_min_ns=round(conditions.rto_min_ms * 1_000_000),
            congestion_control=conditions.congestion_control,
            phase_ns=phase,
        )
        half.sender = Sender(
            options,
            half.path,
            _control(options, half.path),
            self._emitter(half, back),
            self._wake,
        )
        half.receiver = Receiver(
            back.path,
            phase,
            partial(self._deliver, half),
            self._deliver_next(half),
            self._ack_carrier(half),
            self._wake,
            half.path.stream("burst"),
        )
        half.sender.handshake(half.path.base_delay + back.path.base_delay)
        half.receiver.srtt_ns = half.path.base_delay + back.path.base_delay

    # -- what the driver calls ------------------------------------------------------------------

    @property
    def outage_state(self) -> OutageState | None:
        """When the link is out; may be replaced between calls."""
        return self._outages

    @outage_state.setter
    def outage_state(self, state: OutageState | None) -> None:
        self._outages = state
        for half in self._halves.values():
            half.path.outages = state

    def send(self, direction: str, now_ns: int, number: int, size_bytes: int) -> None:
        """Hand message `number`, of 1 byte or more, to the sender of `direction`."""
        if size_bytes < 1:
            raise ConditionsError(f"size_bytes={size_bytes!r}: a stream carries 1 byte or more")
        if self._heap and self._heap[0][0] < now_ns:
            self._run(now_ns)
        half = self._halves[direction]
        sender = half.sender
        half.messages.append((sender.written + size_bytes, number, now_ns))
        sender.write(now_ns, size_bytes)

    def change(
        self, now_ns: int, conditions_in: NetworkConditions, conditions_out: NetworkConditions
    ) -> None:
        """Change the conditions; what is in flight keeps its arrival."""
        self._run(now_ns)
        inbound, outbound = self._halves.values()
        inbound.path.configure(conditions_in, now_ns)
        outbound.path.configure(conditions_out, now_ns)

    @property
    def next_event_ns(self) -> int | None:
        """When to call :meth:`advance` next, or None if nothing is under way."""
        if not self._heap:
            return None
        first = self._heap[0]
        return first[0] if first[2] == _ARRIVE else first[0] + 1

    def advance(self, now_ns: int) -> list[Delivery]:
        """Run up to `now_ns` and return what was delivered until then, in order."""
        heap = self._heap
        if heap and heap[0][0] <= now_ns:
            self._run(now_ns)
            if heap and heap[0][0] == now_ns:
                self._deliver_at(now_ns)
        if not self._deliveries:
            return []
        done, self._deliveries = self._deliveries, []
        return done

    def plain_paths(self, direction: str) -> tuple[Path, Path] | None:
        """Return the paths there and back of a fresh connection without anything special.

        Such a connection can carry a schedule in machine code; None: it cannot.
        """
        half = self._halves[direction]
        back = self._other(half)
        fresh = not self._heap and not half.sender.written and not back.sender.written
        if fresh and half.sender.bbr is None and half.path.is_simple and back.path.is_simple:
            return half.path, back.path
        return None

    def close(self, now_ns: int) -> list[tuple[str, int]]:
        """End the connection; return (direction, number) of what was not delivered by then."""
        self._run(now_ns + 1)
        lost = [
            (half.direction, message[1])
            for half in self._halves.values()
            for message in half.messages
        ]
        self._heap.clear()
        for half in self._halves.values():
            half.messages.clear()
        return lost

    # -- events -----------------------------------------------------------------------------------

    def _run(self, until: int) -> None:
        """Process everything due before `until`."""
        heap = self._heap
        pop = heapq.heappop
        while heap and heap[0][0] < until:
            due, _, kind, target, payload, extra = pop(heap)
            if kind == _ARRIVE:
                receiver = target.receiver
                if not receiver.accept(due, payload):
                    verdict = receiver.arrive(due, payload)
                    found = (verdict, receiver.reached, receiver.overlap)
                    self._answer(due + 1, target, payload, found)
            elif kind == _ACK:
                target.on_ack(due + 1, payload)
            elif kind == _TIMER:
                self._timer(due, target)
            else:
                self._answer(due + 1, target, payload, extra)

    def _deliver_at(self, now: int) -> None:
        heap = self._heap
        later = []
        while heap and heap[0][0] == now:
            event = heapq.heappop(heap)
            if event[2] == _ARRIVE:
                half, packet = event[3], event[4]
                verdict = half.receiver.arrive(now, packet)
                extra = (verdict, half.receiver.reached, half.receiver.overlap)
                event = (now, event[1], _ANSWER, half, packet, extra)
            later.append(event)
        for event in later:
            heapq.heappush(heap, event)

    def _answer(
        self, now: int, half: _Half, packet: Packet, found: tuple[int, int, Range | None]
    ) -> None:
        receiver = half.receiver
        receiver.note(now, packet, *found)
        carried = packet[4]
        if carried is not None:
            self._other(half).sender.on_ack(now, carried, True)
        receiver.answer(now)

    def _other(self, half: _Half) -> _Half:
        return self._halves["outbound" if half.direction == "inbound" else "inbound"]

    def _timer(self, due: int, target: Timed) -> None:
        if target.on_wire != due:
            return  # an earlier entry has taken its place
        target.on_wire = NEVER
        at = target.expires()
        if at <= due:
            target.on_timer(due + 1)
        elif at < NEVER:
            target.on_wire = at
            self._wake(target, at)

    def _wake(self, target: Timed, due: int) -> None:
        heapq.heappush(self._heap, (due, next(self._serials), _TIMER, target, None, None))

    def _emitter(self, half: _Half, back: _Half) -> Callable[[int, int, int, bool], None]:
        """Return what a sender calls to put bytes `start` to `end` on the wire."""
        heap, path, note_first = self._heap, half.path, half.firsts.append
        serials, push, cross = self._serials, heapq.heappush, half.path.cross

        def emit(now: int, start: int, end: int, fresh: bool) -> None:
            if fresh:
                note_first((end, now))
            local = back.receiver
            carried = None
            if local.active:
                local.replied(now)
                carried = local.ride(now)
            arrival = cross(now, end - start + HEADER_BYTES)
            if arrival >= 0:
                details = None if path.plain else path.details
                packet = (start, end, now, details, carried)
                push(heap, (arrival, next(serials), _ARRIVE, half, packet, None))

        return emit

    def _ack_carrier(self, half: _Half) -> Callable[[int, Acknowledgement], None]:
        """Return what a receiver calls to have an acknowledgement arrive."""
        heap, sender, serials, push = self._heap, half.sender, self._serials, heapq.heappush

        def carry(arrival: int, acknowledgement: Acknowledgement) -> None:
            push(heap, (arrival, next(serials), _ACK, sender, acknowledgement, None))

        return carry

    def _deliver_next(self, half: _Half) -> Callable[[int, Packet], None]:
        """Return what delivers the messages that end in the next packet, without gaps."""
        messages, firsts, direction = half.messages, half.firsts, half.direction

        def deliver(now: int, packet: Packet) -> None:
            _, reached, left, details, _ = packet
            while messages and messages[0][0] <= reached:
                end, number, sent = messages.popleft()
                while firsts[0][0] < end:
                    firsts.popleft()
                first = firsts[0][1]
                if details is None and self._outages is None:
                    parts = (0, first - sent, 0, now - left, 0, left - first, 0, 0)
                else:
                    parts = self._parts(sent, first, now, (0, end, left, details, now))
                self._deliveries.append((direction, number, now, parts))

        return deliver

    def _deliver(self, half: _Half, now: int, pieces: list[Arrived]) -> None:
        """Deliver every message that is complete."""
        reached = half.receiver.reached
        messages, firsts = half.messages, half.firsts
        index = 0
        while messages and messages[0][0] <= reached:
            end, number, sent = messages.popleft()
            while firsts[0][0] < end:
                firsts.popleft()
            while pieces[index][1] < end:
                index += 1
            parts = self._parts(sent, firsts[0][1], now, pieces[index])
            self._deliveries.append((half.direction, number, now, parts))

    def _parts(self, sent: int, first: int, now: int, piece: Arrived) -> Parts:
        _, _, left, details, arrival = piece
        waited, serial, jitter = details or _NO_DETAILS
        travel = arrival - left - waited - serial - jitter
        queue, again, behind, out = first - sent, left - first, now - arrival, 0
        if self._outages is not None:
            shares = (
                self._overlap(sent, first),
                self._overlap(first, left),
                self._overlap(arrival, now),
            )
            queue, again, behind = queue - shares[0], again - shares[1], behind - shares[2]
            out = sum(shares)
        return (0, queue + waited, serial, travel, jitter, again, behind, out)

    def _overlap(self, start: int, end: int) -> int:
        """Return how much of a wait the link was out."""
        if end <= start or self._outages is None:
            return 0
        total, at = 0, start
        while at < end:
            window = self._outages.window(at)
            if window is not None:
                total += min(window[1], end) - at
                at = window[1]
                continue
            begins = self._outages.next_start_ns(at)
            if begins is None:
                break
            at = begins
        return total


def _control(options: TcpOptions, path: Path) -> Control:
    return Bbr(path.stream("bbr")) if options.congestion_control == "bbr" else Cubic()
