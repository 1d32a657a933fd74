"""The memory of the compiled model: one array of integers, and tables for what queues.

Everything the model remembers is a 64-bit integer, so that the loops compile to machine code
and give the results of the readable model to the last bit. Fields are named as there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np

from wsim.randomness import BoolArray, FloatArray, IntArray
from wsim.tcp.compiled import field

Function = TypeVar("Function", bound=Callable[..., object])


_OPTIONS: dict[str, Any] = {"cache": True, "error_model": "numpy", "_nrt": False}
"""Without reference counts: counting 14 arrays at every call took most of the time."""


def compiled(function: Function) -> Function:
    """Compile a function when it is first called; the machine code is kept on disk."""
    return cast(Function, numba.njit(**_OPTIONS)(function))


def inlined(function: Function) -> Function:
    """Compile a function into its callers, for what every message goes through."""
    return cast(Function, numba.njit(**_OPTIONS, forceinline=True)(function))


START, END, SENT, ORDER, ACKED, LOST, AGAIN, RESENT = range(8)
"""Columns of a segment in the queue; the first three also of what is early."""

ARRIVAL, SERIAL = 3, 4
"""Further columns of data on the wire (and, ARRIVAL, of what is early)."""

ACK_DUE, ACK_SERIAL, ACK_UPTO, ACK_ECHO, ACK_DUP_START, ACK_DUP_END, ACK_COUNT, ACK_BLOCKS = range(
    8
)
NEVER = 1 << 62
CAPACITY = 8192
"""Most segments in flight, early, or on the wire; beyond, the readable model is used."""


class Room(NamedTuple):
    """All arrays of one connection that carries a schedule one way."""

    s: IntArray  # the fields
    queue: IntArray  # segments
    data: IntArray  # data on the wire
    acks: IntArray  # acknowledgements on the wire
    early: IntArray  # pieces beyond a gap
    ranges: IntArray  # their extent, latest first
    firsts: IntArray  # (end, time) of first transmissions
    ends: IntArray  # last byte of each message
    sents: IntArray  # when each was sent
    arrivals: IntArray  # when each was delivered
    parts: IntArray  # where its time went
    lost_there: BoolArray
    lost_back: BoolArray
    draws: FloatArray


def empty_room(
    ends: IntArray, sents: IntArray, lost: tuple[BoolArray, BoolArray], draws: FloatArray, mss: int
) -> Room:
    """Return arrays large enough for a schedule."""
    count = len(ends)
    segments = count + int(ends[-1]) // mss + 2
    return Room(
        np.zeros(field.COUNT, np.int64),
        np.zeros((2 * CAPACITY, 8), np.int64),
        np.zeros((2 * CAPACITY, 5), np.int64),
        np.zeros((2 * CAPACITY, 13), np.int64),
        np.zeros((CAPACITY, 4), np.int64),
        np.zeros((CAPACITY, 2), np.int64),
        np.zeros((segments, 2), np.int64),
        ends,
        sents,
        np.full(count, -1, np.int64),
        np.zeros((count, 8), np.int64),
        lost[0],
        lost[1],
        draws,
    )


@compiled
def move(table: IntArray, source: int, target: int) -> None:
    """Copy a row of a table to another place."""
    for column in range(table.shape[1]):
        table[target, column] = table[source, column]
