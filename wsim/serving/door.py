"""The door of one real client: packets go in at one side and come out when their time has come.

Pure like the channels it stands between. A unit that carries a message takes a number in its
Channel, which decides its fate. A control packet (heartbeat, handshake, CONNECT and its
answers) takes no number and no random draw: it crosses in the fixed latency, is never lost at
random, and keeps its place among the messages of its direction. Only an outage, and the end of
the session, swallow it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from wsim.channel import Channel
from wsim.link import Link
from wsim.payloads import payload
from wsim.schema import DIRECTIONS
from wsim.serving.packets import PacketError, Unit
from wsim.transit import DELIVERED, Transit, dropped
from wsim.transport.session import Session

MAX_IN_FLIGHT = 10_000
MAX_IN_FLIGHT_BYTES = 64_000_000


@dataclass(slots=True)
class Cargo:
    """A unit under way: where it goes when it is through, and its place in the order."""

    unit: Unit
    route: Any
    order: int
    sent_ns: int
    created_ns: int = -1


class Passage(NamedTuple):
    """Something decided: a unit's fate. `transit` is None for a control packet that passes."""

    direction: str
    cargo: Cargo
    transit: Transit | None

    @property
    def passes(self) -> bool:
        """True if the unit comes out at the other side."""
        return self.transit is None or self.transit.fate == DELIVERED


def _payload(unit: Unit) -> Any:
    """Return what rules look at; None where it cannot be read."""
    try:
        return payload(tuple(unit.args)) if unit.kind == "event" else None
    except PacketError:
        return None


class Lane:
    """One direction of a door."""

    def __init__(
        self, channel: Channel, session: Session, max_messages: int, max_bytes: int
    ) -> None:
        self.direction = channel.direction
        self._channel, self._session = channel, session
        self._max_messages, self._max_bytes = max_messages, max_bytes
        self._order = self.bytes_in_flight = 0
        self._under_way: dict[int, None] = {}  # orders of undecided messages, oldest first
        self._controls: deque[tuple[int, Cargo]] = deque()  # due in ns
        self._refused: list[Passage] = []

    @property
    def in_flight(self) -> int:
        """Messages and control packets under way."""
        return len(self._under_way) + len(self._controls)

    def put(self, now_ns: int, unit: Unit, route: Any, created_ns: int = -1) -> None:
        """Take a unit in."""
        cargo = self._cargo(now_ns, unit, route)
        cargo.created_ns = created_ns
        if unit.kind == "control":
            self._put_control(now_ns, cargo)
        elif self._is_full(unit, route):
            self._refuse(now_ns, cargo, "overflow")
        else:
            self._under_way[cargo.order] = None
            self.bytes_in_flight += unit.size
            data = _payload(unit) if self._channel.conditions.rules else None
            self._channel.send(now_ns, unit.size, event=unit.event, token=cargo, data=data)

    def at_once(self, now_ns: int, unit: Unit, route: Any) -> bool:
        """Let a message through if nothing is simulated and nothing is before it.

        The same fate as by :meth:`put` and :meth:`advance`, without the detour; False, and
        nothing has happened, if it has to take that.
        """
        if self._under_way or self._controls or self._refused or unit.kind == "control":
            return False
        if self._is_full(unit, route) or not self._channel.pass_now(now_ns):
            return False
        self._order += 1
        return True

    def swallow(self, now_ns: int, unit: Unit, route: Any) -> None:
        """Lose a unit in a failure of this client's own, which takes no number or draw."""
        self._refuse(now_ns, self._cargo(now_ns, unit, route), "outage")

    def _cargo(self, now_ns: int, unit: Unit, route: Any) -> Cargo:
        self._order += 1
        return Cargo(unit, route, self._order, now_ns)

    def _refuse(self, now_ns: int, cargo: Cargo, cause: str) -> None:
        lost = dropped(-1, now_ns, cause, cargo, now_ns)
        self._refused.append(Passage(self.direction, cargo, lost))

    def _is_full(self, unit: Unit, route: Any) -> bool:
        """Is there no room for the unit, counting what the far side has not taken yet?"""
        waiting = 0 if route is None else route.backlog_bytes
        return (
            len(self._under_way) >= self._max_messages
            or self.bytes_in_flight + waiting + unit.size > self._max_bytes
        )

    def _put_control(self, now_ns: int, cargo: Cargo) -> None:
        conditions = self._channel.conditions
        if not conditions.enabled:
            self._controls.append((now_ns, cargo))
            return
        held_ns = 0
        window = self._session.outage(now_ns)
        if window is not None:
            if self._session.outage_effect != "hold":
                self._refuse(now_ns, cargo, "outage")
                return
            held_ns = window[1] - now_ns
        if not self._session.connected(now_ns):
            self._refuse(now_ns, cargo, "not_connected")
            return
        self._controls.append((now_ns + held_ns + round(conditions.latency_ms * 1e6), cargo))

    @property
    def next_event_ns(self) -> int | None:
        """When to call :meth:`advance` next, or None."""
        if self._refused:
            return 0
        due = self._channel.next_event_ns
        control = self._next_control()
        if control is None or (due is not None and due <= control):
            return due
        return control

    def _next_control(self) -> int | None:
        """When the first control packet is due, None while an earlier message is under way."""
        if not self._controls:
            return None
        due, cargo = self._controls[0]
        oldest = next(iter(self._under_way), None)
        return due if oldest is None or oldest > cargo.order else None

    def advance(self, now_ns: int) -> Iterator[Passage]:
        """Yield what has been decided by `now_ns`, in order."""
        refused, self._refused = self._refused, []
        yield from refused
        for transit in self._channel.advance(now_ns):
            cargo: Cargo = transit.token
            if not transit.copy:
                self._under_way.pop(cargo.order, None)
                self.bytes_in_flight -= cargo.unit.size
            if transit.fate == DELIVERED:  # nothing sent later may come out before them
                while self._controls and self._controls[0][1].order < cargo.order:
                    yield Passage(self.direction, self._controls.popleft()[1], None)
            yield Passage(self.direction, cargo, transit)
        while (due := self._next_control()) is not None and due <= now_ns:
            yield Passage(self.direction, self._controls.popleft()[1], None)

    def clear(self, now_ns: int) -> None:
        """The connection is gone: control packets under way go with it."""
        for _, cargo in self._controls:
            self._refuse(now_ns, cargo, "disconnected")
        self._controls.clear()


class Door:
    """Both directions of a client, and the session between them.

    Parameters
    ----------
    link
        The client's two channels.
    max_in_flight, max_in_flight_bytes
        Bounds for each direction; what comes in beyond them is dropped as ``overflow``.
    """

    def __init__(
        self,
        link: Link,
        *,
        max_in_flight: int = MAX_IN_FLIGHT,
        max_in_flight_bytes: int = MAX_IN_FLIGHT_BYTES,
    ) -> None:
        self.link = link
        link.session.leave_heartbeat_to_client()
        bounds = (max_in_flight, max_in_flight_bytes)
        self.lanes = {name: Lane(getattr(link, name), link.session, *bounds) for name in DIRECTIONS}

    @property
    def in_flight(self) -> int:
        """Units under way in both directions."""
        return sum(lane.in_flight for lane in self.lanes.values())

    def put(
        self, now_ns: int, direction: str, unit: Unit, route: Any = None, created_ns: int = -1
    ) -> None:
        """Take a unit in; `route` comes back with it.

        `created_ns` is when it was meant to be sent, if that is known.
        """
        self.lanes[direction].put(now_ns, unit, route, created_ns)

    @property
    def next_event_ns(self) -> int | None:
        """When to call :meth:`advance` next, or None if nothing is going on."""
        times = [lane.next_event_ns for lane in self.lanes.values()]
        times.append(self.link.session.next_event_ns)
        return min((time for time in times if time is not None), default=None)

    def advance(self, now_ns: int) -> Iterator[Passage]:
        """Yield what has been decided by `now_ns`, direction by direction, each in order."""
        for lane in self.lanes.values():
            yield from lane.advance(now_ns)

    def disconnected(self, now_ns: int) -> None:
        """The transport went: what is under way is lost, and the session waits."""
        self.link.session.cut(now_ns)
        for lane in self.lanes.values():
            lane.clear(now_ns)
