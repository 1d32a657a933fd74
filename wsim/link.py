"""A client's link: two channels of one seed and the session between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from wsim.channel import Channel
from wsim.conditions import NetworkConditions
from wsim.randomness import IntArray
from wsim.transit import Transit, Transits, collect
from wsim.transport.connection import Connection, require_conditions
from wsim.transport.schedule import PATIENCE_NS, checked_schedule

Changes = Sequence[tuple[int, NetworkConditions]]


class Schedule(NamedTuple):
    """What is sent in one direction: times in ns (not decreasing), sizes in bytes, events."""

    times_ns: IntArray
    sizes: IntArray
    events: Sequence[str] | None = None


EMPTY = Schedule(np.empty(0, np.int64), np.empty(0, np.int64))


class Link:
    """What one client has: ``inbound`` and ``outbound`` channels and their ``session``.

    Parameters
    ----------
    conditions
        Of both directions; ``outbound`` overrides apply to that one.
    seed, client
        Choose the random streams; clients count from 0 in order of connecting.
    """

    def __init__(self, conditions: NetworkConditions, *, seed: int = 0, client: int = 0) -> None:
        self._connection = Connection(conditions, seed, client)
        self.conditions = conditions
        keys = {"seed": seed, "client": client, "connection": self._connection}
        self.inbound = Channel(conditions, **keys, direction="inbound")  # type: ignore[arg-type]
        self.outbound = Channel(conditions, **keys, direction="outbound")  # type: ignore[arg-type]
        self.session = self._connection.session

    def change(self, now_ns: int, conditions: NetworkConditions) -> None:
        """Take new conditions for both directions."""
        require_conditions(conditions)
        self.conditions = conditions
        self.session.catch_up(now_ns)
        for channel in (self.inbound, self.outbound):
            channel.settle(now_ns)
        changed = {name: conditions.for_direction(name) for name in ("inbound", "outbound")}
        self._connection.change(now_ns, changed)
        for channel in (self.inbound, self.outbound):
            channel.configure(now_ns)

    def close(self, now_ns: int) -> tuple[list[Transit], list[Transit]]:
        """End the link; return the last fates, inbound and outbound."""
        return self.inbound.close(now_ns), self.outbound.close(now_ns)

    @property
    def next_event_ns(self) -> int | None:
        """When a channel or the session has something to tell, or None."""
        events = (
            self.inbound.next_event_ns,
            self.outbound.next_event_ns,
            self.session.next_event_ns,
        )
        return min((at for at in events if at is not None), default=None)

    def send_many(
        self, inbound: Schedule = EMPTY, outbound: Schedule = EMPTY, changes: Changes = ()
    ) -> tuple[Transits, Transits]:
        """Send whole schedules both ways; the same fates as message by message.

        At one instant changes come first, then inbound before outbound.
        """
        if not changes and not self._coupled(len(inbound.times_ns), len(outbound.times_ns)):
            return (
                self.inbound.send_many(*inbound[:2], events=inbound.events),
                self.outbound.send_many(*outbound[:2], events=outbound.events),
            )
        return self._step((Schedule(*inbound), Schedule(*outbound)), list(changes))

    def _coupled(self, inbound: int, outbound: int) -> bool:
        """Return True if what happens one way can matter the other way."""
        if not self.session.steady:
            return True
        for channel, count in ((self.inbound, inbound), (self.outbound, outbound)):
            c = channel.conditions
            if c.enabled and c.transport == "tcp":
                return True
            if c.enabled and channel.draws.will_cut(channel.number, count):
                return True
        return False

    def _step(
        self, schedules: tuple[Schedule, Schedule], changes: list[tuple[int, NetworkConditions]]
    ) -> tuple[Transits, Transits]:
        channels = (self.inbound, self.outbound)
        firsts = (self.inbound.number, self.outbound.number)
        rows: list[tuple[int, int, int, str]] = []
        times = []
        for side, schedule in enumerate(schedules):
            at, sizes = checked_schedule(schedule.times_ns, schedule.sizes)
            times.append(at)
            names = schedule.events if schedule.events is not None else [""] * len(at)
            rows += zip(at.tolist(), [side] * len(at), sizes.tolist(), names, strict=True)
        rows.sort(key=lambda row: row[:2])
        for now, side, size, event in rows:
            while changes and changes[0][0] <= now:
                self.change(*changes.pop(0))
            channels[side].send(now, size, event=event)
        for change in changes:
            self.change(*change)
        last = max([0, *(row[0] for row in rows[-1:]), *(at for at, _ in changes)])
        found = self._drain(last + PATIENCE_NS)
        return (
            collect(firsts[0], times[0], found[0]),
            collect(firsts[1], times[1], found[1]),
        )

    def _drain(self, until_ns: int) -> tuple[list[Transit], list[Transit]]:
        """Advance until nothing is in flight, or until `until_ns`."""
        found: tuple[list[Transit], list[Transit]] = ([], [])
        while self.inbound.in_flight or self.outbound.in_flight:
            due = self.next_event_ns
            if due is None or due > until_ns:
                break
            found[0].extend(self.inbound.advance(due))
            found[1].extend(self.outbound.advance(due))
        return found
