"""Bursts and gaps of losses, by the grammar of RFC 3611 (section 4.7.2).

A burst starts and ends with a loss and has fewer than `GMIN` good messages in a row between
two losses; the rest is gap. As in the RFC's reference code a loss that stands alone, with
`GMIN` good messages on both sides, belongs to the gap. The same grammar serves for messages
that come too late, which is what loss turns into over TCP.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wsim.analysis.columns import Bools, Floats, Ints
from wsim.analysis.parts import Greatest, Mean, Parts, Sum
from wsim.analysis.segments import Segments

GMIN = 16
"""Good messages in a row that end a burst (the value the RFC recommends)."""


@dataclass
class Bursts:
    """Bursts of all segments: index of first and last loss, losses within, group."""

    first: Ints
    last: Ints
    losses: Ints
    segment: Ints

    @property
    def lengths(self) -> Ints:
        """Messages from the first to the last loss of each burst."""
        return self.last - self.first + 1


def find_bursts(segments: Segments, bad: Bools, *, gmin: int = GMIN) -> Bursts:
    """Return the bursts of `bad` messages (ordered as in `segments`)."""
    at = np.flatnonzero(bad)
    segment = segments.of(at)
    breaks = np.ones(len(at), dtype=bool)
    breaks[1:] = (np.diff(at) - 1 >= gmin) | (segment[1:] != segment[:-1])
    first = np.flatnonzero(breaks)
    losses = np.diff(first, append=len(at))
    real = losses >= 2
    begin = at[first[real]]
    end = at[(first + losses - 1)[real]]
    return Bursts(begin, end, losses[real], segment[first[real]])


def run_lengths(bad: Bools) -> Ints:
    """Return the lengths of the runs of consecutive True, in order."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], bad, [False]]).astype(np.int8)))
    return edges[1::2] - edges[::2]


def burst_table(segments: Segments, bad: Bools, *, gmin: int = GMIN) -> Parts:
    """Return the figures of RFC 3611 for each group, as parts.

    ``bursts``, ``burst_longest`` (messages), ``run_longest`` (consecutive losses),
    ``burst_density`` and ``gap_density`` (share lost inside and outside), and the mean
    ``burst_duration_ms`` and ``gap_duration_ms``, by creation times.
    """
    found = find_bursts(segments, bad, gmin=gmin)
    groups, group = segments.groups, segments.group[found.segment]
    inside = np.bincount(group, weights=found.lengths, minlength=groups)
    lost_inside = np.bincount(group, weights=found.losses, minlength=groups)
    sizes = np.diff(segments.starts, append=len(segments))
    messages = np.bincount(segments.group, weights=sizes, minlength=groups)
    at = np.flatnonzero(bad)
    lost = np.bincount(segments.group[segments.of(at)], minlength=groups)
    count = np.bincount(group, minlength=groups)
    busy = (segments.created[found.last] - segments.created[found.first]) * 1e3
    burst_ms = np.bincount(group, weights=busy, minlength=groups)
    return {
        "bursts": Sum(count.astype(np.float64)),
        "burst_longest": Greatest(_largest(found.lengths, group, groups)),
        "run_longest": Greatest(_longest_run(segments, at)),
        "burst_density": Mean(lost_inside, inside),
        "gap_density": Mean(lost - lost_inside, messages - inside),
        "burst_duration_ms": Mean(burst_ms, count),
        "gap_duration_ms": Mean(_span_ms(segments) - burst_ms, count + _used(segments)),
    }


def _largest(values: Ints, group: Ints, groups: int) -> Floats:
    result = np.zeros(groups)
    np.maximum.at(result, group, values)
    return result


def _longest_run(segments: Segments, at: Ints) -> Floats:
    """Return the most consecutive losses of each group, given their places."""
    segment = segments.of(at)
    edge = np.ones(len(at), dtype=bool)
    edge[1:] = (np.diff(at) > 1) | (segment[1:] != segment[:-1])
    first = np.flatnonzero(edge)
    return _largest(np.diff(first, append=len(at)), segments.group[segment[first]], segments.groups)


def _span_ms(segments: Segments) -> Floats:
    spans = (segments.created[segments.finals] - segments.created[segments.starts]) * 1e3
    return np.bincount(segments.group, weights=spans, minlength=segments.groups).astype(float)


def _used(segments: Segments) -> Ints:
    """Return the segments of each group: gaps are one more than bursts in each."""
    return np.bincount(segments.group, minlength=segments.groups)
