"""Metrics of streams: jitter, delay variation, reordering, command age, gaps, watchdog.

Each function takes segments and gives what makes one value per group (`parts`); several
streams of a group are pooled as the docstring says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from wsim.analysis import age
from wsim.analysis.bursts import burst_table
from wsim.analysis.columns import Codes, Floats, Ints
from wsim.analysis.deadlines import DEADLINES, Deadlines, check_deadlines, deadline_of
from wsim.analysis.parts import Correlation, Greatest, Mean, Parts, Sum
from wsim.analysis.samples import AgeQuantile, Variation, kept
from wsim.analysis.segments import (
    Arrivals,
    Segments,
    arrivals,
    count,
    mean,
    overtaken,
    peak,
    split,
    total,
)

_DECAY = 15.0 / 16.0
_MEMORY = 640
"""Steps after which RFC 3550's filter has forgotten: (15/16)**640 is below 1e-17."""
_BLOCK = 64


@dataclass(frozen=True)
class Limits:
    """Thresholds of stream metrics, in milliseconds, and what the sender's pauses count."""

    watchdog_ms: float = 500.0
    deadline_ms: Deadlines = field(default_factory=lambda: DEADLINES)
    stale_ms: float = 500.0
    catch_up_ms: float = 500.0
    pauses: str = "count"

    def __post_init__(self) -> None:
        check_deadlines(self.deadline_ms)


def stream_table(segments: Segments, streams: Codes, limits: Limits) -> Parts:
    """Return every stream metric of each group; `streams` names those of `segments`."""
    found = arrivals(segments)
    group = segments.group[found.segment]
    table = jitter(segments, found, group)
    table["lag1_correlation"] = lag_correlation(segments, found, group)
    table |= delay_variation(segments, found, group)
    late = overtaken(found)
    reordered = total(late, group, segments.groups)
    table["reordered"] = Sum(reordered)
    table["reordered_rate"] = Mean(reordered, count(group, segments.groups))
    table |= ages(segments, age.pieces(segments, found, pauses=limits.pauses), limits)
    table |= gaps(segments, found, limits)
    table |= stale(segments, found, limits)
    lost = burst_table(segments, segments.lost)
    table |= {f"loss_{name}": value for name, value in lost.items()}
    too_late = segments.arrived & (segments.latency > _deadlines(segments, streams, limits))
    late_table = burst_table(segments, too_late)
    table["late_bursts"] = late_table["bursts"]
    table["late_run_longest"] = late_table["run_longest"]
    return table


def _deadlines(segments: Segments, streams: Codes, limits: Limits) -> float | Floats:
    """Return the deadline of each message in ms, or one number if it is the same for all."""
    events = [streams.labels[code][2] for code in segments.stream.tolist()]
    own = np.array([deadline_of(event, limits.deadline_ms) for event in events])
    if len(set(own.tolist())) <= 1:
        return float(own[0]) if len(own) else np.nan
    return np.repeat(own, np.diff(segments.starts, append=len(segments)))


def jitter(segments: Segments, found: Arrivals, group: Ints) -> Parts:
    """Return the interarrival jitter of RFC 3550 (6.4.1): J += (abs(D) - J) / 16.

    ``jitter_rfc3550_ms`` is the value at the end of the stream (the mean over streams in a
    pooled row), ``_mean_ms`` its mean over the messages, ``_max_ms`` the greatest.
    """
    steps = np.zeros(len(found.place))
    steps[1:] = np.abs(np.diff(found.latency)) * found.follows[1:]
    edges = np.flatnonzero(~found.follows)
    ends = np.append(edges[1:], len(steps))[: len(edges)]
    final, mean_sum, top = (np.zeros(len(edges)) for _ in range(3))
    for i, (begin, end) in enumerate(zip(edges.tolist(), ends.tolist(), strict=True)):
        if end - begin > 1:
            path = smooth(steps[begin + 1 : end])
            final[i], mean_sum[i], top[i] = path[-1], path.sum(), path.max()
    owner = group[edges]
    several = ends - edges > 1
    pairs = total(np.maximum(ends - edges - 1, 0), owner, segments.groups)
    return {
        "jitter_rfc3550_ms": Mean(
            total(final[several], owner[several], segments.groups),
            count(owner[several], segments.groups),
        ),
        "jitter_rfc3550_mean_ms": Mean(total(mean_sum, owner, segments.groups), pairs),
        "jitter_rfc3550_max_ms": Greatest(peak(top[several], owner[several], segments.groups)),
    }


def smooth(steps: Floats) -> Floats:
    """Return J after each of the absolute differences `steps`, starting from J = 0.

    The recursion is linear, so a block of 64 steps is one matrix product and only the block
    ends are carried on, by the same function.
    """
    n = len(steps)
    if n <= _BLOCK:
        powers = _DECAY ** np.arange(n)
        return _lower(powers) @ steps / 16.0
    blocks = -(-n // _BLOCK)
    padded = np.zeros(blocks * _BLOCK)
    padded[:n] = steps
    inside = padded.reshape(blocks, _BLOCK) @ _lower(_DECAY ** np.arange(_BLOCK)).T / 16.0
    carry = _carried(inside[:, -1])
    inside[1:] += carry[:-1, None] * _DECAY ** np.arange(1, _BLOCK + 1)
    return np.asarray(inside.reshape(-1)[:n])


def _lower(powers: npt.NDArray[np.floating[Any]]) -> Floats:
    """Return the matrix M with M[i, j] = powers[i - j] for j <= i."""
    lag = np.subtract.outer(np.arange(len(powers)), np.arange(len(powers)))
    return np.where(lag >= 0, powers[np.maximum(lag, 0)], 0.0)


def _carried(ends: Floats) -> Floats:
    """Return c[b] = ends[b] + (15/16)**64 c[b-1]: a short memory, summed term by term."""
    decay, result = _DECAY**_BLOCK, ends.copy()
    for lag in range(1, _MEMORY // _BLOCK + 1):
        result[lag:] += decay**lag * ends[:-lag] if lag < len(ends) else 0.0
    return result


def lag_correlation(segments: Segments, found: Arrivals, group: Ints) -> Correlation:
    """Return the correlation of the latencies of neighbours, in order of arrival."""
    groups = segments.groups
    level = mean(found.latency, group, groups)
    apart = found.latency - level[group]
    inner = np.flatnonzero(found.follows)
    owner, before, after = group[inner], apart[inner - 1], apart[inner]
    return Correlation(
        level,
        count(group, groups).astype(np.float64),
        total(apart, group, groups),
        total(apart * apart, group, groups),
        count(owner, groups).astype(np.float64),
        total(before, owner, groups),
        total(after, owner, groups),
        total(after * before, owner, groups),
    )


def delay_variation(segments: Segments, found: Arrivals, group: Ints) -> Parts:
    """Return the delay variation of RFC 5481: PDV against the minimum, IPDV between neighbours.

    PDV is the latency minus the least latency of its stream; IPDV the change of latency from
    one message to the next one sent (RFC 3393), in absolute value.
    """
    edges = np.flatnonzero(~found.follows)
    least = found.latency
    if len(edges):
        lengths = np.diff(edges, append=len(found.latency))
        least = np.repeat(np.minimum.reduceat(found.latency, edges), lengths)
    steps, owner = _neighbour_steps(segments, found, group)
    return {
        "pdv": Variation(kept(split(found.latency - least, group, segments.groups))),
        "ipdv": Variation(kept(split(steps, owner, segments.groups))),
    }


def _neighbour_steps(segments: Segments, found: Arrivals, group: Ints) -> tuple[Floats, Ints]:
    """Return abs(L_i - L_(i-1)) for neighbours in order of sending that both arrived."""
    if found.in_order:
        place, latency, owner, follows = found.place, found.latency, group, found.follows
    else:
        order = np.argsort(found.place)
        place, latency, owner = found.place[order], found.latency[order], group[order]
        segment = found.segment[order]
        follows = np.concatenate([[False], segment[1:] == segment[:-1]])
    adjacent = follows.copy()
    adjacent[1:] &= np.diff(place) == 1
    steps = np.abs(np.diff(latency, prepend=latency[:1]))
    return steps[adjacent], owner[adjacent]


def ages(segments: Segments, sawtooth: age.Ages, limits: Limits) -> Parts:
    """Return the age of information, pooled over the streams of a group by time."""
    groups, group = segments.groups, sawtooth.group
    length = sawtooth.high - sawtooth.low
    whole = total(length, group, groups)
    area = 0.5 * (sawtooth.low + sawtooth.high) * length
    closed = ~sawtooth.last
    tops = total(sawtooth.high[closed], group[closed], groups)
    low, high = (kept(split(ends, group, groups)) for ends in (sawtooth.low, sawtooth.high))
    return {
        "age_mean_ms": Mean(total(area, group, groups), whole),
        "age_p99_ms": AgeQuantile(low, high, 0.99),
        "age_peak_ms": Greatest(peak(sawtooth.high, group, groups)),
        "age_peak_mean_ms": Mean(tops, count(group[closed], groups)),
        "age_over_share": Mean(age.time_over(sawtooth, limits.watchdog_ms, groups), whole),
        "watchdog_trips_stamp": Sum(age.times_over(sawtooth, limits.watchdog_ms, groups)),
    }


def arrival_gaps(segments: Segments, found: Arrivals) -> tuple[Floats, Ints, Floats]:
    """Return the silences between deliveries: length in ms, segment, start in seconds.

    The silence after the last delivery counts up to the last creation of the stream.
    """
    inner = np.flatnonzero(found.follows)
    lengths = (found.delivered[inner] - found.delivered[inner - 1]) * 1e3
    final = found.finals
    segment = found.segment[final]
    tail = (segments.created[segments.finals[segment]] - found.delivered[final]) * 1e3
    open_end = tail > 0
    return (
        np.concatenate([lengths, tail[open_end]]),
        np.concatenate([found.segment[inner], segment[open_end]]),
        np.concatenate([found.delivered[inner - 1], found.delivered[final][open_end]]),
    )


def gaps(segments: Segments, found: Arrivals, limits: Limits) -> Parts:
    """Return the longest silence and how often a watchdog on arrivals would have tripped."""
    lengths, segment, _ = arrival_gaps(segments, found)
    group = segments.group[segment]
    tripped = lengths > limits.watchdog_ms
    trips = total(tripped, group, segments.groups)
    heard = np.bincount(segments.group[found.segment], minlength=segments.groups)
    longest = np.full(segments.groups, -np.inf)
    np.maximum.at(longest, group, lengths)
    return {
        "gap_max_ms": Greatest(np.where(np.isinf(longest), np.nan, longest)),
        "watchdog_trips": Sum(trips, heard),
    }


def stale(segments: Segments, found: Arrivals, limits: Limits) -> Parts:
    """Return how much arrived too old to act on, and the bursts that follow a silence.

    A catch-up burst is what arrives within `catch_up_ms` after a silence longer than the
    watchdog, is older than `stale_ms` and had piled up: commands that were meant for then,
    carried out now.
    """
    group = segments.group[found.segment]
    old = found.latency > limits.stale_ms
    at, size, oldest = catch_up_bursts(segments, found, limits)
    owner, real = group[at], size > 0
    return {
        "stale_share": Mean(total(old, group, segments.groups), count(group, segments.groups)),
        "catch_up_bursts": Sum(total(real, owner, segments.groups)),
        "catch_up_max": Greatest(peak(size, owner, segments.groups), none=0.0),
        "catch_up_oldest_ms": Greatest(peak(oldest[real], owner[real], segments.groups)),
    }


def catch_up_bursts(
    segments: Segments, found: Arrivals, limits: Limits
) -> tuple[Ints, Floats, Floats]:
    """Return the arrival that ends each silence, and size (or 0) and oldest age of its burst."""
    silence = np.diff(found.delivered, prepend=np.nan) * 1e3
    stalls = np.flatnonzero(found.follows & (silence > limits.watchdog_ms))
    edges = np.append(np.flatnonzero(~found.follows), len(found.place))
    size, oldest = np.zeros(len(stalls)), np.zeros(len(stalls))
    for i, begin in enumerate(stalls.tolist()):
        stop = int(edges[np.searchsorted(edges, begin, side="right")])
        until = found.delivered[begin] + limits.catch_up_ms / 1e3
        end = begin + int(np.searchsorted(found.delivered[begin:stop], until, side="right"))
        old = begin + np.flatnonzero(found.latency[begin:end] > limits.stale_ms)
        if len(old) and _piled_up(segments, found, old):
            size[i], oldest[i] = len(old), found.latency[old].max()
    return stalls, size, oldest


def _piled_up(segments: Segments, found: Arrivals, old: Ints) -> bool:
    """Tell whether messages arrive twice as fast as they were sent, as after a stall.

    On a slow link every command is old; where the sender had merely paused they keep their pace.
    """
    arrived, created = found.delivered[old], segments.created[found.place[old]]
    return bool(np.ptp(created) > 2.0 * np.ptp(arrived))
