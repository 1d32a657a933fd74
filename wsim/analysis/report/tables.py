"""The tables of a report, as texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wsim.analysis.plots.delay_parts import NAMES
from wsim.analysis.plots.differences import label_of
from wsim.analysis.plots.style import duration
from wsim.analysis.report.document import Table
from wsim.analysis.report.study import Study
from wsim.analysis.report.words import interval, percent
from wsim.schema import PARTS

HEADS = (
    *("network", "messages", "drop rate [95 %]", "p50", "p90", "p99", "max", "jitter"),
    *("command age", "known within", "freezes"),
)
MEANINGS = (
    "",
    "sent, by fate known or not",
    "share of the sent messages that never arrived; five runs or more are taken run by run, "
    "fewer with Wilson's interval over all messages",
    "half of the delivered messages arrived within this time",
    "nine in ten arrived within this time",
    "99 in a hundred arrived within this time",
    "the slowest of the delivered",
    "smoothed change of latency between neighbours, mean over the run (RFC 3550)",
    "age of the newest command that the rover knows, averaged over time",
    "99 in a hundred commands, or newer ones, had reached the rover within this time; losses count",
    "share of the commands that took effect more than half a second late, or never",
)


STEADY = 20
"""Fewer messages than this are no stream: an age or a silence would mean nothing."""


def main_table(study: Study) -> Table:
    """Return the first table: one row a network."""
    return Table("What each network did", HEADS, main_rows(study), MEANINGS)


def main_rows(study: Study) -> tuple[tuple[str, ...], ...]:
    """Return the rows of the first table."""
    rows = []
    for name in study.names:
        row, reach = study.row(name), study.reach.get(name)
        more = ("–", "–")
        if reach is not None:
            more = (duration(reach.p99_ms), percent(reach.freeze_share))
        rows.append((*figures(name, row), duration(row.get("age_mean_ms", np.nan)), *more))
    return tuple(rows)


def figures(name: object, row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the figures of one row of a summary as texts, up to the jitter."""
    rate = interval(row["drop_rate"], row["drop_rate_low"], row["drop_rate_high"])
    keys = ("p50_ms", "p90_ms", "p99_ms", "max_ms", "jitter_rfc3550_mean_ms")
    return (str(name), whole(row["sent"]), rate, *(duration(row.get(k, np.nan)) for k in keys))


def whole(count: float) -> str:
    """Return a count with separators; a dash if there is none."""
    return f"{int(count):,}" if np.isfinite(count) else "–"


def event_table(study: Study) -> Table:
    """Return the same figures for each event and direction."""
    keys = [c for c in ("event_name", "direction") if c in study.events.columns]
    rows = []
    for _, row in study.events.iterrows():
        name = " · ".join([str(row["profile"]), *(str(row[key]) for key in keys)])
        values = {str(key): value for key, value in row.items()}
        steady = row["sent"] >= STEADY
        more = [duration(row[key]) if steady else "–" for key in ("age_mean_ms", "age_p99_ms")]
        rows.append((*figures(name, values), *more))
    heads = ("stream", *HEADS[1:8], "age", "age p99")
    return Table(
        "By event and direction",
        heads,
        tuple(rows),
        (*MEANINGS[:9], "the age that is exceeded 1 % of the time"),
    )


def stream_latencies(study: Study, names: Sequence[str]) -> Table:
    """Return how late each event of some networks was, one way and the other."""
    keys = [c for c in ("event_name", "direction") if c in study.events.columns]
    rows = []
    for _, row in study.events[study.events["profile"].isin(list(names))].iterrows():
        name = " · ".join([str(row["profile"]), *(str(row[key]) for key in keys)])
        times = (duration(row[key]) for key in ("p50_ms", "p99_ms", "max_ms"))
        rows.append((name, whole(row["sent"]), *times))
    heads = ("stream", "messages", "p50", "p99", "max")
    return Table("By event and direction, over TCP", heads, tuple(rows))


def parts_table(study: Study) -> Table:
    """Return the mean parts of the delay of each network."""
    used = [p for p in PARTS if (study.summary[f"mean_{p}"].abs() > 1e-9).any()]
    rows = tuple(
        (name, *(duration(row[f"mean_{p}"]) for p in used), duration(row["mean_ms"]))
        for name, row in ((name, study.row(name)) for name in study.names)
    )
    return Table("Mean parts of the delay", ("network", *(NAMES[p] for p in used), "mean"), rows)


def cause_table(study: Study) -> Table | None:
    """Return what was lost by cause; None if nothing was."""
    columns = [c for c in study.summary.columns if c.startswith("cause_")]
    used = [c for c in columns if study.summary[c].sum() > 0]
    if not used:
        return None
    heads = ("network", "dropped", *(c.removeprefix("cause_").replace("_", " ") for c in used))
    rows = tuple(
        (name, whole(row["dropped"]), *(whole(row[c]) for c in used))
        for name, row in ((name, study.row(name)) for name in study.names)
    )
    return Table("Why messages were lost", heads, rows)


def comparison_table(table: pd.DataFrame, candidates: list[str], baseline: str) -> Table:
    """Return the differences and verdicts of `compare`, a column for each candidate."""
    cells: dict[str, dict[str, str]] = {}
    first: dict[str, str] = {}
    for _, row in table.iterrows():
        metric, unit = str(row["metric"]), str(row.get("unit", ""))
        first.setdefault(metric, amount(row["baseline"], unit))
        cells.setdefault(metric, {})[str(row["candidate_name"])] = _difference(row, unit)
    rows = tuple(
        (label_of(metric), first[metric], *(own.get(name, "–") for name in candidates))
        for metric, own in cells.items()
    )
    heads = ("metric", baseline, *candidates)
    return Table(f"Differences to {baseline} [95 % interval] and verdicts", heads, rows)


def _difference(row: Any, unit: str) -> str:
    unit, outcome = "points" if unit == "share" else unit, str(row["verdict"])
    if outcome == "equivalent":
        nan = float("nan")
        outcome += f" within {interval(row['margin'], nan, nan, unit)}:"
    return f"{outcome} {interval(row['difference'], row['low'], row['high'], unit, '+')}"


def sentence(row: Any, metric: str) -> str:
    """Return one verdict in words."""
    outcome, unit = str(row["verdict"]), str(row.get("unit", ""))
    if outcome not in ("better", "worse"):
        return str(row["says"])
    low, high = sorted((abs(row["low"]), abs(row["high"])))
    unit = "points" if unit == "share" else unit
    return f"{label_of(metric)} {outcome} by {interval(abs(row['difference']), low, high, unit)}"


def amount(value: float, unit: str) -> str:
    """Return a value in the unit that `compare` names."""
    if not np.isfinite(value):
        return "–"
    if unit == "ms":
        return duration(value)
    return percent(value) if unit == "share" else f"{value:.3g} {unit}".strip()


def objective_table(checked: Mapping[str, pd.DataFrame]) -> Table:
    """Return the outcome of each objective on each network."""
    names = list(checked)
    first = checked[names[0]]
    rows = []
    for place, title in enumerate(map(str, first["objective"])):
        cells = [
            str(table["says"].iloc[place]).removeprefix(f"{title}: ") for table in checked.values()
        ]
        rows.append((title, *cells))
    return Table("Objectives, at 95 % confidence", ("objective", *names), tuple(rows), words=True)


def frame_table(frame: pd.DataFrame, caption: str) -> Table:
    """Return any frame as a table of texts; its first column names the rows."""
    heads = tuple(str(column) for column in frame.columns)
    rows = tuple(tuple(_cell(value) for value in row) for row in frame.itertuples(index=False))
    return Table(caption, heads, rows, words=True)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if np.isfinite(value) else "–"
    return str(value)


def refused_table(study: Study, most: int = 12) -> Table | None:
    """Return the first messages that validation refused, with the start of their payloads."""
    rows: list[tuple[str, ...]] = []
    for entry in study.entries:
        for run in entry.runs:
            if "fate" not in run.columns or "event_name" not in run.columns:
                continue
            chosen = run[(run["fate"] == "refused").to_numpy()].head(most - len(rows))
            data = chosen["data"] if "data" in chosen.columns else [None] * len(chosen)
            at = chosen["created_s"] if "created_s" in chosen.columns else [np.nan] * len(chosen)
            rows += [
                (entry.name, f"{t:.3f} s", str(event), excerpt(payload))
                for t, event, payload in zip(at, chosen["event_name"], data, strict=True)
            ]
    if not rows:
        return None
    heads = ("network", "sent", "event", "payload")
    return Table("Messages that were refused", heads, tuple(rows), words=True)


def excerpt(payload: object, length: int = 160) -> str:
    """Return the start of a payload as text, however deep or strange it is."""
    try:
        text = json.dumps(payload, ensure_ascii=False, default=repr)
    except (ValueError, RecursionError, TypeError):
        text = f"a payload of type {type(payload).__name__} that JSON cannot hold"
    return text if len(text) <= length else text[: length - 1] + "…"


def unique(texts: Iterable[str]) -> list[str]:
    """Return the texts without repetitions, in order."""
    return list(dict.fromkeys(texts))
