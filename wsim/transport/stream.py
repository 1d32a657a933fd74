"""Transport through TCP: one direction's messages in the stream of its connection.

Nothing is lost here but by a cut, and nothing overtakes. What is sent while the client is
offline joins the stream when it is back.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import numpy as np

from wsim.randomness import IntArray
from wsim.transit import DELIVERED, Transits
from wsim.transport.connection import Connection
from wsim.transport.datagram import DatagramPath
from wsim.transport.draws import Draw
from wsim.transport.pending import Pending

_SOUND = Draw(0, False, False, None, None)


class Sent(NamedTuple):
    """A message in the stream; ``joined_ns`` is when it left the client's buffer."""

    sent_ns: int
    joined_ns: int
    draw: Draw
    token: Any


class StreamPath:
    """The way of one direction's messages through TCP.

    Attributes
    ----------
    under_way
        What was sent and has not arrived, by number.
    waiting
        What joins the stream later: when, its number and its size.
    """

    def __init__(
        self, direction: str, connection: Connection, datagrams: DatagramPath, pending: Pending
    ) -> None:
        self._direction, self._connection = direction, connection
        self._datagrams, self._pending = datagrams, pending
        self.under_way: dict[int, Sent] = {}
        self.waiting: deque[tuple[int, int, int]] = deque()

    def send(self, number: int, now_ns: int, size: int, draw: Draw, token: Any) -> None:
        """Send a message at once; a stream carries no nothing, so it takes a byte at least."""
        self.under_way[number] = Sent(now_ns, now_ns, draw, token)
        self._connection.tcp_send(self._direction, now_ns, number, size or 1)

    def send_later(self, number: int, sent: Sent, size: int) -> None:
        """Take a message that joins the stream at its time."""
        self.under_way[number] = sent
        self.waiting.append((sent.joined_ns, number, size or 1))

    def run(self, now_ns: int) -> None:
        """Bring both directions of the stream to `now_ns`."""
        while self.waiting and self.waiting[0][0] <= now_ns:
            joined_ns, number, size = self.waiting.popleft()
            self._connection.tcp_send(self._direction, joined_ns, number, size)
        self._connection.tcp_run(now_ns)

    @property
    def next_ns(self) -> int | None:
        """When something happens next, or None."""
        due = self._connection.next_tcp_ns if self.under_way else None
        if self.waiting and (due is None or self.waiting[0][0] < due):
            return self.waiting[0][0]
        return due

    def arrive(self, number: int, delivered_ns: int, parts: tuple[int, ...]) -> None:
        """Take a message from TCP; it stays behind datagrams of before a change."""
        if number not in self.under_way:
            return  # this direction was closed, and its messages were given up
        sent_ns, joined_ns, draw, token = self.under_way.pop(number)
        due = max(delivered_ns, self._datagrams.last_ns)
        behind = parts[6] + due - delivered_ns
        self._datagrams.last_ns = due
        parts = (joined_ns - sent_ns, *parts[1:6], behind, parts[7])
        fields = (number, 0, sent_ns, due, DELIVERED, "", parts, token, draw.corruption, due)
        self._pending.push(due, fields)

    def empty(self) -> list[tuple[int, Sent]]:
        """Give up what has not arrived: numbers and messages."""
        lost = list(self.under_way.items())
        self.under_way.clear()
        self.waiting.clear()
        return lost

    def send_many(self, first: int, times_ns: IntArray, sizes: IntArray) -> Transits | None:
        """Send messages `first`, `first` + 1, ... where nothing but TCP can happen to them.

        The same as one by one; see :func:`wsim.transport.schedule.rides_tcp_alone`. None, and
        nothing is sent, where a heartbeat may be missed.
        """
        self.run(int(times_ns[0]))
        amounts = np.maximum(sizes, 1)
        found = self._connection.tcp_schedule(self._direction, first, times_ns, amounts)
        if found is None:
            return None
        delivered, parts = found
        for row in np.flatnonzero(delivered < 0).tolist():
            sent_ns = int(times_ns[row])
            self.under_way[first + row] = Sent(sent_ns, sent_ns, _SOUND, None)
        self._datagrams.last_ns = max(self._datagrams.last_ns, int(delivered.max()))
        columns = {position: parts[:, position] for position in range(parts.shape[1])}
        return Transits(first, times_ns, delivered, np.zeros(len(times_ns), np.int8), columns)
