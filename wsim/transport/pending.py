"""Fates that are settled but not yet reported, in order of decision."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

from wsim.transit import DELIVERED, NEVER, Transit, dropped, new_transit

Entry = tuple[int, int, Transit, int]
"""When it is decided, the order of entry, the fate, and the size on the wire."""


_Plain = tuple[int, int, tuple[Any, ...], int]


class Pending:
    """What is due on a channel; equal times come out in the order they went in.

    Most messages arrive in the order they were sent: these stand in a queue, and only the
    others, such as losses known at once, go through a heap.

    Attributes
    ----------
    queue, heap
        Entries as plain tuples, which are fast; the queue's times never decrease.
    order
        Of the next entry.
    """

    __slots__ = ("heap", "order", "queue")

    def __init__(self) -> None:
        self.queue: deque[_Plain] = deque()
        self.heap: list[_Plain] = []
        self.order = 0

    def __len__(self) -> int:
        return len(self.queue) + len(self.heap)

    @property
    def next_ns(self) -> int:
        """When the next fate is decided, `NEVER` if there is none."""
        queue, heap = self.queue, self.heap
        if heap:
            return min(heap[0][0], queue[0][0]) if queue else heap[0][0]
        return queue[0][0] if queue else NEVER

    def push(self, at_ns: int, transit: tuple[Any, ...], size: int = 0) -> None:
        """Add a fate that is decided at `at_ns`: a transit, or a plain tuple of its fields."""
        order = self.order
        self.order = order + 1
        queue = self.queue
        if not queue or at_ns >= queue[-1][0]:
            queue.append((at_ns, order, transit, size))
        else:
            heappush(self.heap, (at_ns, order, transit, size))

    def drop(self, number: int, sent_ns: int, cause: str, token: Any, at_ns: int) -> None:
        """Add the fate of a message that never arrives."""
        self.push(at_ns, dropped(number, sent_ns, cause, token, at_ns))

    def pop(self, now_ns: int) -> list[Transit]:
        """Take out the fates decided up to `now_ns`."""
        return list(map(new_transit, self.pop_fields(now_ns)))

    def pop_fields(self, now_ns: int) -> list[tuple[Any, ...]]:
        """Do as :meth:`pop`, each fate as the tuple that was pushed."""
        queue, heap, decided = self.queue, self.heap, []
        while heap and heap[0][0] <= now_ns:
            while queue and queue[0] < heap[0]:  # never compares transits: orders differ
                decided.append(queue.popleft()[2])
            decided.append(heappop(heap)[2])
        while queue and queue[0][0] <= now_ns:
            decided.append(queue.popleft()[2])
        return decided

    def take(self, wanted: Callable[[Entry], bool]) -> list[Entry]:
        """Take out the entries that are `wanted`, in the order they went in."""
        taken = sorted(filter(wanted, self._entries()), key=lambda entry: entry[1])
        if taken:
            orders = {entry[1] for entry in taken}
            self.queue = deque(entry for entry in self.queue if entry[1] not in orders)
            self.heap = [entry for entry in self.heap if entry[1] not in orders]
            heapify(self.heap)
        return taken

    def last_arrival_ns(self, now_ns: int) -> int:
        """Return the latest arrival that is pending, or `now_ns` if that is later."""
        return max([now_ns, *(e[0] for e in self._entries() if e[2].fate == DELIVERED)])

    def services(self) -> list[int]:
        """Return when each message that will arrive left the bottleneck."""
        return [service(entry)[1] for entry in self._entries() if entry[2].fate == DELIVERED]

    def _entries(self) -> list[Entry]:
        entries = [*self.queue, *self.heap]
        return [(at, order, new_transit(fields), size) for at, order, fields, size in entries]


def service(entry: Entry) -> tuple[int, int]:
    """Return the start and finish of service at the bottleneck, from the parts of the delay."""
    transit = entry[2]
    buffer, queue, served, *_, held = transit.parts
    start_ns = transit.sent_ns + buffer + held + queue
    return start_ns, start_ns + served
