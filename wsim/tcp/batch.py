"""A whole schedule through one TCP connection."""

from __future__ import annotations

import numpy as np

from wsim.conditions import NetworkConditions
from wsim.errors import ConditionsError
from wsim.impairments.base import OutageState
from wsim.randomness import IntArray
from wsim.schema import PARTS
from wsim.tcp import compiled
from wsim.tcp.connection import TcpConnection
from wsim.transport.compiled import WORTH_IT

_CHUNK = 16_384
_WIDTH = 2 + len(PARTS)
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
    found = run_compiled(connection, direction, times, amounts)
    return (found or run_schedule(connection, direction, 0, times, amounts))[0]


def run_compiled(
    connection: TcpConnection, direction: str, times_ns: IntArray, sizes: IntArray
) -> tuple[IntArray, IntArray] | None:
    """Do what :func:`run_schedule` does in machine code, leaving the connection as it was.

    None if the machine code is not at hand (:func:`wsim.tcp.compiled.compile_tcp` makes it),
    the schedule is short, or the connection is not fresh and plain.
    """
    if len(times_ns) < WORTH_IT or not compiled.ready():
        return None
    paths = connection.plain_paths(direction)
    if paths is None:
        return None
    from wsim.tcp.compiled.running import carry

    return carry(*paths, times_ns, sizes, int(times_ns[-1]) + PATIENCE_NS)


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
    send, advance = connection.send, connection.advance
    filed = _Filed(first, len(times_ns))
    for number, (now, size) in enumerate(
        zip(times_ns.tolist(), sizes.tolist(), strict=True), first
    ):
        send(direction, now, number, size)
        for _, done, at, parts in advance(now):
            filed.rows += (done, at, *parts)
        if not number % _CHUNK:
            filed.flush()
    patience = int(times_ns[-1]) + PATIENCE_NS if len(times_ns) else 0
    filed.flush()
    while filed.left:
        due = connection.next_event_ns
        if due is None or due > patience:
            break
        for _, done, at, parts in advance(due):
            filed.rows += (done, at, *parts)
        filed.flush()
    return filed.delivered, filed.parts


class _Filed:
    """Deliveries, first in a flat list of integers (no work for the garbage collector)."""

    def __init__(self, first: int, count: int) -> None:
        self.first, self.left = first, count
        self.rows: list[int] = []
        self.delivered = np.full(count, -1, np.int64)
        self.parts = np.zeros((count, len(PARTS)), np.int64)

    def flush(self) -> None:
        """Move the list into the arrays."""
        if self.rows:
            table = np.array(self.rows, np.int64).reshape(-1, _WIDTH)
            places = table[:, 0] - self.first
            self.delivered[places] = table[:, 1]
            self.parts[places] = table[:, 2:]
            self.left -= len(table)
            self.rows.clear()
