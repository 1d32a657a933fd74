"""`summarize`: one row per group of a history, with intervals and with what is missing said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
)
from wsim.analysis.commands import representative
from wsim.analysis.deadlines import DEADLINES, Deadlines, row_deadlines
from wsim.analysis.duplicates import note_repeated
from wsim.analysis.intervals import check_confidence, order_statistic, wilson
from wsim.analysis.segments import GroupSums, cut, ratio, split
from wsim.analysis.sources import ParquetColumns, Selection
from wsim.analysis.streams import Limits, stream_table
from wsim.analysis.tables import assemble, in_words, stacked
from wsim.errors import unknown
from wsim.schema import CAUSES, COMMAND_EVENT, FATES, PARTS

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
"""The quantiles of a summary, by the names of their columns."""

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
    64 % in simulations with a correlation of 0.9 or losses in runs of three. A note says
    where; to be sure of a difference compare replicates with `wsim.compare`.
    """
    check_confidence(confidence)
    for section in sections:
        if section not in SECTIONS:
            raise unknown("section", section, SECTIONS)
    names = [by] if isinstance(by, str) else list(by or ())
    limits = Limits(watchdog_ms, deadline_ms, stale_ms, pauses=check_pauses(pauses))

    def one(rows: Any, selection: Selection | None) -> pd.DataFrame:
        return _summary(rows, selection, names, command, limits, confidence, sections)

    if isinstance(frame, str | Path):
        selections = ParquetColumns.open(frame).selections(names)
        return stacked([one(selection.frame(), selection) for selection in selections])
    return one(frame, None)


def _summary(
    frame: Any,
    selection: Selection | None,
    names: Sequence[str],
    command: str,
    limits: Limits,
    confidence: float,
    sections: Sequence[str],
) -> pd.DataFrame:
    messages = read(frame)
    groups = group_codes(messages, names)
    columns: dict[str, Any] = {}
    makers: dict[str, Callable[[], dict[str, Any]]] = {
        "counts": lambda: counts(messages, groups, confidence),
        "latency": lambda: latencies(messages, groups, limits, confidence),
        "rates": lambda: rates(messages, groups),
        "parts": lambda: part_means(messages, groups, selection),
        "streams": lambda: stream_columns(messages, groups, names, command, limits),
    }
    for section in SECTIONS:
        if section in sections:
            columns |= makers[section]()
    note_repeated(messages)
    return assemble(columns, names, groups, messages.notes)


def counts(messages: Messages, groups: Codes, confidence: float) -> dict[str, Any]:
    """Return messages by fate and cause, and the drop rate with its Wilson interval."""
    size = len(groups.labels)
    group = _outside(groups, messages.original, size)
    sent = np.bincount(group, minlength=size + 1)[:size]
    table: dict[str, Any] = {"sent": sent}
    for fate in FATES:
        table[fate] = _where(group, messages.fate.where(fate), size)
    everything = np.bincount(groups.codes, minlength=size) if len(messages) else sent
    table["duplicates"] = everything - sent
    known = sent - table["unknown"]
    bounds = [
        wilson(int(d), int(k), confidence) for d, k in zip(table["dropped"], known, strict=True)
    ]
    for place, name in enumerate(("drop_rate", "drop_rate_low", "drop_rate_high")):
        table[name] = np.array([bound[place] for bound in bounds], dtype=np.float64)
    if table["in_flight"].any():
        messages.note(
            f"{int(table['in_flight'].sum())} messages were still under way at the end: "
            "they count as sent, neither delivered nor dropped"
        )
    if "cause" in messages.frame.columns:
        cause = codes(messages.frame, "cause")
        astray = ~messages.fate.where("delivered")
        for name in CAUSES[1:]:
            table[f"cause_{name}"] = _where(group, astray & cause.where(name), size)
    else:
        messages.note("no column 'cause': drops are not counted by cause")
    return table


def latencies(
    messages: Messages, groups: Codes, limits: Limits, confidence: float
) -> dict[str, Any]:
    """Return quantiles with intervals, mean, extremes and the share of late messages."""
    names = ["mean_ms", "min_ms", "max_ms", "negative_latencies"]
    names += [f"{q}_ms{end}" for q in QUANTILES for end in ("", "_low", "_high")]
    table: dict[str, Any] = {name: np.full(len(groups.labels), np.nan) for name in names}
    chosen = messages.arrived & messages.original
    table |= _late_shares(messages, groups, limits, chosen, confidence)
    thin: dict[str, list[str]] = {}
    parts = _by_group(messages.latency, chosen, groups)
    for g, (label, ordered) in enumerate(zip(groups.labels, parts, strict=True)):
        row = _latency_row(ordered, confidence)
        for name, value in row.items():
            table[name][g] = value
        for q, least in _THIN.items():
            if len(ordered) < least:
                thin.setdefault(q, []).append(in_words(label))
    for q, who in sorted(thin.items()):
        messages.note(
            f"{_quantile_text(q)} rests on fewer than {_THIN[q]:,} messages in {_few(who)}: "
            "read it with its interval (empty where the sample cannot bound it)"
        )
    return table


def _late_shares(
    messages: Messages, groups: Codes, limits: Limits, chosen: Bools, confidence: float
) -> dict[str, Any]:
    late = chosen & (messages.latency > row_deadlines(messages, limits.deadline_ms))
    hits, every = (GroupSums(groups.codes, len(groups.labels), which) for which in (late, chosen))
    pairs = zip(hits.count().tolist(), every.count().tolist(), strict=True)
    bounds = np.array([wilson(*pair, confidence)[:3] for pair in pairs]).reshape(-1, 3)
    return dict(zip(("late_share", "late_share_low", "late_share_high"), bounds.T, strict=True))


def _latency_row(ordered: Floats, confidence: float) -> dict[str, float]:
    if not len(ordered):
        return {"negative_latencies": 0.0}
    row = {"mean_ms": float(ordered.mean()), "min_ms": ordered[0], "max_ms": ordered[-1]}
    row["negative_latencies"] = float(np.searchsorted(ordered, 0.0, side="left"))
    for name, q in QUANTILES.items():
        value = order_statistic(ordered, q, confidence)
        row[f"{name}_ms"] = value.estimate
        row[f"{name}_ms_low"], row[f"{name}_ms_high"] = value.low, value.high
    return row


def rates(messages: Messages, groups: Codes) -> dict[str, Any]:
    """Return what got through per second: messages and kilobits, over the time of each run."""
    size = len(groups.labels)
    duration = _durations(messages, groups)
    sums = GroupSums(groups.codes, size, messages.arrived & messages.original)
    delivered = sums.count()
    table: dict[str, Any] = {
        "duration_s": duration,
        "rate_hz": ratio(delivered, duration),
        "throughput_kbps": np.full(size, np.nan),
    }
    if "size_bytes" in messages.frame.columns:
        kilobits = sums.of(floats(messages.frame, "size_bytes")) * 8e-3
        table["throughput_kbps"] = ratio(kilobits, duration)
    else:
        messages.note("no column 'size_bytes': throughput in kbit/s cannot be computed")
    return table


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


def part_means(
    messages: Messages, groups: Codes, selection: Selection | None = None
) -> dict[str, Any]:
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
    table: dict[str, Any] = {}
    for name in PARTS:
        mean = np.full(size, np.nan)
        if name not in missing:
            values = floats(messages.frame, name) if selection is None else selection.column(name)
            mean = ratio(sums.of(values), delivered)
        table[f"mean_{name}"] = mean
    return table


def stream_columns(
    messages: Messages, groups: Codes, by: Sequence[str], command: str, limits: Limits
) -> dict[str, Any]:
    """Return the stream metrics, from the command stream where a group pools several events."""
    streams = stream_codes(messages)
    chosen = messages.original & representative(messages, groups, by, command)
    table = stream_table(cut(messages, groups, streams, chosen), streams, limits)
    tied = np.flatnonzero(table["lag1_correlation"] > _TIED)
    if len(tied):
        who = _few([in_words(groups.labels[g]) for g in tied.tolist()])
        messages.note(
            f"latencies of neighbours are correlated in {who}: the intervals of this table are "
            "too narrow there, compare replicates to be sure of a difference"
        )
    return dict(table)


def _outside(groups: Codes, inside: Bools, size: int) -> np.ndarray[Any, Any]:
    """Return the group of each row, with the rows not `inside` in an extra last group."""
    return np.where(inside, groups.codes, np.asarray(size, dtype=np.intp)).astype(np.intp)


def _where(group: np.ndarray[Any, Any], hit: Bools, size: int) -> np.ndarray[Any, Any]:
    if not hit.any():
        return np.zeros(size, dtype=np.int64)
    return np.bincount(group[hit], minlength=size + 1)[:size]


def _by_group(values: Floats, chosen: Bools, groups: Codes) -> Iterator[Floats]:
    """Yield the chosen values of each group, sorted."""
    size = len(groups.labels)
    if size <= 16:
        for g in range(size):
            mine = values[chosen if size == 1 else chosen & (groups.codes == g)]
            mine.sort()
            yield mine
        return
    for mine in split(values[chosen], groups.codes[chosen], size):
        yield np.sort(mine)


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more groups"


def _quantile_text(name: str) -> str:
    return {"p999": "p99.9"}.get(name, name)
