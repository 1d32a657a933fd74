"""What happened to a run besides its messages, to be marked in pictures over time.

Read from ``frame.attrs["wsim"]``: changes of conditions and spans without a connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from wsim.analysis.columns import Floats, codes, constant, floats
from wsim.analysis.plots.style import INK, SHADE, plain

MOST_STRIPS, STRIP = 8, 0.02
NEAR_S = 0.3
"""Messages of one outage are closer than this, at rates worth a picture."""
UP = frozenset({"connected", "reconnected"})
DOWN = frozenset({"disconnected", "reconnecting", "cut", "error"})


class Change(NamedTuple):
    """The conditions changed at `at_s`; `label` says to what."""

    at_s: float
    label: str
    run: str


class Span(NamedTuple):
    """The link of a client was down from `start_s` to `end_s`."""

    start_s: float
    end_s: float
    run: str
    client_id: str


def about(frame: pd.DataFrame) -> Mapping[str, Mapping[str, Any]]:
    """Return what is known of the runs in `frame`; empty if nothing is."""
    found = frame.attrs.get("wsim")
    runs = _runs(frame)
    if not isinstance(found, Mapping):
        return {}
    return {str(k): v for k, v in found.items()
            if isinstance(v, Mapping) and (runs is None or str(k) in runs)}  # fmt: skip


def _runs(frame: pd.DataFrame) -> set[str] | None:
    if "run" not in frame.columns:
        return None
    return {str(run) for run in frame["run"].unique()}


def changes(frame: pd.DataFrame) -> list[Change]:
    """Return the changes of conditions after the start of the runs in `frame`."""
    found = []
    for run, facts in about(frame).items():
        for entry in facts.get("changes") or ():
            at = float(entry.get("at_s", 0.0))
            if at > 0:
                found.append(Change(at, str(entry.get("profile") or "conditions"), run))
    return sorted(set(found))


def outages(frame: pd.DataFrame) -> list[Span]:
    """Return the spans in which the links of the runs in `frame` were down.

    Those without a connection are noted beside the messages; outages that leave the connection
    standing are known by the messages that they lost or held up.
    """
    found = _felt(frame)
    for run, facts in about(frame).items():
        open_since: dict[str, float] = {}
        for entry in facts.get("connections") or ():
            client = str(entry.get("client_id", ""))
            state = str(entry.get("state", "")).rpartition(".")[2].lower()
            at = float(entry.get("at_s", 0.0))
            if state in DOWN:
                open_since.setdefault(client, at)
            elif state in UP and client in open_since:
                found.append(Span(open_since.pop(client), at, run, client))
        end = _end(frame, facts)
        found += [Span(at, end, run, client) for client, at in open_since.items() if at < end]
    return sorted(found)


def _felt(frame: pd.DataFrame) -> list[Span]:
    """Return the spans between messages lost to an outage, or held up by one."""
    if "created_s" not in frame.columns or not len(frame):
        return []
    created = floats(frame, "created_s")
    until = np.full(len(frame), np.nan)
    if "cause" in frame.columns:
        until[codes(frame, "cause").where("outage")] = 0.0
    if "outage_ms" in frame.columns:
        held = floats(frame, "outage_ms")
        until = np.where(held > 0, held / 1e3, until)
    rows = np.flatnonzero(np.isfinite(until) & np.isfinite(created))
    run = codes(frame, "run") if "run" in frame.columns else constant(len(frame), "")
    found = []
    for code in np.unique(run.codes[rows]).tolist():
        mine = rows[run.codes[rows] == code]
        name = str(run.labels[code])
        starts, ends = _joined(created[mine], created[mine] + until[mine], NEAR_S)
        found += [Span(a, b, name, "") for a, b in zip(starts, ends, strict=True) if b > a]
    return found


def _joined(starts: Floats, ends: Floats, gap_s: float) -> tuple[list[float], list[float]]:
    """Return starts and ends of the spans with those up to `gap_s` apart made one, in order."""
    order = np.lexsort((ends, starts))
    starts, ends = starts[order], np.maximum.accumulate(ends[order])
    apart = np.flatnonzero(starts[1:] > ends[:-1] + gap_s)
    first, last = np.append(0, apart + 1), np.append(apart, len(ends) - 1)
    return starts[first].tolist(), ends[last].tolist()


def _end(frame: pd.DataFrame, facts: Mapping[str, Any]) -> float:
    length = facts.get("duration_s")
    if length is not None:
        return float(length)
    return float(frame["created_s"].max()) if len(frame) and "created_s" in frame else 0.0


def merged(spans: Iterable[Span], gap_s: float = 0.0) -> list[tuple[float, float]]:
    """Return the spans of all clients as intervals more than `gap_s` apart, in order."""
    listed = list(spans)
    if not listed:
        return []
    bounds = np.array([span[:2] for span in listed])
    return list(zip(*_joined(bounds[:, 0], bounds[:, 1], gap_s), strict=True))


def draw_marks(ax: Axes, frame: pd.DataFrame, *, most: int = 200) -> None:
    """Shade outages and draw changes of conditions in axes whose x are seconds.

    With outages in several runs each run has a strip of its own at the lower edge instead.
    Of each kind at most `most` are drawn; changes are labelled above the axes.
    """
    spans = outages(frame)
    runs = list(dict.fromkeys(span.run for span in spans))
    label: str | None = "link down"
    for row, run in enumerate(runs[:MOST_STRIPS]):
        low, high = (0.0, 1.0) if len(runs) == 1 else (row * STRIP, (row + 0.8) * STRIP)
        for start, end in merged(span for span in spans if span.run == run)[:most]:
            ax.axvspan(start, end, low, high, color=SHADE, alpha=0.25 if high == 1.0 else 0.7,
                       linewidth=0, label=label, gid="outage")  # fmt: skip
            label = None
    for change in sorted({(c.at_s, c.label): c for c in changes(frame)}.values())[:most]:
        ax.axvline(change.at_s, color=INK, linewidth=1.0, linestyle=":", gid="change")
        ax.annotate(
            plain(change.label, 20), (change.at_s, 1.0), xycoords=("data", "axes fraction"),
            xytext=(2, 2), textcoords="offset points", fontsize="x-small", color=INK,
            annotation_clip=True, in_layout=False,
        )  # fmt: skip
