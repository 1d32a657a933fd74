"""Streams side by side in one array: sort once, then every metric is one pass.

A stream is what one receiver sees of one event: the rows of one run, client, event and
direction. Where the group changes inside a stream (a profile was switched in the middle of
a run) the stream is cut into segments, so that no gap or jitter spans the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wsim.analysis.columns import Bools, Codes, Floats, Ints, Messages


@dataclass
class Segments:
    """Messages of many streams, ordered by segment, then by creation.

    Attributes
    ----------
    created, delivered, latency, arrived, lost : one element per message
    starts : index of the first message of each segment
    group, stream : the group each segment belongs to, and the stream it is cut from
    groups : how many groups there are; results have this length
    """

    created: Floats
    delivered: Floats
    latency: Floats
    arrived: Bools
    lost: Bools
    starts: Ints
    group: Ints
    stream: Ints
    groups: int

    def __len__(self) -> int:
        return len(self.created)

    def of(self, index: Ints | None = None) -> Ints:
        """Return the segment of each message, or of those at `index` (ascending)."""
        if index is not None:
            return np.searchsorted(self.starts, index, side="right") - 1
        lengths = np.diff(self.starts, append=len(self))
        return np.repeat(np.arange(len(self.starts)), lengths)

    @property
    def finals(self) -> Ints:
        """Index of the last message of each segment."""
        return np.append(self.starts, len(self))[1:] - 1


@dataclass
class Arrivals:
    """What arrived, ordered by segment, then by arrival.

    ``place`` is the index of the message in its `Segments`, ``segment`` its segment,
    ``follows`` whether the element before is of the same segment.
    """

    place: Ints
    segment: Ints
    delivered: Floats
    latency: Floats
    follows: Bools
    in_order: bool

    @property
    def finals(self) -> Ints:
        """Index of the last arrival of each segment that has any."""
        return np.flatnonzero(np.append(~self.follows, True)[1:])


def cut(messages: Messages, groups: Codes, streams: Codes, chosen: Bools) -> Segments:
    """Return the `chosen` rows as segments; rows without a creation time are left out."""
    timed = chosen & np.isfinite(messages.created)
    lost = int(np.count_nonzero(chosen)) - int(np.count_nonzero(timed))
    if lost:
        messages.note(f"{lost} rows have no creation time: left out of stream metrics")
    order = _order(messages, streams, timed)
    created, stream = messages.created[order], streams.codes[order]
    group = groups.codes[order]
    edge = np.ones(len(created), dtype=bool)
    edge[1:] = (stream[1:] != stream[:-1]) | (group[1:] != group[:-1])
    starts = np.flatnonzero(edge)
    return Segments(
        created,
        messages.delivered[order],
        messages.latency[order],
        messages.arrived[order] & np.isfinite(messages.delivered[order]),
        messages.lost[order],
        starts,
        group[starts].astype(np.intp),
        stream[starts].astype(np.intp),
        len(groups.labels),
    )


def _order(messages: Messages, streams: Codes, timed: Bools) -> npt.NDArray[Any] | slice:
    """Return the rows in order of stream and creation; a slice where they already are."""
    if timed.all() and _ascending(streams.codes, messages.created):
        return slice(None)
    rows = np.flatnonzero(timed)
    stream = streams.codes[rows]
    if np.any(stream[1:] < stream[:-1]):
        narrow = stream.astype(np.int16) if len(streams.labels) < 1 << 15 else stream
        rows = rows[np.argsort(narrow, kind="stable")]
        stream = streams.codes[rows]
    if not _ascending(stream, messages.created[rows]):
        rows = rows[np.lexsort((messages.created[rows], stream))]
    return rows


def _ascending(major: npt.NDArray[Any], minor: Floats) -> bool:
    """Return whether rows are sorted by `major`, then `minor`."""
    if np.any(major[1:] < major[:-1]):
        return False
    falls = np.flatnonzero(minor[1:] < minor[:-1])
    return bool(np.all(major[falls] != major[falls + 1]))


def arrivals(segments: Segments) -> Arrivals:
    """Return what arrived, in order of arrival within each segment."""
    place = np.flatnonzero(segments.arrived)
    segment = segments.of() if len(place) == len(segments) else segments.of()[place]
    times = segments.delivered[place]
    in_order = _ascending(segment, times)
    if not in_order:
        order = np.lexsort((times, segment))
        place, segment, times = place[order], segment[order], times[order]
    follows = np.zeros(len(place), dtype=bool)
    follows[1:] = segment[1:] == segment[:-1]
    return Arrivals(place, segment, times, segments.latency[place], follows, in_order)


def overtaken(found: Arrivals) -> Bools:
    """Return which arrivals came after a later-created message of their stream."""
    if found.in_order:
        return np.zeros(len(found.place), dtype=bool)
    return found.place < np.maximum.accumulate(found.place)


def total(values: npt.NDArray[Any], group: Ints, groups: int) -> Floats:
    """Return the sum of `values` in each group."""
    if groups == 1:
        return np.array([values.sum()], dtype=np.float64)
    return np.bincount(group, weights=values, minlength=groups).astype(np.float64)


def count(group: Ints, groups: int) -> Ints:
    """Return the number of elements of each group."""
    if groups == 1:
        return np.array([len(group)])
    return np.bincount(group, minlength=groups)


def peak(values: Floats, group: Ints, groups: int) -> Floats:
    """Return the largest of `values` in each group; NaN where there is none."""
    result = np.full(groups, -np.inf)
    if len(values):
        edge = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
        np.maximum.at(result, group[edge], np.maximum.reduceat(values, edge))
    return np.where(np.isinf(result), np.nan, result)


def mean(values: Floats, group: Ints, groups: int) -> Floats:
    """Return the mean of `values` in each group; NaN where there is none."""
    return ratio(total(values, group, groups), count(group, groups))


def ratio(above: npt.NDArray[Any], below: npt.NDArray[Any]) -> Floats:
    """Divide, giving NaN where `below` is zero."""
    out = np.full(np.shape(above), np.nan)
    np.divide(above, below, out=out, where=np.asarray(below) != 0)
    return out


def split(values: Floats, group: npt.NDArray[Any], groups: int) -> list[Floats]:
    """Return the values of each group: one mask each for a few groups, one sort for many."""
    if groups == 1:
        return [values]
    if groups <= 16:  # also none at all
        return [values[group == g] for g in range(groups)]
    order = np.argsort(group, kind="stable")
    bounds = np.cumsum(np.bincount(group, minlength=groups))[:-1]
    return np.split(values[order], bounds)


class GroupSums:
    """Sums by group over whole columns; fast where the groups are blocks of rows."""

    def __init__(self, group: npt.NDArray[Any], groups: int, inside: Bools) -> None:
        self.group, self.groups, self.inside = group, groups, inside
        changes = np.flatnonzero(group[1:] != group[:-1]) + 1
        self.edges = np.append(0, changes)[: len(group)]
        self.in_blocks = len(self.edges) < 0.1 * len(group)

    def count(self) -> Ints:
        """Return how many rows of each group are inside."""
        return self.of(1.0).astype(np.intp)

    def of(self, values: Any) -> Floats:
        """Return the sum of `values` over the rows of each group that are inside."""
        kept = np.where(self.inside, values, 0.0)
        if not self.in_blocks:
            return total(kept, self.group.astype(np.intp), self.groups)
        sums = np.add.reduceat(kept, self.edges)
        return total(sums, self.group[self.edges].astype(np.intp), self.groups)
