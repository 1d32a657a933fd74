"""Fates of a whole schedule in closed form.

Where no message's fate depends on a later one and nothing cuts the session, a first-in
first-out queue is Lindley's recursion, f = C + cummax(a - (C - s)) with C = cumsum(s), and the
order of arrival a running maximum. Both are exact in integers, so they agree bit for bit with
:mod:`wsim.transport.datagram`, message by message. Only a queue that overflows needs a loop,
and that loop is over integers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from wsim.conditions import NetworkConditions
from wsim.impairments.constant_rate import ConstantRateState
from wsim.randomness import BoolArray, IntArray
from wsim.schema import PARTS
from wsim.transit import CAUSE_CODES, Transits
from wsim.transport import compiled
from wsim.transport.datagram import decides_late, fixed_delay_ns, is_rated

if TYPE_CHECKING:
    from wsim.channel import Channel

BLOCK = 32_768
"""Messages worked on at a time; the arrays of a block stay in the processor's cache."""

QUEUE, SERIALIZATION, PROPAGATION, JITTER, ORDER, OUTAGE = (
    PARTS.index(f"{name}_ms")
    for name in (
        "queue",
        "serialization",
        "propagation",
        "jitter",
        "head_of_line",
        "outage",
    )
)


def has_closed_form(channel: Channel, count: int) -> bool:
    """Return True if the next `count` messages of the channel can be computed at once."""
    c, session = channel.conditions, channel.session
    if not c.enabled or c.transport != "datagram" or c.duplicate_rate or channel.closed:
        return False
    if c.rules or decides_late(c) or channel.path.late or len(channel.path.waiting):
        return False
    if _limits(c) and c.rate.kind != "constant":
        return False
    return session.steady and not channel.draws.will_cut(channel.number, count)


def _limits(c: NetworkConditions) -> bool:
    limits = (c.queue_limit_bytes, c.queue_limit_messages, c.queue_limit_ms)
    return any(limit is not None for limit in limits)


class ClosedForm:
    """One schedule through one channel; the channel is left as stepping would leave it."""

    def __init__(self, channel: Channel, times_ns: IntArray, sizes: IntArray) -> None:
        self._channel, self._path = channel, channel.path
        self._conditions = c = channel.conditions
        self._times, self._sizes = times_ns, sizes
        count = len(times_ns)
        self._causes = np.zeros(count, np.int8)
        self._fixed = fixed_delay_ns(c)
        self._rated = is_rated(c)
        self._fast = count >= compiled.WORTH_IT and compiled.available()
        self._corruptions: dict[int, float] = {}
        wanted = [JITTER]
        wanted += [QUEUE, SERIALIZATION] if self._rated else []
        wanted += [OUTAGE] if c.outage is not None else []
        # one piece of memory, filled once: fresh pages cost as much as the arithmetic
        self._delivered, *columns = np.empty((1 + len(wanted), count), np.int64)
        self._columns = dict(zip(wanted, columns, strict=True))
        self._windows = Windows(channel, int(times_ns[-1])) if c.outage is not None else None

    def run(self) -> Transits:
        """Compute the fates, block by block."""
        first, count = self._channel.number, len(self._times)
        for start in range(0, count, BLOCK):
            self._block(slice(start, min(start + BLOCK, count)))
        columns = {**self._columns, PROPAGATION: self._fixed}
        return Transits(
            first,
            self._times,
            self._delivered,
            self._causes,
            columns,
            (),
            self._corruptions,
            ORDER,
        )

    def _block(self, rows: slice) -> None:
        times = self._times[rows]
        number = self._channel.number
        draws = self._channel.draws.many(number, times)
        self._channel.number += len(times)
        arrivals, causes = times, self._causes[rows]
        if self._windows is not None:
            arrivals = self._outages(rows, times, causes)
        if draws.lost is not None:
            causes[draws.lost & (causes == 0)] = _LOSS
        leaves = arrivals if not self._rated else self._serve(rows, arrivals, causes)
        self._arrive(rows, leaves, draws.delay_ns, causes)
        if draws.corruptions is not None:
            damaged = np.flatnonzero(~np.isnan(draws.corruptions) & (causes == 0))
            values = draws.corruptions[damaged].tolist()
            self._corruptions.update(zip((damaged + number).tolist(), values, strict=True))

    def _outages(self, rows: slice, times: IntArray, causes: np.ndarray) -> IntArray:
        assert self._windows is not None
        ends, out = self._windows.hold(times)
        if self._channel.session.outage_effect != "hold":
            self._columns[OUTAGE][rows] = 0
            causes[out] = _OUTAGE
            return times
        np.subtract(ends, times, out=self._columns[OUTAGE][rows])
        return ends

    def _serve(self, rows: slice, arrivals: IntArray, causes: np.ndarray) -> IntArray:
        """Return when each leaves the bottleneck; what is lost before it takes no time there."""
        path = self._path
        there = np.flatnonzero(causes == 0)
        leaves, came = arrivals.copy(), arrivals[there]
        starts = finishes = came
        if len(there):
            sizes = self._sizes[rows][there] + self._conditions.overhead_bytes
            free_ns = path.free_ns
            finishes, full = self._finishes(came, sizes)
            causes[there[full]] = _QUEUE_FULL
            starts = np.maximum(came, _shifted(free_ns, finishes))
            path.free_ns = int(finishes[-1])
        leaves[there] = finishes
        self._fill(QUEUE, rows, there, starts - came)
        self._fill(SERIALIZATION, rows, there, finishes - starts)
        return leaves

    def _finishes(self, came: IntArray, sizes: IntArray) -> tuple[IntArray, IntArray]:
        """Return when the server is free after each, and the places of those without room."""
        path = self._path
        if not path.limited or not (self._fast or path.waiting):  # maybe all find room
            finishes = path.rate.finish_many(came, sizes, path.free_ns)
            if not path.limited:
                return finishes, _NOBODY
            if not self._overflows(came, sizes, finishes):
                left = int(np.searchsorted(finishes, came[-1], side="right"))
                pairs = zip(finishes[left:].tolist(), sizes[left:].tolist(), strict=True)
                path.waiting.extend(pairs)
                return finishes, _NOBODY
        assert isinstance(path.rate, ConstantRateState)  # see has_closed_form
        finishes, full, path.waiting = tail_drop(
            came, path.rate.service_many(sizes), sizes, self._conditions, path.free_ns,
            path.waiting, fast=self._fast,
        )  # fmt: skip
        return finishes, np.flatnonzero(full)

    def _fill(self, position: int, rows: slice, there: IntArray, values: IntArray) -> None:
        column = self._columns[position][rows]
        if len(there) == len(column):
            column[:] = values
        else:
            column.fill(0)
            column[there] = values

    def _overflows(self, came: IntArray, sizes: IntArray, finishes: IntArray) -> bool:
        """Would anything find no room, if nothing were dropped before it?"""
        c = self._conditions
        backlog = np.maximum(_shifted(self._path.free_ns, finishes) - came, 0)
        if c.queue_limit_ms is not None and bool(np.any(backlog > c.queue_limit_ms * 1e6)):
            return True
        if c.queue_limit_bytes is not None and c.bandwidth_mbps is not None:
            waiting = backlog * (c.bandwidth_mbps / 8000.0)
            if bool(np.any(waiting + sizes > c.queue_limit_bytes)):
                return True
        if c.queue_limit_messages is None:
            return False
        gone = np.searchsorted(finishes, came, side="right")
        return bool(np.any(np.arange(len(came)) - gone >= c.queue_limit_messages))

    def _arrive(self, rows: slice, leaves: IntArray, delays: IntArray, causes: np.ndarray) -> None:
        path, arrivals = self._path, self._delivered[rows]
        due = leaves + delays
        missing = np.flatnonzero(causes)
        due[missing] = 0
        if self._conditions.reorder:
            arrivals[:] = due
            path.last_ns = max(path.last_ns, int(due.max()))
        else:
            due[0] = max(int(due[0]), path.last_ns)
            np.maximum.accumulate(due, out=arrivals)
            path.last_ns = int(arrivals[-1])
        np.subtract(delays, self._fixed, out=self._columns[JITTER][rows])
        arrivals[missing] = -1


class Windows:
    """The outages that touch a span of time, for whole arrays of times."""

    def __init__(self, channel: Channel, until_ns: int) -> None:
        starts, ends = [], []
        outage = channel.session.outage_state
        window = None if outage is None else outage.window(0)
        at_ns = 0
        while outage is not None:
            if window is None:
                start_ns = outage.next_start_ns(at_ns)
                if start_ns is None or start_ns > until_ns:
                    break
                window = outage.window(start_ns)
            if window is not None:
                starts.append(window[0])
                ends.append(window[1])
                at_ns = window[1] - 1
                window = outage.window(window[1])
        self._starts, self._ends = np.array(starts, np.int64), np.array(ends, np.int64)

    def hold(self, times: IntArray) -> tuple[IntArray, BoolArray]:
        """Return when each may go on, and True where it falls into an outage."""
        if not len(self._starts):
            return times, np.zeros(len(times), np.bool_)
        index = np.searchsorted(self._starts, times, side="right") - 1
        out = (index >= 0) & (times < self._ends[index])
        return np.where(out, self._ends[index], times), out


def tail_drop(
    arrivals: IntArray,
    service: IntArray,
    sizes: IntArray,
    c: NetworkConditions,
    free_ns: int,
    waiting: Iterable[tuple[int, int]] = (),
    *,
    fast: bool = False,
) -> tuple[IntArray, BoolArray, deque[tuple[int, int]]]:
    """Serve first in, first out, dropping what finds no room.

    Parameters
    ----------
    arrivals, service, sizes
        Shape (n,): ns, ns and bytes.
    c
        Its rate and limits.
    free_ns
        When the server is free.
    waiting
        Finish and size of what already waits.
    fast
        Use the compiled loop.

    Returns
    -------
    finishes, full, waiting
        When the server is free after each, in ns, shape (n,); True where it is dropped; finish
        and size of what still waits at the last arrival.
    """
    bytes_per_ns = (c.bandwidth_mbps or np.inf) / 8000.0
    most_bytes = np.inf if c.queue_limit_bytes is None else float(c.queue_limit_bytes)
    most_ns = np.inf if c.queue_limit_ms is None else c.queue_limit_ms * 1e6
    room = -1 if c.queue_limit_messages is None else c.queue_limit_messages
    queued = list(waiting)
    loop = compiled.tail_drop() if fast else _serve_by_hand
    ends = np.array([finish for finish, _ in queued], np.int64)
    finishes, full, line, gone = loop(
        arrivals, service, sizes, bytes_per_ns, most_bytes, most_ns, room, free_ns, ends
    )
    let_in = [size for _, size in queued[gone:]]
    newcomers = len(line) - max(gone, len(queued))
    if newcomers:
        let_in += sizes[np.flatnonzero(~full)[-newcomers:]].tolist()
    still = deque(zip(line[gone:].tolist(), let_in, strict=True))
    return finishes, full, still


def _serve_by_hand(
    arrivals: IntArray,
    service: IntArray,
    sizes: IntArray,
    bytes_per_ns: float,
    most_bytes: float,
    most_ns: float,
    room: int,
    free_ns: int,
    waiting: IntArray,
) -> tuple[IntArray, BoolArray, IntArray, int]:
    """Do what :func:`wsim.transport.compiled._tail_drop` does, over plain integers."""
    finishes: list[int] = []
    dropped: list[int] = []
    line: list[int] = waiting.tolist()  # finishes of what was let in
    rows = zip(arrivals.tolist(), service.tolist(), sizes.tolist(), strict=True)
    for i, (arrival, serve, size) in enumerate(rows):
        backlog = free_ns - arrival if free_ns > arrival else 0
        if (
            backlog * bytes_per_ns + size > most_bytes
            or backlog > most_ns
            or (room >= 0 and len(line) - bisect_right(line, arrival) >= room)
        ):
            dropped.append(i)
        else:
            free_ns = arrival + backlog + serve
            line.append(free_ns)
        finishes.append(free_ns)
    full = np.zeros(len(arrivals), np.bool_)
    full[dropped] = True
    gone = bisect_right(line, int(arrivals[-1])) if len(arrivals) else 0
    return np.array(finishes, np.int64), full, np.array(line, np.int64), gone


def _shifted(first: int, values: IntArray) -> IntArray:
    """Return `first` and all values but the last."""
    shifted = np.empty_like(values)
    shifted[0], shifted[1:] = first, values[:-1]
    return shifted


_NOBODY = np.empty(0, np.int64)
_LOSS = CAUSE_CODES["loss"]
_OUTAGE = CAUSE_CODES["outage"]
_QUEUE_FULL = CAUSE_CODES["queue_full"]
