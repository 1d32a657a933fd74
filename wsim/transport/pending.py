"""Fates that are settled but not yet reported, in order of decision."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

from wsim.transit import DELIVERED, NEVER, Transit, dropped, new_transit

Entry = tuple[int, int, Transit, int]
"""When it is decided, the order of entry, the fate, and the size on the wire."""


class Pending:
    """One heap per channel; equal times come out in the order they went in."""

    __slots__ = ("_order", "heap")

    def __init__(self) -> None:
        self.heap: list[tuple[int, int, tuple[Any, ...], int]] = []  # plain tuples are fast
        self._order = 0

    def __len__(self) -> int:
        return len(self.heap)

    @property
    def next_ns(self) -> int:
        """When the next fate is decided, `NEVER` if there is none."""
        return self.heap[0][0] if self.heap else NEVER

    def push(self, at_ns: int, transit: tuple[Any, ...], size: int = 0) -> None:
        """Add a fate that is decided at `at_ns`: a transit, or a plain tuple of its fields."""
        order = self._order
        self._order = order + 1
        heappush(self.heap, (at_ns, order, transit, size))

    def drop(self, number: int, sent_ns: int, cause: str, token: Any, at_ns: int) -> None:
        """Add the fate of a message that never arrives."""
        self.push(at_ns, dropped(number, sent_ns, cause, token, at_ns))

    def pop(self, now_ns: int) -> list[Transit]:
        """Take out the fates decided up to `now_ns`."""
        return list(map(new_transit, self.pop_fields(now_ns)))

    def pop_fields(self, now_ns: int) -> list[tuple[Any, ...]]:
        """Do as :meth:`pop`, each fate as the tuple that was pushed."""
        heap, decided = self.heap, []
        while heap and heap[0][0] <= now_ns:
            decided.append(heappop(heap)[2])
        return decided

    def take(self, wanted: Callable[[Entry], bool]) -> list[Entry]:
        """Take out the entries that are `wanted`, in the order they went in."""
        taken = sorted(filter(wanted, self._entries()), key=lambda entry: entry[1])
        if taken:
            orders = {entry[1] for entry in taken}
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
        return [(at, order, new_transit(fields), size) for at, order, fields, size in self.heap]


def service(entry: Entry) -> tuple[int, int]:
    """Return the start and finish of service at the bottleneck, from the parts of the delay."""
    transit = entry[2]
    buffer, queue, served, *_, held = transit.parts
    start_ns = transit.sent_ns + buffer + held + queue
    return start_ns, start_ns + served
