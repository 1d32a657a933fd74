"""Compiled loops for whole schedules: the same results, faster, where Numba is installed.

Numba comes with the extra ``wsim[fast]``. It takes about a second to load, so it is loaded
only for schedules of :data:`WORTH_IT` messages and more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from wsim.randomness import BoolArray, IntArray

WORTH_IT = 200_000

TailDrop = Callable[..., tuple[IntArray, BoolArray, IntArray, int]]


def available() -> bool:
    """Return True if Numba can be loaded."""
    return find_spec("numba") is not None


@cache
def tail_drop() -> TailDrop:
    """Return the compiled loop of :func:`wsim.transport.closed_form.tail_drop`."""
    from numba import njit

    compiled: Any = njit(cache=True)(_tail_drop)
    return compiled  # type: ignore[no-any-return]


def _tail_drop(
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
    """Serve first in, first out; `room` below 0 is no limit of messages.

    Returns the finishes, who is dropped, the finishes of all that was let in (after those of
    `waiting`), and how many of these have left by the last arrival.
    """
    count, queued = len(arrivals), len(waiting)
    finishes = np.empty(count, np.int64)
    full = np.zeros(count, np.bool_)
    line = np.empty(queued + count, np.int64)
    line[:queued] = waiting
    head, tail = 0, queued
    for i in range(count):
        arrival = arrivals[i]
        while head < tail and line[head] <= arrival:
            head += 1
        backlog = max(free_ns - arrival, 0)
        if (
            backlog * bytes_per_ns + sizes[i] > most_bytes
            or backlog > most_ns
            or (room >= 0 and tail - head >= room)
        ):
            full[i] = True
        else:
            free_ns = arrival + backlog + service[i]
            line[tail] = free_ns
            tail += 1
        finishes[i] = free_ns
    while head < tail and count and line[head] <= arrivals[count - 1]:
        head += 1
    return finishes, full, line[:tail], head
