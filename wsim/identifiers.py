"""Identifiers of messages, made from the seed and a counter: repeatable, and cheap."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

_ENDS = [f"{number:02x}" for number in range(256)]
_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)


def message_id(seed: int, number: int) -> str:
    """Return the identifier of message `number` of a run.

    Examples
    --------
    >>> message_id(7, 255)
    '00000007-0000000000ff'
    """
    return f"{seed & 0xFFFFFFFF:08x}-{number:012x}"


def identifiers(seed: int) -> Iterator[str]:
    """Return the identifiers of a run's messages, one after another, made fast.

    Examples
    --------
    >>> list(itertools.islice(identifiers(7), 254, 257))
    ['00000007-0000000000fe', '00000007-0000000000ff', '00000007-000000000100']
    """
    starts = (message_id(seed, number << 8)[:-2] for number in itertools.count())
    return itertools.chain.from_iterable(map(start.__add__, _ENDS) for start in starts)


def message_ids(seed: int, start: int, count: int) -> Any:
    """Return the identifiers of messages `start` to `start` + `count` as an object array."""
    numbers = np.arange(start, start + count, dtype=np.int64)
    text = np.empty((count, 21), np.uint32)
    text[:, :9] = np.frombuffer(f"{seed & 0xFFFFFFFF:08x}-".encode(), np.uint8)
    for place in range(12):
        text[:, 9 + place] = _DIGITS[numbers >> (4 * (11 - place)) & 15]
    return text.view("<U21").ravel().astype(object)
