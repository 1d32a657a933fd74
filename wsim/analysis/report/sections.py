"""The chapters of a report, from the study to words, tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from wsim.analysis import plots
from wsim.analysis.columns import codes
from wsim.analysis.comparison import compare
from wsim.analysis.objectives import check
from wsim.analysis.plots.drops import time_bins
from wsim.analysis.plots.path import STOPS
from wsim.analysis.report import tables
from wsim.analysis.report.bursts import burst_table
from wsim.analysis.report.document import Document, Picture, Section, Table, Verdict
from wsim.analysis.report.driving import driving
from wsim.analysis.report.losses import drops, too_narrow
from wsim.analysis.report.made import made, run_table
from wsim.analysis.report.one_end import answers, one_ended
from wsim.analysis.report.study import Frames, Study, entries
from wsim.analysis.report.words import BANDS, FREEZES, percent, verdict
from wsim.errors import WsimError, unknown

MANY = "How would it have felt to drive over each of these networks?"
ONE = "What did this network do to the messages, and would the rover have been safe?"
MOST_PICTURED = 4
OVER_TCP = " over TCP"
SPAN_S = 20.0
"""Length of the piece of the run that the timelines show."""


def document(
    study: Study,
    *,
    title: str,
    baseline: str | None,
    command: str | None,
    objectives: Any,
    tcp_counterparts: Mapping[str, Any] | None,
) -> Document:
    """Return the whole report of a study, its pictures not yet drawn."""
    tcp = beside_tcp(study, tcp_counterparts or {})
    verdicts, main = first_screen(study, tcp)
    sections: list[Section | None] = [
        answers(study),
        driving(study),
        latency(study),
        drops(study),
        timelines(study),
        ages(study),
        whereabouts(study),
        parts(study),
        comparison(study, baseline) if len(study.entries) > 1 else None,
        bursts(study),
    ]
    if objectives is not None:
        sections.insert(0, wanted(study, objectives))
    sections += [over_tcp(study, tcp), details(study), runs(study)]
    grades = ", ".join(f"{band.word} up to {plots.duration(band.up_to_ms)}" for band in BANDS[:-1])
    rating = (
        f"Graded by the time within which nine in ten {study.command}, or newer ones, reached "
        f"the rover, or nine in ten pictures of the camera the operator, whichever is later: "
        f"{grades}, beyond that {BANDS[-1].word}; with freezes if over "
        f"{percent(FREEZES)} took more than half a second. Change the bands to suit the vehicle."
    )
    return Document(
        title,
        MANY if len(study.entries) > 1 else ONE,
        verdicts,
        main,
        [one for one in sections if one is not None],
        [
            *one_ended(study),
            rating,
            *too_narrow(study),
            *overloads(study, tcp),
            *pauses(study),
            *tables.unique(study.notes),
        ],
        made(study, command),
    )


def beside_tcp(study: Study, given: Mapping[str, Any]) -> Study | None:
    """Return the networks that have a counterpart over TCP, each followed by it."""
    pairs: dict[str, Any] = {}
    for name in given:
        if name not in study.names:
            raise unknown("network in this report", name, study.names)
    for entry in study.entries:
        if entry.name in given:
            pairs[entry.name] = list(entry.runs)
            pairs[f"{entry.name}{OVER_TCP}"] = given[entry.name]
    return Study(entries(pairs), study.command) if pairs else None


def first_screen(study: Study, tcp: Study | None) -> tuple[list[Verdict], Table]:
    """Return the verdicts and the main table, a counterpart over TCP under its network."""
    main, below = tables.main_table(study), {}
    if tcp is not None:
        below = dict(zip(tcp.names, tables.main_rows(tcp), strict=True))
    verdicts, rows = [], []
    for name, row in zip(study.names, main.rows, strict=True):
        verdicts.append(verdict(study, name))
        rows.append(row)
        other = f"{name}{OVER_TCP}"
        if tcp is not None and name in below:
            verdicts.append(verdict(tcp, other))
            rows.append(below[other])
    return verdicts, replace(main, rows=tuple(rows))


def overloads(*studies: Study | None) -> list[str]:
    """Return which networks cannot carry over TCP what was sent, each once."""
    known = (study.saturation for study in studies if study is not None)
    notes = [note for found in known for some in found.values() for note in some]
    return [f"{note}." for note in tables.unique(notes)]


def pauses(study: Study) -> list[str]:
    """Return a remark on the pauses of the operator, which no age includes."""
    longest = max((reach.longest_pause_s for reach in study.reach.values()), default=0.0)
    if longest == 0:
        return []
    return [
        f"The operator paused, at the longest for {longest:.3g} s: that is no network's delay, "
        "so the ages leave pauses out."
    ]


def latency(study: Study) -> Section:
    """Distributions of latency."""
    pooled = study.pooled
    return Section(
        "Latency",
        ["From the moment the application wanted to send to the arrival, one way."],
        pictures=[
            Picture(
                "Share of all messages that arrived within a time; lost ones never do.",
                partial(plots.plot_latency, pooled),
            ),
            Picture(
                "The slow tail: latency at each percentile of the delivered messages.",
                partial(plots.plot_latency, pooled, kind="percentiles"),
            ),
            Picture(
                "The shape of each distribution.", partial(plots.plot_latency, pooled, kind="ridge")
            ),
            Picture(
                "Latency of each message by sending time, first run; ticks above are losses.",
                lambda: plots.plot_latency_over_time(first_runs(study)),
            ),
        ],
    )


def timelines(study: Study) -> Section:
    """The commands of every network side by side."""
    window = telling_window(study)

    def draw(name: str) -> Axes:
        frame = study.first(name)
        if "direction" in frame.columns and (frame["direction"] == "inbound").any():
            frame = frame[(frame["direction"] == "inbound").to_numpy()]
        by = "event_name" if "event_name" in frame.columns else None
        return named(plots.plot_timeline(frame, by=by, window=window), name)

    return Section(
        "Command timelines",
        [
            f"The same {window[1] - window[0]:.0f} seconds of the run under each network, "
            "chosen where most went wrong. Late means more than 200 ms."
        ],
        pictures=[Picture(f"Commands over {name}.", partial(draw, name)) for name in study.names],
    )


def telling_window(study: Study, span_s: float = SPAN_S) -> tuple[float, float]:
    """Return the span of time with most losses of commands, emergency stops counting more."""
    frame = first_runs(study)
    created = frame["created_s"].to_numpy()
    weight = (frame["fate"] == "dropped").to_numpy().astype(float)
    if "event_name" in frame.columns:
        weight += 20.0 * codes(frame, "event_name").where(*STOPS)
    if "direction" in frame.columns:
        weight *= (frame["direction"] != "outbound").to_numpy()
    usable = np.isfinite(created)
    edges = time_bins(created[usable], 1.0)
    if len(edges) < 2:
        return 0.0, span_s
    trouble = np.histogram(created[usable], edges, weights=weight[usable])[0]
    width = min(int(span_s), len(trouble))
    inner = np.zeros(width)
    inner[width // 10 : width - width // 10] = 1.0  # what matters should not touch the edge
    sums = np.convolve(trouble, inner[::-1], "valid")
    start = float(np.floor(edges[int(np.argmax(sums))]))
    return start, start + width


def first_runs(study: Study) -> pd.DataFrame:
    """Return the first run of every network, in one frame."""
    first = codes(study.pooled, "run").where(*study.names)
    return study.pooled[first]


def ages(study: Study) -> Section:
    """The age of the newest command."""
    return Section(
        "Age of commands",
        [
            f"How old the newest {study.command} is that the rover knows. It grows while nothing "
            "arrives, so it counts delay, loss and silence together."
        ],
        pictures=[
            Picture(f"Age of the newest command over {name}.", partial(_age, study, name))
            for name in study.names
        ],
    )


def _age(study: Study, name: str) -> Axes:
    return named(plots.plot_age(study.first(name), event=study.command, pauses="skip"), name)


def named(ax: Axes, name: str) -> Axes:
    """Put the name of the network in the place of the title."""
    ax.set_title(plots.plain(name), loc="left", fontsize="medium", fontweight="bold")
    return ax


def whereabouts(study: Study) -> Section:
    """The path of the rover."""
    return Section(
        "Path of the rover",
        ["Drive commands integrated as they arrived; the rover stops after 0.5 s without one."],
        pictures=[
            Picture(
                "Where the first run's commands would have led.",
                lambda: plots.plot_path(study.commands(), event=study.command),
            )
        ],
    )


def parts(study: Study) -> Section:
    """Where the time went."""
    return Section(
        "Where the time went",
        tables=[tables.parts_table(study)],
        pictures=[
            Picture(
                "Mean delay of the delivered messages, part by part.",
                partial(plots.plot_delay_parts, study.pooled),
            )
        ],
    )


def bursts(study: Study) -> Section:
    """Bursts of stale commands, by name."""
    table, words = burst_table(study)
    return Section("Bursts of stale commands", [words], [table] if table else [])


def comparison(study: Study, baseline: str | None) -> Section:
    """Every network against the baseline."""
    if baseline is not None and baseline not in study.names:
        raise unknown("network in this report", baseline, study.names)
    base = baseline or study.names[0]
    title = f"Compared with {base}"
    sides: dict[str, list[pd.DataFrame]] = {
        name: [run for _, run in study.pooled[(study.pooled["profile"] == name).to_numpy()].groupby(
            "run", observed=True, sort=False)]
        for name in study.names
    }  # fmt: skip
    first = sides.pop(base)
    try:
        table = compare(first, sides, command=study.command, pauses="skip")
    except WsimError as error:
        return Section(title, [f"Left out: {error}"])
    says = [f"{name}: " + "; ".join(_main_points(table, name)) + "." for name in sides]
    kinds: list[tuple[plots.Unit, str]] = [
        ("ms", "Differences of times"),
        ("share", "Differences of rates"),
    ]
    return Section(
        title,
        says,
        [tables.comparison_table(table, list(sides), base)],
        [
            Picture(
                f"{words} of {name} to {base}, with 95 % intervals.",
                partial(_difference, table, name, unit),
            )
            for name in list(sides)[:MOST_PICTURED]
            for unit, words in kinds
        ],
        [*map(str, table.attrs.get("wsim_notes", ())), *_methods(table)],
    )


def _difference(table: pd.DataFrame, name: str, unit: plots.Unit) -> Axes:
    rows = table[(table["candidate_name"] == name).to_numpy()]
    return named(plots.plot_differences(rows, unit=unit), name)


def _main_points(table: pd.DataFrame, name: str) -> list[str]:
    rows = table[table["candidate_name"] == name].set_index("metric")
    wanted_metrics = [m for m in ("p99_ms", "drop_rate", "age_mean_ms") if m in rows.index]
    return [tables.sentence(rows.loc[metric], metric) for metric in wanted_metrics]


def _methods(table: pd.DataFrame) -> list[str]:
    return [f"Method: {', '.join(tables.unique(map(str, table['method'])))}."]


def wanted(study: Study, objectives: Any) -> Section:
    """What was promised and whether each network kept it."""
    if isinstance(objectives, pd.DataFrame):
        return Section("Objectives", tables=[tables.frame_table(objectives, "Objectives")])
    checked = {
        name: check(study.pooled[(study.pooled["profile"] == name).to_numpy()], objectives)
        for name in study.names
    }
    return Section("Objectives", tables=[tables.objective_table(checked)])


def over_tcp(study: Study, both: Study | None) -> Section | None:
    """What TCP would have made of the losses, beside every run that lost messages."""
    lossy = [n for n in study.names if study.row(n)["dropped"] > 0]
    given = [] if both is None else both.names[::2]
    missing = [name for name in lossy if name not in given]
    lead = [
        "A real WebSocket runs over TCP, which sends lost packets again: while the connection "
        "holds nothing is lost, but later messages wait for the missing one, and commands "
        "arrive late and in bursts."
    ]
    if both is None:
        if not lossy:
            return None
        hint = "run the same traffic with transport='tcp' to see it"
        return Section("Over TCP instead", [*lead, f"Not computed for {', '.join(lossy)}: {hint}."])
    shown = [tables.main_table(both), tables.stream_latencies(both, both.names[1::2])]
    notes = overloads(both)
    if missing:
        notes.append(f"Without a counterpart over TCP: {', '.join(missing)}.")
    pictures = [
        Picture("Share of the messages that arrived within a time.",
                partial(plots.plot_latency, both.pooled)),
        *(
            Picture(
                f"Age of the newest command, {name} as datagrams and over TCP, first run.",
                partial(_pair_age, both, name),
            )
            for name in given
        ),
    ]  # fmt: skip
    return Section("Over TCP instead", lead, shown, pictures, notes)


def _pair_age(both: Study, name: str) -> Axes:
    frame = first_runs(both)
    pair = codes(frame, "profile").where(name, f"{name}{OVER_TCP}")
    return named(plots.plot_age(frame[pair], event=both.command, pauses="skip"), name)


def details(study: Study) -> Section:
    """Figures of every event, and what was refused."""
    refused = tables.refused_table(study)
    return Section(
        "Every event", tables=[tables.event_table(study), *([refused] if refused else [])]
    )


def runs(study: Study) -> Section:
    """The runs behind the numbers."""
    return Section("Runs", tables=[run_table(study)])


__all__ = ["Frames", "document"]
