"""What a channel says of a message: its fate, and where its time went."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from wsim.randomness import IntArray
from wsim.schema import CAUSES, FATES, PARTS

NO_PARTS = (0,) * len(PARTS)
NEVER = 2**62
"""Later than any time of a run, in ns."""

DELIVERED = "delivered"
DROPPED = "dropped"
FATE_CODES = {fate: code for code, fate in enumerate(FATES)}
CAUSE_CODES = {cause: code for code, cause in enumerate(CAUSES)}

Parts = tuple[int, int, int, int, int, int, int, int]
"""Nanoseconds, in the order of :data:`wsim.schema.PARTS`."""


class Transit(NamedTuple):
    """The fate of one message (or of a copy of it).

    Attributes
    ----------
    number, copy
        The message's number in its channel; 0 for itself, 1, 2, ... for duplicates.
    sent_ns, delivered_ns, decided_ns
        Integer nanoseconds. ``delivered_ns`` is None for what never arrives; ``decided_ns``
        is when the fate was settled.
    fate, cause
        ``delivered`` or ``dropped``, and one of :data:`wsim.schema.CAUSES`.
    parts
        Integer nanoseconds that sum to ``delivered_ns - sent_ns``; zeros if dropped.
    token
        What the sender gave to ``send``.
    corruption
        None, or a uniform in [0, 1) from which the edge that carries the payload derives the
        damage.
    """

    number: int
    copy: int
    sent_ns: int
    delivered_ns: int | None
    fate: str
    cause: str
    parts: tuple[int, ...]
    token: Any
    corruption: float | None
    decided_ns: int


new_transit = cast("Callable[[tuple[Any, ...]], Transit]", partial(tuple.__new__, Transit))
"""Makes a transit of a tuple of its fields, unchecked: half the cost of calling the class."""


def dropped(number: int, sent_ns: int, cause: str, token: Any, decided_ns: int) -> Transit:
    """Return the transit of a message that never arrives."""
    fields = (number, 0, sent_ns, None, DROPPED, cause, NO_PARTS, token, None, decided_ns)
    return new_transit(fields)


@dataclasses.dataclass(frozen=True)
class Transits:
    """The fates of a whole schedule, as arrays by message number.

    Attributes
    ----------
    first
        Number of the first message.
    sent_ns, delivered_ns
        Shape (n,), int64; ``delivered_ns`` is -1 where it never arrives.
    causes
        Shape (n,), int8, codes of :data:`wsim.schema.CAUSES`; 0 where delivered.
    columns
        Parts of the delay by position in :data:`wsim.schema.PARTS`, shape (n,) or a scalar;
        parts that are not there are zero.
    rest
        Position of the part that is whatever the others leave of the delay; -1: they are all.
    copies
        Transits of duplicates.
    corruptions
        Uniforms of the damaged messages by number.
    """

    first: int
    sent_ns: IntArray
    delivered_ns: IntArray
    causes: NDArray[np.int8]
    columns: dict[int, Any]
    copies: tuple[Transit, ...] = ()
    corruptions: dict[int, float] = dataclasses.field(default_factory=dict)
    rest: int = -1

    def __len__(self) -> int:
        return len(self.sent_ns)

    @property
    def dropped(self) -> NDArray[np.bool_]:
        """True where the message never arrives, shape (n,)."""
        return np.not_equal(self.causes, 0)

    @property
    def fate(self) -> NDArray[np.str_]:
        """Delivered, dropped, or in_flight where nothing was settled; shape (n,)."""
        undelivered = np.where(self.dropped, DROPPED, "in_flight")
        return np.where(self.delivered_ns >= 0, DELIVERED, undelivered)

    @property
    def cause(self) -> NDArray[np.str_]:
        """Why it is not delivered, shape (n,)."""
        return np.array(CAUSES)[self.causes]

    @property
    def parts(self) -> IntArray:
        """Parts of the delay in ns, shape (n, 8), zero where dropped."""
        table = np.zeros((len(self), len(PARTS)), np.int64)
        for position, values in self.columns.items():
            table[:, position] = values
        if self.rest >= 0:
            table[:, self.rest] = self.delivered_ns - self.sent_ns - table.sum(axis=1)
        table[self.delivered_ns < 0] = 0
        return table

    def __iter__(self) -> Iterator[Transit]:
        rows = zip(
            self.sent_ns.tolist(),
            self.delivered_ns.tolist(),
            self.causes.tolist(),
            map(tuple, self.parts.tolist()),
            strict=True,
        )
        for number, (sent, delivered, cause, parts) in enumerate(rows, self.first):
            if delivered < 0:
                transit = dropped(number, sent, CAUSES[cause], None, sent)
                yield transit if cause else transit._replace(fate="in_flight")
                continue
            corruption = self.corruptions.get(number)
            fields = (number, 0, sent, delivered, DELIVERED, "", parts, None, corruption, delivered)
            yield new_transit(fields)


def collect(first: int, sent_ns: IntArray, transits: Iterable[Transit]) -> Transits:
    """Gather transits, one per message and in any order, into arrays."""
    count = len(sent_ns)
    delivered = np.full(count, -1, np.int64)
    causes = np.zeros(count, np.int8)
    parts = np.zeros((count, len(PARTS)), np.int64)
    copies, corruptions = [], {}
    for transit in transits:
        if transit.copy:
            copies.append(transit)
            continue
        row = transit.number - first
        if transit.delivered_ns is None:
            causes[row] = CAUSE_CODES[transit.cause]
            continue
        delivered[row] = transit.delivered_ns
        parts[row] = transit.parts
        if transit.corruption is not None:
            corruptions[transit.number] = transit.corruption
    columns = {position: parts[:, position] for position in range(len(PARTS))}
    return Transits(first, sent_ns, delivered, causes, columns, tuple(copies), corruptions)
