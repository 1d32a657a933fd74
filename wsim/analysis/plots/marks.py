"""What happened to a run besides its messages, to be marked in pictures over time.

Read from ``frame.attrs["wsim"]``: changes of conditions and spans without a connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes

from wsim.analysis.plots.style import INK, SHADE, plain

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
    """Return the spans in which clients of the runs in `frame` were without a connection."""
    found: list[Span] = []
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


def _end(frame: pd.DataFrame, facts: Mapping[str, Any]) -> float:
    length = facts.get("duration_s")
    if length is not None:
        return float(length)
    return float(frame["created_s"].max()) if len(frame) and "created_s" in frame else 0.0


def merged(spans: Iterable[Span]) -> list[tuple[float, float]]:
    """Return the spans of all clients as disjoint intervals, in order."""
    result: list[tuple[float, float]] = []
    for start, end, *_ in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def draw_marks(ax: Axes, frame: pd.DataFrame, *, most: int = 200) -> None:
    """Shade outages and draw changes of conditions in axes whose x are seconds.

    Spans of different runs would hide each other: with more than one run only those are
    shaded which the picture can hold (`most`); changes are labelled above the axes.
    """
    spans = merged(outages(frame))[:most]
    for number, (start, end) in enumerate(spans):
        label = "no connection" if number == 0 else None
        ax.axvspan(start, end, color=SHADE, alpha=0.25, linewidth=0, label=label, gid="outage")
    for change in changes(frame)[:most]:
        ax.axvline(change.at_s, color=INK, linewidth=1.0, linestyle=":", gid="change")
        ax.annotate(
            plain(change.label, 20), (change.at_s, 1.0), xycoords=("data", "axes fraction"),
            xytext=(2, 2), textcoords="offset points", fontsize="x-small", color=INK,
            annotation_clip=True, in_layout=False,
        )  # fmt: skip
