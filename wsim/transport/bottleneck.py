"""A queue whose decisions depend on what comes later: priorities, head drop, CoDel, age limits.

A plain first-in first-out queue needs none of this: there a message's finish is known when it
is sent. Here the next message is chosen when the server falls free. A choice due at t is made
as if at t + 1 ns, so that everything that arrives at t is among the candidates whether or not
the queue was looked at before; service still begins at t.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from wsim.conditions import NetworkConditions
from wsim.impairments import RateState
from wsim.transport.draws import Draw

CODEL_TARGET_NS = 5_000_000
CODEL_INTERVAL_NS = 100_000_000


class Item(NamedTuple):
    """A message before the bottleneck; ``arrival_ns`` is when it joins the queue."""

    number: int
    sent_ns: int
    buffer_ns: int
    arrival_ns: int
    size: int
    first: bool
    draw: Draw
    token: object


class Departure(NamedTuple):
    """What the queue decided: served from ``start_ns`` to ``at_ns``, or dropped at ``at_ns``."""

    item: Item
    start_ns: int
    at_ns: int
    cause: str


class Bottleneck:
    """One server and two first-in first-out lines, the first of which always goes first."""

    def __init__(self, conditions: NetworkConditions, rate: RateState, free_ns: int) -> None:
        self.free_ns = free_ns
        self._arrivals: deque[Item] = deque()
        self._first: deque[Item] = deque()
        self._rest: deque[Item] = deque()
        self._codel = CoDel()
        self.configure(conditions, rate)

    def configure(self, conditions: NetworkConditions, rate: RateState) -> None:
        """Take a new rate, policy and limits; what waits goes on waiting."""
        self._rate = rate
        self._policy = conditions.queue_policy
        self._limit_bytes = conditions.queue_limit_bytes
        self._limit_count = conditions.queue_limit_messages
        self._limit_ns = _ns(conditions.queue_limit_ms)
        self._max_age_ns = _ns(conditions.max_age_ms)

    def offer(self, item: Item) -> None:
        """Take a message; arrivals come in order of time."""
        self._arrivals.append(item)

    def __len__(self) -> int:
        return len(self._arrivals) + len(self._first) + len(self._rest)

    def empty(self) -> list[Item]:
        """Give up everything that waits, in order of number."""
        items = sorted([*self._arrivals, *self._first, *self._rest])
        for line in (self._arrivals, self._first, self._rest):
            line.clear()
        return items

    @property
    def next_ns(self) -> int | None:
        """When the next choice is due, or None."""
        if self._first or self._rest:
            return self.free_ns
        if self._arrivals:
            return max(self.free_ns, self._arrivals[0].arrival_ns)
        return None

    @property
    def _idle(self) -> bool:
        return not (self._first or self._rest)

    def run(self, before_ns: int) -> Iterator[Departure]:
        """Make the choices due before `before_ns` (a choice due at t counts as at t + 1)."""
        while True:
            due = self.next_ns
            arrival = self._arrivals[0].arrival_ns if self._arrivals else None
            if arrival is not None and arrival < before_ns and (due is None or arrival <= due):
                yield from self._join(self._arrivals.popleft())
                continue
            if due is None or due >= before_ns:
                return
            yield from self._choose(due)

    def _join(self, item: Item) -> Iterator[Departure]:
        self.free_ns = max(self.free_ns, item.arrival_ns) if self._idle else self.free_ns
        line = self._first if item.first else self._rest
        line.append(item)
        while self._over_limit(item):
            victim = line[0] if self._policy == "head" and len(line) > 1 else item
            line.remove(victim)
            yield Departure(victim, victim.arrival_ns, item.arrival_ns, "queue_full")
            if victim is item:
                return

    def _over_limit(self, item: Item) -> bool:
        if self._limit_count is not None and len(self._first) + len(self._rest) > self._limit_count:
            return True
        if self._limit_bytes is None and self._limit_ns is None:
            return False
        waiting = sum(other.size for other in (*self._first, *self._rest))
        if self._limit_bytes is not None and waiting > self._limit_bytes:
            return len(self._first) + len(self._rest) > 1 or self.free_ns > item.arrival_ns
        if self._limit_ns is None:
            return False
        free_ns = max(self.free_ns, item.arrival_ns)
        return self._rate.peek(free_ns, waiting - item.size) - item.arrival_ns > self._limit_ns

    def _choose(self, now_ns: int) -> Iterator[Departure]:
        while self._first or self._rest:
            item = (self._first or self._rest).popleft()
            waited = now_ns - item.arrival_ns
            if self._max_age_ns is not None and waited > self._max_age_ns:
                yield Departure(item, now_ns, now_ns, "expired")
            elif self._policy == "codel" and self._codel.drops(
                now_ns, waited, alone=not (self._first or self._rest)
            ):
                yield Departure(item, now_ns, now_ns, "queue_full")
            else:
                self.free_ns = self._rate.finish(now_ns, item.size)
                yield Departure(item, now_ns, self.free_ns, "")
                return


class CoDel:
    """Controlled delay: drop at the head while the wait has stayed above a target.

    Nichols and Jacobson, RFC 8289: once the wait has been above 5 ms for 100 ms, drop, and
    again after 100 ms / sqrt(count), until the wait falls below the target.
    """

    def __init__(self) -> None:
        self._above_until: int | None = None
        self._dropping = False
        self._next_drop = 0
        self._count = 0

    def drops(self, now_ns: int, waited_ns: int, *, alone: bool) -> bool:
        """Decide on the message at the head that has waited `waited_ns`."""
        if waited_ns < CODEL_TARGET_NS or alone:
            self._above_until, self._dropping = None, False
            return False
        if self._above_until is None:
            self._above_until = now_ns + CODEL_INTERVAL_NS
            return False
        if not self._dropping:
            if now_ns < self._above_until:
                return False
            self._dropping = True
            recent = now_ns - self._next_drop < 16 * CODEL_INTERVAL_NS
            self._count = self._count - 2 if recent and self._count > 2 else 1
        elif now_ns < self._next_drop:
            return False
        else:
            self._count += 1
        self._next_drop = now_ns + int(CODEL_INTERVAL_NS / np.sqrt(self._count))
        return True


def _ns(milliseconds: float | None) -> int | None:
    return None if milliseconds is None else int(milliseconds * 1e6)
