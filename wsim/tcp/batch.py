"""A whole schedule through one TCP connection."""

from __future__ import annotations

import numpy as np

from wsim.conditions import NetworkConditions
from wsim.errors import ConditionsError
from wsim.impairments.base import OutageState
from wsim.randomness import IntArray
from wsim.schema import PARTS
from wsim.tcp.connection import Delivery, TcpConnection

_CHUNK = 4096
PATIENCE_NS = 3_600_000_000_000
"""How long after the last message a delivery is waited for."""


def tcp_deliveries(
    times_ns: IntArray,
    sizes: IntArray | int,
    conditions: NetworkConditions,
    *,
    seed: int = 0,
    client: int = 0,
    direction: str = "inbound",
    outage_state: OutageState | None = None,
) -> IntArray:
    """Return when each message is delivered; -1 for what is not within an hour of the last.

    The same as stepping a :class:`TcpConnection` message by message.

    Parameters
    ----------
    times_ns
        Shape (n,), times of sending in ns, not decreasing.
    sizes
        Shape (n,), or one for all; bytes.
    conditions
        Of both directions (``outbound`` overrides apply).

    Raises
    ------
    ConditionsError
        If times decrease or a size is not positive.
    """
    times = np.asarray(times_ns, np.int64)
    amounts = np.broadcast_to(np.asarray(sizes, np.int64), times.shape)
    if len(times) > 1 and np.any(np.diff(times) < 0):
        raise ConditionsError("times_ns must not decrease; sort the schedule by time")
    if np.any(amounts < 1):
        raise ConditionsError("sizes must be 1 byte or more")
    both = (conditions.for_direction("inbound"), conditions.for_direction("outbound"))
    connection = TcpConnection(*both, seed=seed, client=client, outage_state=outage_state)
    return run_schedule(connection, direction, 0, times, amounts)[0]


def run_schedule(
    connection: TcpConnection, direction: str, first: int, times_ns: IntArray, sizes: IntArray
) -> tuple[IntArray, IntArray]:
    """Send a schedule of messages `first`, `first` + 1, ... and wait for all of them.

    Nothing else may be under way in the connection.

    Returns
    -------
    tuple of IntArray
        Deliveries in ns, shape (n,), -1 for what an hour was not enough for; and the parts,
        shape (n, 8), in the order of :data:`wsim.schema.PARTS`.
    """
    count = len(times_ns)
    delivered = np.full(count, -1, np.int64)
    parts = np.zeros((count, len(PARTS)), np.int64)
    send, advance = connection.send, connection.advance
    left = count
    found: list[Delivery] = []
    for number, (now, size) in enumerate(
        zip(times_ns.tolist(), sizes.tolist(), strict=True), first
    ):
        send(direction, now, number, size)
        if not number % _CHUNK:
            left -= _file(advance(now), first, delivered, parts)
    patience = int(times_ns[-1]) + PATIENCE_NS if count else 0
    while len(found) < left:
        due = connection.next_event_ns
        if due is None or due > patience:
            break
        found += advance(due)
    _file(found, first, delivered, parts)
    return delivered, parts


def _file(found: list[Delivery], first: int, delivered: IntArray, parts: IntArray) -> int:
    """Enter deliveries into the arrays; return how many there were."""
    if found:
        rows = np.array([item[1] for item in found], np.int64) - first
        delivered[rows] = [item[2] for item in found]
        parts[rows] = [item[3] for item in found]
    return len(found)
