"""What happened to each message: a lane per event, a mark per message, its fate by shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes

from wsim.analysis.columns import read
from wsim.analysis.deadlines import DEADLINES, Deadlines, check_deadlines, row_deadlines
from wsim.analysis.plots.decimate import marks
from wsim.analysis.plots.groups import By, drawn, groups
from wsim.analysis.plots.marks import draw_marks
from wsim.analysis.plots.style import (
    GOOD,
    LATE,
    LOST,
    QUIET,
    FloatArray,
    describe,
    duration,
    finish,
    legend,
    new_axes,
    plain,
    say,
    seconds_axis,
)
from wsim.analysis.plots.window import Window, check_window


class Lane(NamedTuple):
    """The times in s of one event's messages by what became of them."""

    name: str
    sent: FloatArray
    delivered: FloatArray
    late: FloatArray
    dropped: FloatArray
    beyond: int = 0
    """Messages sent in the span shown that arrive after it."""


_LOOKS = (
    ("sent", 0.3, "|", QUIET, 5.5),
    ("delivered", 0.1, "|", GOOD, 5.5),
    ("late", -0.1, "d", LATE, 4.0),
    ("dropped", -0.3, "x", LOST, 4.5),
)


def plot_timeline(
    frame: pd.DataFrame,
    *,
    by: By = ("direction", "event_name"),
    ax: Axes | None = None,
    window: Window = None,
    late_ms: Deadlines = DEADLINES,
) -> Axes:
    """Plot a lane per event: when messages were sent, and whether and when they arrived.

    A lane has four rows, from above: when each message was sent, when it arrived in time, when
    it arrived late (a diamond), and a cross where a message was sent that was dropped.

    Parameters
    ----------
    frame
        A history, usually of one run; times and fates are needed.
    by
        The columns whose values make the lanes.
    ax
        Axes to draw into; by default those of a new figure.
    window
        Show only this span of time, (start, end) in seconds of the run.
    late_ms
        Latency above which an arrival counts as late, for all or by event, as in
        `summarize`.

    Returns
    -------
    Axes
        Outages are shaded and changes of conditions marked where the frame knows them.
    """
    found = lanes(frame, by=by, window=window, late_ms=late_ms)
    ax = new_axes(ax, (8.4, 1.4 + 0.55 * max(2, len(found))))
    for row, lane in enumerate(found):
        _draw_lane(ax, len(found) - 1 - row, lane, label=row == 0)
        _point_beyond(ax, len(found) - 1 - row, lane)
    if not found:
        say(ax, "No message in this span of time.")
    ax.set_yticks(range(len(found)), [plain(lane.name, 30) for lane in reversed(found)])
    ax.set_ylim(-0.6, max(1, len(found)) - 0.4)
    draw_marks(ax, frame)
    seconds_axis(ax.xaxis)
    if window is not None:
        ax.set_xlim(*window)
    finish(ax, title="Timeline of the messages", x="time (s)", y="", grid="x")
    legend(ax, loc="lower left", bbox_to_anchor=(0.3, 1.0), ncols=5, columnspacing=1.0,
           handletextpad=0.3, borderaxespad=0.1)  # fmt: skip
    describe(ax, _words(found, late_ms))
    return ax


def lanes(
    frame: pd.DataFrame,
    *,
    by: By = ("direction", "event_name"),
    window: Window = None,
    late_ms: Deadlines = DEADLINES,
) -> list[Lane]:
    """Return the times to mark in each lane; all messages, not yet thinned."""
    messages = read(frame)
    start, end = check_window(window)
    created, delivered, first = messages.created, messages.delivered, messages.original
    sent_in = first & (created >= start) & (created <= end)
    here = first & messages.arrived & (delivered >= start) & (delivered <= end)
    too_late = messages.latency > row_deadlines(messages, check_deadlines(late_ms))
    lost = messages.fate.where("dropped")
    later = sent_in & messages.arrived & (delivered > end)

    def lane(name: str, rows: npt.NDArray[np.intp]) -> Lane:
        def pick(times: FloatArray, where: npt.NDArray[np.bool_]) -> FloatArray:
            return times[rows[where[rows]]]

        return Lane(name, pick(created, sent_in), pick(delivered, here & ~too_late),
                    pick(delivered, here & too_late), pick(created, sent_in & lost),
                    int(np.count_nonzero(later[rows])))  # fmt: skip

    made = [lane(g.name, g.rows) for g in drawn(groups(messages, by))[0]]
    return [one for one in made if any(len(times) for times in one[1:5])]


def _draw_lane(ax: Axes, row: int, lane: Lane, *, label: bool) -> None:
    for name, offset, marker, colour, size in _LOOKS:
        times = getattr(lane, name)
        kept = times[marks(times)]
        ax.plot(
            kept, np.full(len(kept), row + offset), linestyle="none", marker=marker,
            color=colour, markersize=size, markeredgewidth=0.9, gid=f"{name}:{row}",
            label=name if label else None, rasterized=len(kept) > 500,
        )  # fmt: skip


def _point_beyond(ax: Axes, row: int, lane: Lane) -> None:
    """Say how many messages sent here arrive after the span shown, unless they are few."""
    if lane.beyond > 0.05 * len(lane.sent):
        ax.text(
            0.995, row, f"{lane.beyond:,} arrive after this span →", va="center", ha="right",
            transform=ax.get_yaxis_transform(), fontsize="small", color=QUIET, gid="beyond",
        )  # fmt: skip


def _words(found: list[Lane], late_ms: Deadlines) -> str:
    late = "late" if isinstance(late_ms, Mapping) else f"later than {duration(late_ms)}"
    parts = [
        f"{lane.name}: {len(lane.sent):,} sent, {len(lane.dropped):,} dropped, "
        f"{len(lane.late):,} {late}"
        for lane in found
    ]
    return "Timeline of the messages. " + ("; ".join(parts) or "No message") + "."
