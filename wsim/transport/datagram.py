"""Transport of datagrams: outage, loss, the bottleneck, the delay and the order of arrival.

Loss comes before the bottleneck, as in netem: what is lost takes no airtime. The delay comes
after it. A message never overtakes an earlier one unless ``reorder`` is on, or the conditions
are switched off (``enabled=False``) while the earlier one is in flight.
"""

from __future__ import annotations

from collections import deque
from heapq import heappush
from typing import Any

from wsim.conditions import NetworkConditions
from wsim.impairments import RateState
from wsim.transit import DELIVERED
from wsim.transport.bottleneck import Bottleneck, Departure, Item
from wsim.transport.draws import Draw
from wsim.transport.pending import Entry, Pending, service


class DatagramPath:
    """The way of one direction's messages from the sender's side of the link to the far end.

    Attributes
    ----------
    free_ns
        When the bottleneck has served all it holds.
    last_ns
        The latest arrival so far; with order kept, nothing arrives before it.
    """

    def __init__(self, conditions: NetworkConditions, pending: Pending) -> None:
        self._pending = pending
        self.free_ns = self.last_ns = 0
        self.waiting: deque[tuple[int, int]] = deque()  # finish and size of what queues
        self.rate: RateState = conditions.rate.start(conditions.bandwidth_mbps, 0)
        self._bottleneck: Bottleneck | None = None
        self._take(conditions, 0)

    def _take(self, conditions: NetworkConditions, now_ns: int) -> None:
        self.conditions = conditions
        self._fixed_ns = fixed_delay_ns(conditions)
        self._rated = is_rated(conditions)
        self._mbps = conditions.bandwidth_mbps if conditions.rate.kind == "constant" else None
        self.limited = _has_limits(conditions)
        if self._bottleneck is not None:
            self._bottleneck.configure(conditions, self.rate)
        elif decides_late(conditions):
            self._defer(now_ns)

    def configure(self, conditions: NetworkConditions, now_ns: int) -> None:
        """Take new conditions; what is queued stays, at the new rate."""
        old = self.conditions
        if (conditions.bandwidth_mbps, conditions.rate) != (old.bandwidth_mbps, old.rate):
            self.rate = conditions.rate.start(conditions.bandwidth_mbps, now_ns)
            if self.free_ns > now_ns:
                self._serve_anew(now_ns)
        self._take(conditions, now_ns)

    def send(self, item: Item, window: tuple[int, int] | None, *, hold: bool) -> None:
        """Take a message; `window` is the outage it falls into, `hold` what that does."""
        if window is not None:
            if not hold:
                self._drop(item, "outage", item.sent_ns)
                return
            item = item._replace(arrival_ns=window[1])
        if item.draw.lost:
            self._drop(item, "loss", item.sent_ns)
            return
        if item.first and self._bottleneck is None and is_rated(self.conditions):
            self._defer(item.sent_ns)
        if self._bottleneck is not None:
            self._bottleneck.offer(item)
        elif self.limited and self._is_full(item):
            self._drop(item, "queue_full", item.sent_ns)
        else:
            self._serve(item)

    @property
    def is_direct(self) -> bool:
        """True if :meth:`send_direct` will do: no outages, no limits, first in first out."""
        return not self.limited and self._bottleneck is None and self.conditions.outage is None

    def send_direct(self, number: int, now_ns: int, size: int, draw: Draw, token: Any) -> int:
        """Do what :meth:`send` does, for the plainest of paths, in one piece for speed.

        Returns when the message's fate is decided, or `now_ns` where that takes a closer look.
        """
        if draw.lost:
            self._pending.drop(number, now_ns, "loss", token, now_ns)
            return now_ns
        if draw.copy_delay_ns is None:
            delay_ns, corruption = draw.delay_ns, draw.corruption
            return self.send_plain(number, now_ns, size, delay_ns, token, corruption)
        start_ns = max(now_ns, self.free_ns)
        finish_ns = start_ns
        if self._rated:
            finish_ns = self.free_ns = self.rate.finish(start_ns, size)
        item = Item(number, now_ns, 0, now_ns, size, False, draw, token)
        self._leave(item, start_ns, finish_ns)
        return now_ns

    def send_plain(
        self, number: int, now_ns: int, size: int, delay_ns: int, token: Any,
        corruption: float | None = None,
    ) -> int:  # fmt: skip
        """Do what :meth:`send_direct` does for a message that arrives, once; return when."""
        start_ns = self.free_ns
        if start_ns < now_ns:
            start_ns = now_ns
        if self._mbps:  # as a constant rate would, without the call
            finish_ns = self.free_ns = start_ns + int(size * 8000.0 / self._mbps)
        elif self._rated:
            finish_ns = self.free_ns = self.rate.finish(start_ns, size)
        else:
            finish_ns = start_ns
        due = finish_ns + delay_ns
        behind = 0
        if due > self.last_ns:
            self.last_ns = due
        elif not self.conditions.reorder:
            behind = self.last_ns - due
            due = self.last_ns
        fixed = self._fixed_ns
        parts = (
            0, start_ns - now_ns, finish_ns - start_ns, fixed, delay_ns - fixed, 0, behind, 0,
        )  # fmt: skip
        fields = (number, 0, now_ns, due, DELIVERED, "", parts, token, corruption, due)
        pending = self._pending  # what its push does, without the call
        order = pending.order
        pending.order = order + 1
        queue = pending.queue
        if not queue or due >= queue[-1][0]:
            queue.append((due, order, fields, size))
        else:
            heappush(pending.heap, (due, order, fields, size))
        return due

    def run(self, before_ns: int) -> None:
        """Let the queue make the choices that are due before `before_ns`."""
        if self._bottleneck is not None:
            for departure in self._bottleneck.run(before_ns):
                self._depart(departure)

    @property
    def late(self) -> bool:
        """True once the queue decides late."""
        return self._bottleneck is not None

    @property
    def next_ns(self) -> int | None:
        """When the queue has a choice to make, or None."""
        if self._bottleneck is None or self._bottleneck.next_ns is None:
            return None
        return self._bottleneck.next_ns + 1

    def __len__(self) -> int:
        return 0 if self._bottleneck is None else len(self._bottleneck)

    def empty(self, now_ns: int) -> list[Item]:
        """Give up what queues; the bottleneck is free from `now_ns`."""
        self.waiting.clear()
        self.free_ns = min(self.free_ns, now_ns)
        self.last_ns = min(self.last_ns, now_ns)
        if self._bottleneck is None:
            return []
        self._bottleneck.free_ns = self.free_ns
        return self._bottleneck.empty()

    # -- inside --------------------------------------------------------------------------

    def _drop(self, item: Item, cause: str, at_ns: int) -> None:
        self._pending.drop(item.number, item.sent_ns, cause, item.token, at_ns)

    def _is_full(self, item: Item) -> bool:
        """Tail drop: is there no room behind what already waits?"""
        c = self.conditions
        backlog_ns = max(0, self.free_ns - item.arrival_ns)
        if c.queue_limit_ms is not None and backlog_ns > c.queue_limit_ms * 1e6:
            return True
        waiting = self.waiting
        while waiting and waiting[0][0] <= item.arrival_ns:
            waiting.popleft()
        if c.queue_limit_messages is not None and len(waiting) >= c.queue_limit_messages:
            return True
        if c.queue_limit_bytes is None:
            return False
        return self._backlog_bytes(backlog_ns) + item.size > c.queue_limit_bytes

    def _backlog_bytes(self, backlog_ns: int) -> float:
        """At a constant rate the backlog is a fluid; otherwise whole messages count."""
        c = self.conditions
        if c.rate.kind == "constant" and c.bandwidth_mbps is not None:
            return backlog_ns * (c.bandwidth_mbps / 8000.0)
        return float(sum(size for _, size in self.waiting))

    def _serve(self, item: Item) -> None:
        """First in, first out: the finish is known at once."""
        start_ns = max(item.arrival_ns, self.free_ns)
        self.free_ns = self.rate.finish(start_ns, item.size)
        if self.limited:
            self.waiting.append((self.free_ns, item.size))
        self._leave(item, start_ns, self.free_ns)

    def _depart(self, departure: Departure) -> None:
        item, start_ns, at_ns, cause = departure
        if cause:
            self._drop(item, cause, at_ns)
            return
        self.free_ns = at_ns
        self._leave(item, start_ns, at_ns)

    def _leave(self, item: Item, start_ns: int, finish_ns: int) -> None:
        """From the bottleneck to the far end, with a copy if it is duplicated."""
        self._arrive(item, 0, start_ns, finish_ns, item.draw.delay_ns)
        if item.draw.copy_delay_ns is not None:
            self._arrive(item, 1, start_ns, finish_ns, item.draw.copy_delay_ns)

    def _arrive(self, item: Item, copy: int, start_ns: int, finish_ns: int, delay_ns: int) -> None:
        due = finish_ns + delay_ns
        behind = 0
        if due > self.last_ns:
            self.last_ns = due
        elif not self.conditions.reorder:
            behind = self.last_ns - due
            due = self.last_ns
        fixed = self._fixed_ns
        held = item.arrival_ns - item.sent_ns - item.buffer_ns
        parts = (
            item.buffer_ns, start_ns - item.arrival_ns, finish_ns - start_ns,
            fixed, delay_ns - fixed, 0, behind, held,
        )  # fmt: skip
        fields: tuple[Any, ...] = (
            item.number, copy, item.sent_ns, due, DELIVERED, "",
            parts, item.token, item.draw.corruption, due,
        )  # fmt: skip
        self._pending.push(due, fields, item.size)

    def _defer(self, now_ns: int) -> None:
        """From now on the queue decides late; what has not begun to be served joins it."""
        waiting = self._take_back(lambda entry: service(entry)[0] >= now_ns, now_ns)
        busy = [finish for finish in self._pending.services() if finish > now_ns]
        self._bottleneck = Bottleneck(self.conditions, self.rate, max([now_ns, *busy]))
        for item, _ in waiting:
            self._bottleneck.offer(item)

    def _serve_anew(self, now_ns: int) -> None:
        """The rate changed: bytes not yet serialised leave at the new one."""
        unfinished = self._take_back(lambda entry: service(entry)[1] > now_ns, now_ns)
        self.free_ns = now_ns
        self.waiting.clear()
        for item, (start_ns, finish_ns) in unfinished:
            if start_ns >= now_ns:
                self._serve(item)
                continue
            left = -(-item.size * (finish_ns - now_ns) // (finish_ns - start_ns))
            self.free_ns = self.rate.finish(now_ns, left)
            self.waiting.append((self.free_ns, item.size))
            self._leave(item, start_ns, self.free_ns)
        if self._bottleneck is not None:
            self._bottleneck.free_ns = self.free_ns

    def _take_back(self, wanted: Any, now_ns: int) -> list[tuple[Item, tuple[int, int]]]:
        """Take arrivals out of what is pending, as they stood before the bottleneck."""
        entries = self._pending.take(
            lambda entry: entry[2].fate == DELIVERED and not entry[2].parts[5] and wanted(entry)
        )
        items: dict[int, tuple[Item, tuple[int, int]]] = {}
        for entry in entries:
            number = entry[2].number
            if entry[2].copy:
                item, served = items[number]
                draw = item.draw._replace(copy_delay_ns=_delay(entry))
                items[number] = (item._replace(draw=draw), served)
            else:
                items[number] = (_item_again(entry), service(entry))
        if items:
            self.last_ns = self._pending.last_arrival_ns(now_ns)
        return list(items.values())


def _delay(entry: Entry) -> int:
    return entry[2].parts[3] + entry[2].parts[4]


def _item_again(entry: Entry) -> Item:
    """Rebuild what stood before the bottleneck from its fate."""
    _, _, transit, size = entry
    buffer, held = transit.parts[0], transit.parts[7]
    draw = Draw(_delay(entry), False, False, None, transit.corruption)
    arrival_ns = transit.sent_ns + buffer + held
    return Item(
        transit.number, transit.sent_ns, buffer, arrival_ns, size, False, draw, transit.token
    )


def fixed_delay_ns(conditions: NetworkConditions) -> int:
    """Return the part of every delay that is not random, in ns."""
    return round(conditions.latency_ms * 1e6)


def is_rated(conditions: NetworkConditions) -> bool:
    """Return True if messages take time to serialise."""
    return conditions.bandwidth_mbps is not None or conditions.rate.kind != "constant"


def decides_late(conditions: NetworkConditions) -> bool:
    """Return True if the fate of a message in the queue depends on what comes later."""
    late = conditions.priority_events or conditions.queue_policy != "tail"
    return bool(late) or conditions.max_age_ms is not None


def _has_limits(c: NetworkConditions) -> bool:
    limits = (c.queue_limit_bytes, c.queue_limit_messages, c.queue_limit_ms)
    return any(limit is not None for limit in limits)


def nothing_to_simulate(c: NetworkConditions) -> bool:
    """Return True if every message arrives when it is sent and no draw can matter."""
    if not c.enabled:
        return True
    if c.rules:
        return False
    if c.latency_ms or not c.jitter.is_fixed(c.jitter_ms):
        return False
    if c.disconnect_rate or c.duplicate_rate or c.corrupt_rate or c.outage is not None:
        return False
    return c.loss.is_off(c.packet_loss_rate) and not is_rated(c)
