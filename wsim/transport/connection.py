"""What the two directions of a client share: conditions, the session, and TCP."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wsim.conditions import NetworkConditions
from wsim.errors import ConditionsError
from wsim.randomness import IntArray
from wsim.schema import DIRECTIONS
from wsim.transport.session import Session

if TYPE_CHECKING:
    from wsim.tcp import TcpConnection

Arrived = Callable[[int, int, tuple[int, ...]], None]
"""Takes the number, delivery in ns and parts of a message that came through TCP."""


def require_conditions(conditions: object) -> None:
    """Raise ConditionsError for what is no NetworkConditions."""
    if not isinstance(conditions, NetworkConditions):
        raise ConditionsError(
            f"{conditions!r} is not a NetworkConditions; for a profile give"
            " profile('default').conditions, for single changes conditions.replace(latency_ms=...)"
        )


class Connection:
    """One client's connection; channels subscribe to cuts and read their TCP arrivals."""

    def __init__(self, conditions: NetworkConditions, seed: int, client: int) -> None:
        require_conditions(conditions)
        self._seed, self._client, self._epoch = seed, client, 0
        self.conditions = {name: conditions.for_direction(name) for name in DIRECTIONS}
        self._on_cut: list[Callable[[int], None]] = []
        self._bring_to: list[Callable[[int], None]] = []
        self._on_arrival: dict[str, Arrived] = {}
        self._tcp: TcpConnection | None = None
        self._owed: tuple[str, int, IntArray, IntArray] | None = None  # a schedule not stepped
        both = (self.conditions["inbound"], self.conditions["outbound"])
        self.session = Session(*both, seed, client, self._cut, self._bring_all_to)
        self._heartbeat = self.session.heartbeat

    def attach(
        self,
        direction: str,
        on_cut: Callable[[int], None],
        on_arrival: Arrived,
        bring_to: Callable[[int], None],
    ) -> None:
        """Let a channel hear of cuts and of what TCP delivers in its direction."""
        self._on_cut.append(on_cut)
        self._on_arrival[direction] = on_arrival
        self._bring_to.append(bring_to)

    def change(self, now_ns: int, changed: dict[str, NetworkConditions]) -> None:
        """Take new conditions for some directions."""
        old = self.session.outage_state
        self.conditions.update(changed)
        both = (self.conditions["inbound"], self.conditions["outbound"])
        self.session.change(now_ns, *both)
        if self._tcp is not None:
            self._catch_up()
            self._tcp.change(now_ns, *both)
            if self.session.outage_state is not old:
                self._tcp.outage_state = self.session.outage_state

    @property
    def next_tcp_ns(self) -> int | None:
        """When TCP does something next, or None."""
        self._catch_up()
        return None if self._tcp is None else self._tcp.next_event_ns

    def tcp_send(self, direction: str, now_ns: int, number: int, size: int) -> None:
        """Hand a message to TCP, opening the connection if there is none."""
        if self._tcp is None:
            self._tcp = self._open()
        self._catch_up()
        if self._heartbeat.running:
            self._heartbeat.ways[direction].note_sent(number, now_ns)
        self._tcp.send(direction, now_ns, number, size)

    def tcp_run(self, now_ns: int) -> None:
        """Bring TCP to `now_ns`; what it has delivered goes to the channels, both ways."""
        if self._tcp is not None and self._owed is None:
            for direction, number, delivered_ns, parts in self._tcp.advance(now_ns):
                if self._heartbeat.running:
                    self._heartbeat.ways[direction].note_delivered(number, delivered_ns)
                self._on_arrival[direction](number, delivered_ns, parts)

    def tcp_schedule(
        self, direction: str, first: int, times_ns: IntArray, sizes: IntArray
    ) -> tuple[IntArray, IntArray] | None:
        """Send a whole schedule and wait for it; deliveries (-1: none) and parts in ns.

        None, and nothing was sent, if a heartbeat is missed on the way or that cannot be told.
        """
        from wsim.tcp import run_compiled, run_schedule

        beating = self._heartbeat.running
        if beating and self._tcp is not None:
            return None  # what is under way could not be taken back
        if self._tcp is None:
            self._tcp = self._open()
        self._catch_up()
        found = run_compiled(self._tcp, direction, times_ns, sizes)
        if found is None or int(found[0].min()) < 0:
            found = run_schedule(self._tcp, direction, first, times_ns, sizes)
        else:
            self._owed = (direction, first, times_ns, sizes)
        if beating and not self._survives(direction, times_ns, found[0]):
            self._tcp = self._owed = None
            return None
        return found

    def _survives(self, direction: str, times_ns: IntArray, delivered_ns: IntArray) -> bool:
        if int(delivered_ns.min()) < 0:
            return False
        return self._heartbeat.survives(direction, times_ns.tolist(), delivered_ns.tolist())

    def _catch_up(self) -> None:
        """Step through a schedule that only machine code has seen, now that it matters."""
        if self._owed is not None and self._tcp is not None:
            from wsim.tcp import run_schedule

            owed, self._owed = self._owed, None
            run_schedule(self._tcp, *owed)

    def _open(self) -> TcpConnection:
        from wsim.tcp import TcpConnection

        both = (self.conditions["inbound"], self.conditions["outbound"])
        return TcpConnection(
            *both,
            seed=self._seed,
            client=self._client,
            epoch=self._epoch,
            outage_state=self.session.outage_state,
        )

    def _bring_all_to(self, at_ns: int) -> None:
        for bring_to in self._bring_to:
            bring_to(at_ns)

    def _cut(self, at_ns: int) -> None:
        """The transport dies with the session; the next one draws anew."""
        for lose in self._on_cut:
            lose(at_ns)
        self._tcp = self._owed = None
        self._epoch += 1
