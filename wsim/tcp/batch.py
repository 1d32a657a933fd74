"""A whole schedule through one TCP connection."""

from __future__ import annotations

import numpy as np

from wsim.conditions import NetworkConditions
from wsim.errors import ConditionsError
from wsim.impairments.base import OutageState
from wsim.randomness import IntArray
from wsim.tcp.connection import TcpConnection

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
    delivered = np.full(len(times), -1, np.int64)
    send, advance = connection.send, connection.advance
    arrivals: list[tuple[int, int]] = []
    for number, (now, size) in enumerate(zip(times.tolist(), amounts.tolist(), strict=True)):
        send(direction, now, number, size)
        arrivals += [(item[1], item[2]) for item in advance(now)]
    patience = int(times[-1]) + PATIENCE_NS if len(times) else 0
    while len(arrivals) < len(times):
        due = connection.next_event_ns
        if due is None or due > patience:
            break
        arrivals += [(item[1], item[2]) for item in advance(due)]
    if arrivals:
        numbers, at = np.array(arrivals, np.int64).T
        delivered[numbers] = at
    return delivered
