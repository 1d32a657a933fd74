"""Random streams: one per client, direction and purpose, indexed by message number.

Every purpose takes exactly one uniform per message and turns it into what it needs by an
inverse distribution function, so that two runs which differ in one condition can be compared
message by message (common random numbers). A purpose that is off draws nothing and is moved
on to the message's number when it is switched on.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsim.errors import ConditionsError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_BLOCK = 512
_EMPTY: FloatArray = np.empty(0)


def checked_seed(value: Any, name: str = "seed") -> Any:
    """Return a valid seed (or index of a client), or raise ConditionsError."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < 0:
        raise ConditionsError(f"{name}={value!r} is not a whole number from 0")
    return value


class Stream:
    """Uniforms in [0, 1) for one client, direction and purpose.

    Parameters
    ----------
    seed, client
        Seed of the run and index of the client, by order of connecting.
    direction, purpose
        Stable names; they are hashed by CRC-32, so adding a purpose moves no other.

    Notes
    -----
    The generator is SFC64, the fastest of NumPy's. It cannot jump, so numbers that are
    skipped are drawn and thrown away; they are drawn in blocks, and reading one by one or
    many at once gives the same values.
    """

    __slots__ = ("_block", "_generator", "_next", "_start")

    def __init__(self, seed: int, client: int, direction: str, purpose: str) -> None:
        checked_seed(seed)
        checked_seed(client, "client")
        key = (client, zlib.crc32(direction.encode()), zlib.crc32(purpose.encode()))
        sequence = np.random.SeedSequence(seed, spawn_key=key)
        self._generator = np.random.Generator(np.random.SFC64(sequence))
        self._block = _EMPTY
        self._start = 0  # number of the first uniform in the block
        self._next = 0  # number of the first uniform not yet drawn

    def one(self, number: int) -> float:
        """Return the uniform of message `number`, which must not go back past a block."""
        offset = number - self._start
        if 0 <= offset < len(self._block):
            return float(self._block[offset])
        return float(self.many(number, 1)[0])

    def many(self, number: int, count: int) -> FloatArray:
        """Return `count` uniforms, those of messages `number`, `number` + 1, ..."""
        offset = number - self._start
        if offset < 0:
            raise ValueError(f"a stream cannot go back from {self._start} to {number}")
        held = self._block[offset : offset + count]
        if len(held) == count:
            return held
        self._skip_to(max(number, self._next))
        drawn = self._generator.random(max(count - len(held), _BLOCK))
        self._next += len(drawn)
        # the block starts at the last number asked for: reading again from there must work
        self._block = np.concatenate([held, drawn]) if len(held) else drawn
        self._start = number
        return self._block[:count]

    def _skip_to(self, number: int) -> None:
        while self._next < number:
            step = min(number - self._next, 65_536)
            self._generator.random(step)
            self._next += step
