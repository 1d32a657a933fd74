"""The comparison as text: a table with one line per network, and verdicts in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from wsim.analysis.comparison import compare
from wsim.analysis.intervals import Interval, replicated_share
from wsim.analysis.loss_bursts import narrow_note
from wsim.analysis.one_end import one_end_note
from wsim.analysis.saturation import saturation_notes
from wsim.analysis.sides import LEAST_RUNS
from wsim.analysis.summary import summarize
from wsim.cli.replays import TCP_SUFFIX
from wsim.cli.terminal import clean, share_text, table, time_text
from wsim.formats.joining import concat

_TIMES = ("p50_ms", "p90_ms", "p99_ms", "max_ms", "jitter_rfc3550_mean_ms", "age_mean_ms")
_HEADER = (
    "messages", "dropped [95 % interval]", "p50", "p90", "p99", "max", "jitter", "command age",
)  # fmt: skip
_VERDICTS = ("drop_rate", "p99_ms", "age_p99_ms")


def comparison_table(named: Mapping[str, Sequence[pd.DataFrame]], first: str) -> str:
    """Return one line per network: losses, latency, jitter, age of the commands."""
    rows = []
    for name, frames in named.items():
        row = _summary(frames)
        share = share_text(*_dropped(frames, row)[:3])
        times = [time_text(float(row[column])) for column in _TIMES]
        rows.append([clean(name), f"{int(row['sent'])}", share, *times])
    return table([first, *_HEADER], rows)


def _dropped(frames: Sequence[pd.DataFrame], row: Any) -> Interval:
    """Return the drop rate: run by run where `compare` does so, else over all messages."""
    pooled = Interval(*(float(row[f"drop_rate{end}"]) for end in ("", "_low", "_high")))
    if len(frames) < LEAST_RUNS:
        return pooled
    rates = [summarize(frame, by=None, sections=("counts",)).iloc[0] for frame in frames]
    return replicated_share([float(rate["drop_rate"]) for rate in rates], pooled)


def remarks(named: Mapping[str, Sequence[pd.DataFrame]]) -> str:
    """Return why figures are missing, or narrower than they should be, one line a network."""
    notes = []
    for name, frames in named.items():
        few = len(frames) < LEAST_RUNS
        for note in (one_end_note(frames), narrow_note(frames) if few else None):
            notes += [f"Note: {clean(name)}: {note}."] if note else []
    return "\n".join(notes)


_CAUSES = {
    "loss": "on the way",
    "disconnected": "under way when the connection was cut",
    "not_connected": "sent before the client was back",
    "outage": "in an outage",
    "queue_full": "for want of room in the queue",
    "expired": "too old in the queue",
}


def losses(named: Mapping[str, Sequence[pd.DataFrame]]) -> str:
    """Return why messages were lost, one line per network that lost any."""
    lines = []
    for name, frames in named.items():
        causes = pd.concat([f.loc[f["dropped"], "cause"].astype(str) for f in frames])
        sent = sum(int((f["copy"] == 0).sum()) for f in frames)
        shares = causes.value_counts() / max(sent, 1)
        told = [f"{_rounded(100 * s)} % {_CAUSES.get(c, c)}" for c, s in shares.items()]
        if told:
            lines.append(f"  {clean(name)}: " + ", ".join(told))
    return "\n".join(["Why messages were lost:", *lines]) if lines else ""


def _rounded(percent: float) -> str:
    """Return percents with two digits, or all that are before the point."""
    return f"{percent:.2g}" if percent < 99.5 else f"{percent:.0f}"


def saturations(named: Mapping[str, Sequence[pd.DataFrame]]) -> str:
    """Return a note for each network whose TCP cannot carry what was sent."""
    notes = []
    for name, frames in named.items():
        facts: Mapping[str, Any] = next(iter(frames[0].attrs.get("wsim", {}).values()), {})
        notes += saturation_notes(name, frames[0], facts)
    return "\n".join(f"Note: {clean(note)}." for note in notes)


def _summary(frames: Sequence[pd.DataFrame]) -> Any:
    frame = frames[0] if len(frames) == 1 else concat(frames)
    return summarize(
        frame, by=None, pauses="skip", sections=("counts", "latency", "rates", "streams")
    ).iloc[0]


def _said(rows: pd.DataFrame) -> list[str]:
    """Return one line per metric; if nothing can be told of any, why, once."""
    if (rows["verdict"] == "not enough data").all():
        return ["not enough data" + clean(rows["says"].iloc[0]).partition("not enough data")[2]]
    return [clean(text) for text in rows["says"]]


def verdicts(named: Mapping[str, Sequence[pd.DataFrame]]) -> str:
    """Return what distinguishes each network from the first, in words."""
    names = [name for name in named if not name.endswith(TCP_SUFFIX)]
    if len(names) < 2:
        return ""
    found = compare(
        list(named[names[0]]),
        {name: list(named[name]) for name in names[1:]},
        metrics=_VERDICTS,
        pauses="skip",
    )
    lines = [f"Compared with {clean(names[0])}:"]
    for name in names[1:]:
        rows = found[found["candidate_name"] == name]
        lines += [f"  {clean(name)}", *(f"    {text}" for text in _said(rows))]
    lines += [f"  Note: {clean(note)}" for note in found.attrs.get("wsim_notes", ())]
    return "\n".join(lines)
