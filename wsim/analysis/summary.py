"""`summarize`: one row per group of a history, with intervals and with what is missing said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wsim.analysis.age import check_pauses
from wsim.analysis.columns import (
    Bools,
    Codes,
    Floats,
    Messages,
    codes,
    combine,
    constant,
    floats,
    group_codes,
    read,
    stream_codes,
    unread,
)
from wsim.analysis.commands import among, representative
from wsim.analysis.deadlines import DEADLINES, Deadlines, row_deadlines
from wsim.analysis.duplicates import note_repeated
from wsim.analysis.intervals import check_confidence
from wsim.analysis.parts import Mean, Parts, Proportion, Sum, added, finished
from wsim.analysis.samples import QUANTILES, Latencies, kept
from wsim.analysis.segments import GroupSums, cut, ratio, split
from wsim.analysis.sources import Job, ParquetColumns, Selection
from wsim.analysis.streams import Limits, stream_table
from wsim.analysis.tables import assemble, in_words, stacked
from wsim.errors import unknown
from wsim.schema import CAUSES, COMMAND_EVENT, FATES, PARTS

SECTIONS = ("counts", "latency", "rates", "parts", "streams")
"""What `summarize` computes: choose some of them to save time."""

_TIED = 0.3
"""Correlation of neighbours above which intervals for independent messages mislead."""

_THIN = {"p99": 1_000, "p999": 10_000}
"""Below so many messages a tail quantile rests on a handful of them."""


def summarize(
    frame: Any,
    by: str | Sequence[str] | None = "profile",
    *,
    command: str = COMMAND_EVENT,
    watchdog_ms: float = 500.0,
    deadline_ms: Deadlines = DEADLINES,
    stale_ms: float = 500.0,
    pauses: str = "count",
    confidence: float = 0.95,
    sections: Sequence[str] = SECTIONS,
) -> pd.DataFrame:
    """Summarise a history: one row per group.

    Parameters
    ----------
    frame : DataFrame or path
        A history frame, or the path of a Parquet file or folder, which is summarised
        without being loaded whole.
    by : str or sequence of str or None
        Columns to group by; None takes everything as one group.
    command : str
        The event whose stream stands for a group of several events in stream metrics.
    watchdog_ms, stale_ms : float
        A silence or age that trips the rover's watchdog; the age from which a command should
        not be carried out any more.
    deadline_ms : float or mapping
        The latency after which a message is late: one for all, or by event, where events
        that are not named have 200 ms. By default 300 ms for the camera, 200 ms for others.
    pauses : str
        ``count``: the age is what it is, also while the sender sends nothing; ``skip``: the
        sender's own pauses (see `wsim.analysis.age`) are left out of the age.
    confidence : float
        Of every interval (``_low``, ``_high``).
    sections : sequence of str
        Some of ``counts, latency, rates, parts, streams``.

    Returns
    -------
    DataFrame
        Indexed by group, which is also in the columns `by`. Counts by fate and by cause;
        ``drop_rate`` of the messages whose fate is known (Wilson); latency quantiles with
        distribution-free order-statistic intervals, in ms; RFC 3550 jitter; RFC 5481 delay
        variation; RFC 3611 bursts; age of information; watchdog trips; the mean parts of
        the delay. ``attrs["wsim_notes"]`` says what could not be computed, and why.

    Raises
    ------
    ColumnsError
        If columns are missing without which nothing can be said, or hold text for numbers.

    Notes
    -----
    Duplicates made by the network (``copy > 0``) are counted apart and stay out of all other
    figures. The intervals assume independent messages. Those of one connection are
    correlated (``lag1_correlation``), and intervals meant for 95 % then cover less: 41 to
    64 % in simulations with a correlation of 0.9 or losses in runs of three, and still less
    where reconnects lose messages by the dozen. A note says where latencies are correlated,
    reports and `wsim compare` say where losses came in bursts; to be sure of a difference
    compare replicates with `wsim.compare`.
    """
    check_confidence(confidence)
    for section in sections:
        if section not in SECTIONS:
            raise unknown("section", section, SECTIONS)
    names = [by] if isinstance(by, str) else list(by or ())
    limits = Limits(watchdog_ms, deadline_ms, stale_ms, pauses=check_pauses(pauses))

    wanted = Request(names, command, limits, confidence, tuple(sections))
    if isinstance(frame, str | Path):
        return stacked([_job_table(job, wanted) for job in ParquetColumns.open(frame).jobs(names)])
    return _table(read(frame), None, wanted)


@dataclass(frozen=True)
class Request:
    """What was asked for."""

    by: list[str]
    command: str
    limits: Limits
    confidence: float
    sections: tuple[str, ...]


def _job_table(job: Job, wanted: Request) -> pd.DataFrame:
    if job.catalogue is not None:
        return _pieced(job, job.catalogue, wanted)
    (selection,) = job.pieces
    return _table(read(selection.frame()), selection, wanted)


def _table(messages: Messages, selection: Selection | None, wanted: Request) -> pd.DataFrame:
    groups = group_codes(messages, wanted.by)
    chosen = representative(messages, groups, wanted.by, wanted.command)
    parts = measured(messages, groups, chosen, wanted, selection)
    return _finished(parts, groups.labels, messages.notes, wanted)


def _pieced(job: Job, catalogue: pd.DataFrame, wanted: Request) -> pd.DataFrame:
    """Return the table of a job whose rows do not fit into memory: its parts are added up."""
    whole = unread(catalogue)
    groups = group_codes(whole, wanted.by)
    streams = catalogue[representative(whole, groups, wanted.by, wanted.command)]
    place = {label: number for number, label in enumerate(groups.labels)}
    notes, parts = list(whole.notes), None
    for selection in job.pieces:
        messages = read(selection.frame())
        own = group_codes(messages, wanted.by)
        table = np.array([place[label] for label in own.labels], dtype=np.intp)
        own = Codes(table[own.codes], groups.labels)
        chosen = among(messages, streams, wanted.by)
        more = measured(messages, own, chosen, wanted, selection)
        parts = more if parts is None else added(parts, more)
        notes += [note for note in messages.notes if note not in notes]
    return _finished(parts or {}, groups.labels, notes, wanted)


def measured(
    messages: Messages, groups: Codes, chosen: Bools, wanted: Request, selection: Selection | None
) -> Parts:
    """Return the parts of every section that is wanted; streams are those of `chosen` rows."""
    makers: dict[str, Callable[[], Parts]] = {
        "counts": lambda: counts(messages, groups),
        "latency": lambda: latencies(messages, groups, wanted.limits),
        "rates": lambda: rates(messages, groups),
        "parts": lambda: part_means(messages, groups, selection),
        "streams": lambda: stream_parts(messages, groups, chosen, wanted.limits),
    }
    parts: Parts = {}
    for section in SECTIONS:
        if section in wanted.sections:
            parts |= makers[section]()
    note_repeated(messages)
    return parts


def _finished(parts: Parts, labels: list[Any], notes: list[str], wanted: Request) -> pd.DataFrame:
    columns = finished(parts, wanted.confidence)
    arrived = parts.get("latency")
    if isinstance(arrived, Latencies):
        notes += _thin_notes([len(values) for values in arrived.values], labels)
    notes += [note for note in _told(columns, labels) if note not in notes]
    return assemble(columns, wanted.by, Codes(np.empty(0, np.intp), labels), notes)


def _told(columns: Mapping[str, Any], labels: list[Any]) -> list[str]:
    """Return what the figures themselves say against them."""
    notes = []
    if "in_flight" in columns and columns["in_flight"].any():
        notes.append(
            f"{int(columns['in_flight'].sum())} messages were still under way at the end: "
            "they count as sent, neither delivered nor dropped"
        )
    tied = np.flatnonzero(columns.get("lag1_correlation", np.zeros(0)) > _TIED)
    if len(tied):
        who = _few([in_words(labels[g]) for g in tied.tolist()])
        notes.append(
            f"latencies of neighbours are correlated in {who}: the intervals of this table are "
            "too narrow there, compare replicates to be sure of a difference"
        )
    return notes


def _thin_notes(sizes: list[int], labels: list[Any]) -> list[str]:
    notes = []
    for name, least in _THIN.items():
        who = [in_words(label) for n, label in zip(sizes, labels, strict=True) if n < least]
        if who:
            notes.append(
                f"{_quantile_text(name)} rests on fewer than {least:,} messages in {_few(who)}: "
                "read it with its interval (empty where the sample cannot bound it)"
            )
    return notes


def counts(messages: Messages, groups: Codes) -> Parts:
    """Return messages by fate and cause, and the drop rate."""
    size = len(groups.labels)
    group = _outside(groups, messages.original, size)
    sent = np.bincount(group, minlength=size + 1)[:size]
    fates = {fate: _where(group, messages.fate.where(fate), size) for fate in FATES}
    everything = np.bincount(groups.codes, minlength=size) if len(messages) else sent
    parts: Parts = {name: Sum(found) for name, found in ({"sent": sent} | fates).items()}
    parts["duplicates"] = Sum(everything - sent)
    parts["drop_rate"] = Proportion(fates["dropped"], sent - fates["unknown"])
    if "cause" in messages.frame.columns:
        cause = codes(messages.frame, "cause")
        astray = ~messages.fate.where("delivered")
        for name in CAUSES[1:]:
            parts[f"cause_{name}"] = Sum(_where(group, astray & cause.where(name), size))
    else:
        messages.note("no column 'cause': drops are not counted by cause")
    return parts


def latencies(messages: Messages, groups: Codes, limits: Limits) -> Parts:
    """Return latencies and the share of late messages."""
    chosen = messages.arrived & messages.original
    late = chosen & (messages.latency > row_deadlines(messages, limits.deadline_ms))
    hits, every = (
        GroupSums(groups.codes, len(groups.labels), which).count() for which in (late, chosen)
    )
    values = split(messages.latency[chosen], groups.codes[chosen], len(groups.labels))
    return {"late_share": Proportion(hits, every), "latency": Latencies(kept(values))}


def rates(messages: Messages, groups: Codes) -> Parts:
    """Return what got through per second: messages and kilobits, over the time of each run."""
    size = len(groups.labels)
    duration = _durations(messages, groups)
    sums = GroupSums(groups.codes, size, messages.arrived & messages.original)
    kilobits = np.full(size, np.nan)
    if "size_bytes" in messages.frame.columns:
        kilobits = sums.of(floats(messages.frame, "size_bytes")) * 8e-3
    else:
        messages.note("no column 'size_bytes': throughput in kbit/s cannot be computed")
    return {
        "duration_s": Sum(duration),
        "rate_hz": Mean(sums.count(), duration),
        "throughput_kbps": Mean(kilobits, duration),
    }


def _durations(messages: Messages, groups: Codes) -> Floats:
    """Return the seconds each group was sent for, summed over runs.

    From the first creation to the last, and one mean step more: n messages at a fixed rate
    last n / rate. A single message has no duration.
    """
    frame, size = messages.frame, len(groups.labels)
    run = codes(frame, "run") if "run" in frame.columns else constant(len(frame), "")
    pairs = combine([groups, run], len(frame))
    key, number = pairs.codes, len(pairs.labels)
    if not number:
        return np.full(size, np.nan)
    edges = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    first, last = np.full(number, np.inf), np.full(number, -np.inf)
    np.fmin.at(first, key[edges], np.fmin.reduceat(messages.created, edges))
    np.fmax.at(last, key[edges], np.fmax.reduceat(messages.created, edges))
    rows = np.bincount(_outside(pairs, messages.original, number), minlength=number)[:number]
    span = np.where(last > first, last - first, 0.0) * ratio(rows, rows - 1)
    place = {label: g for g, label in enumerate(groups.labels)}
    owner = np.array([place[group] for group, _ in pairs.labels], dtype=np.intp)
    return np.bincount(owner, weights=np.nan_to_num(span), minlength=size).astype(np.float64)


def part_means(messages: Messages, groups: Codes, selection: Selection | None = None) -> Parts:
    """Return the mean of each part of the delay over the delivered messages.

    The parts are columns of the frame, or read one by one for a `selection` of Parquet rows.
    """
    size = len(groups.labels)
    known = messages.frame.columns if selection is None else selection.source.names
    missing = [name for name in PARTS if name not in known]
    if missing:
        messages.note(f"no column {', '.join(missing)}: these parts of the delay are unknown")
    sums = GroupSums(groups.codes, size, messages.arrived & messages.original)
    delivered = sums.count()
    parts: Parts = {}
    for name in PARTS:
        total = np.full(size, np.nan)
        if name not in missing:
            values = floats(messages.frame, name) if selection is None else selection.column(name)
            total = sums.of(values)
        parts[f"mean_{name}"] = Mean(total, delivered)
    return parts


def stream_parts(messages: Messages, groups: Codes, chosen: Bools, limits: Limits) -> Parts:
    """Return the stream metrics, from the command stream where a group pools several events."""
    streams = stream_codes(messages)
    segments = cut(messages, groups, streams, messages.original & chosen)
    return stream_table(segments, streams, limits)


def _outside(groups: Codes, inside: Bools, size: int) -> np.ndarray[Any, Any]:
    """Return the group of each row, with the rows not `inside` in an extra last group."""
    return np.where(inside, groups.codes, np.asarray(size, dtype=np.intp)).astype(
        np.intp, copy=False
    )


def _where(group: np.ndarray[Any, Any], hit: Bools, size: int) -> np.ndarray[Any, Any]:
    if not hit.any():
        return np.zeros(size, dtype=np.int64)
    return np.bincount(group[hit], minlength=size + 1)[:size]


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more groups"


def _quantile_text(name: str) -> str:
    return {"p999": "p99.9"}.get(name, name)


__all__ = ["QUANTILES", "SECTIONS", "summarize"]
