"""Fates of a whole schedule at once: in closed form where there is one, by stepping otherwise.

The closed forms (Lindley's recursion and the running maximum) are exact in integers, so both
ways agree bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from wsim.conditions import NetworkConditions
from wsim.errors import ConditionsError
from wsim.randomness import IntArray
from wsim.transit import Transit, Transits, collect
from wsim.transport.closed_form import ClosedForm, has_closed_form

if TYPE_CHECKING:
    from wsim.channel import Channel

PATIENCE_NS = 3_600_000_000_000
"""How long after the last message stepping waits for fates that TCP may never settle."""

Changes = Sequence[tuple[int, NetworkConditions]]


def checked_schedule(times_ns: IntArray, sizes: IntArray) -> tuple[IntArray, IntArray]:
    """Return the schedule as int64 arrays of equal length, or say what is wrong with it."""
    times = np.ascontiguousarray(times_ns, np.int64)
    sizes = np.asarray(sizes, np.int64)
    if times.ndim != 1 or sizes.shape not in ((), (1,), times.shape):
        raise ConditionsError(
            f"times_ns of shape {times.shape} and sizes of shape {sizes.shape} do not fit:"
            " give n times, and n sizes or one"
        )
    sizes = np.ascontiguousarray(np.broadcast_to(sizes, times.shape))
    if len(times) and int(times[0]) < 0:
        raise ConditionsError(f"times_ns[0]={times[0]} is before the start of the run, which is 0")
    if len(times) and bool(np.any(times[1:] < times[:-1])):
        at = int(np.argmax(times[1:] < times[:-1])) + 1
        raise ConditionsError(
            f"times_ns[{at}]={times[at]} is before times_ns[{at - 1}]={times[at - 1]};"
            " sort the schedule by time"
        )
    if len(sizes) and int(sizes.min()) < 0:
        raise ConditionsError(f"sizes holds {int(sizes.min())}; a size is 0 bytes or more")
    return times, sizes


def step(
    channel: Channel,
    times: IntArray,
    sizes: IntArray,
    events: Sequence[str] | None,
    priorities: Sequence[int] | None,
    changes: Changes,
) -> list[Transit]:
    """Send message by message and return all transits."""
    pending = list(changes)
    transits: list[Transit] = []
    names = events if events is not None else [""] * len(times)
    ranks = priorities if priorities is not None else [0] * len(times)
    for now, size, event, priority in zip(
        times.tolist(), sizes.tolist(), names, ranks, strict=True
    ):
        while pending and pending[0][0] <= now:
            channel.change(*pending.pop(0))
        channel.send(now, size, event=event, priority=int(priority))
    last = int(times[-1]) if len(times) else 0
    for at, conditions in pending:
        channel.change(at, conditions)
        last = max(last, at)
    while (due := channel.next_event_ns) is not None and due <= last + PATIENCE_NS:
        transits += channel.advance(due)
        if not channel.in_flight:
            break
    return transits


def rides_tcp_alone(channel: Channel, times_ns: IntArray) -> bool:
    """Return True if messages sent at these times meet nothing but TCP."""
    c = channel.conditions
    if not c.enabled or c.transport != "tcp" or c.rules or channel.closed or channel.in_flight:
        return False
    if c.duplicate_rate or c.corrupt_rate or c.reorder_rate:
        return False
    reverse = channel.connection.next_tcp_ns
    return (
        reverse is None
        and channel.path.last_ns <= int(times_ns[0])
        and channel.session.steady_but_for_heartbeat
        and not channel.draws.will_cut(channel.number, len(times_ns))
    )


def send_schedule(
    channel: Channel,
    times_ns: IntArray,
    sizes: IntArray,
    events: Sequence[str] | None,
    priorities: Sequence[int] | None,
    changes: Changes,
) -> Transits:
    """See :meth:`wsim.channel.Channel.send_many`."""
    times, sizes = checked_schedule(times_ns, sizes)
    first = channel.number
    ranked = priorities is not None and any(priorities)
    if len(times) and not changes and rides_tcp_alone(channel, times):
        found = channel.send_by_tcp(times, sizes)
        if found is not None:
            return found
    if not len(times) or changes or ranked or not has_closed_form(channel, len(times)):
        return collect(first, times, step(channel, times, sizes, events, priorities, changes))
    return ClosedForm(channel, times, sizes).run()
