"""How old the newest command is that the rover knows: the saw-tooth of its age."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from wsim.analysis.age import pieces
from wsim.analysis.columns import Messages, codes, group_codes, read, stream_codes
from wsim.analysis.plots.decimate import envelope
from wsim.analysis.plots.groups import MOST_GROUPS, By, columns_of, in_order, name_of
from wsim.analysis.plots.marks import draw_marks
from wsim.analysis.plots.style import (
    QUIET,
    FloatArray,
    caption,
    duration,
    latency_axis,
    new_axes,
    plain,
    say,
    seconds_axis,
    series_style,
)
from wsim.analysis.plots.window import Window, check_window
from wsim.analysis.segments import arrivals, cut
from wsim.schema import COMMAND_EVENT


class Sawtooth(NamedTuple):
    """The age (ms) of one stream's newest message over time (s), corner by corner."""

    name: str
    time_s: FloatArray
    age_ms: FloatArray


def plot_age(
    frame: pd.DataFrame,
    *,
    by: By = "profile",
    ax: Axes | None = None,
    event: str = COMMAND_EVENT,
    watchdog_ms: float | None = 500.0,
    pauses: str = "count",
    window: Window = None,
) -> Axes:
    """Plot the age of the newest command that the rover has received.

    The age grows with time and falls at each delivery that is fresher than all before it
    (age of information, Kaul, Yates and Gruteser, INFOCOM 2012).

    Parameters
    ----------
    frame
        A history with creation and arrival times.
    by
        A column or several; each of their values makes one series.
    ax
        Axes to draw into; by default those of a new figure.
    event
        The stream of messages whose age it is.
    watchdog_ms
        Age at which the rover stops by itself, drawn as a line; None: no line.
    pauses
        While the sender itself pauses the age goes on (``count``) or stands still (``skip``).
    window
        Show only this span of time, (start, end) in seconds of the run.
    """
    start, end = check_window(window)
    found = sawtooths(read(frame), by, event, pauses=pauses)
    ax = new_axes(ax)
    shown = [_within(one, start, end) for one in found[:MOST_GROUPS]]
    ages = [one.age_ms for one in shown if len(one.age_ms)]
    if ages:
        latency_axis(ax.yaxis, np.concatenate([[x.min(), x.max()] for x in ages]))
        _draw(ax, shown, watchdog_ms)
    else:
        say(ax, f"No {event} arrived: there is no age to show.")
    draw_marks(ax, frame)
    seconds_axis(ax.xaxis)
    if window is not None:
        ax.set_xlim(start, end)
    more = len(found) > MOST_GROUPS
    return caption(
        ax, title=f"Age of the newest {plain(event)}", x="time (s)", y="age",
        words=_words(shown, event),
        remarks=[f"the first {MOST_GROUPS} of {len(found)} streams are drawn"] if more else [],
    )  # fmt: skip


def sawtooths(
    messages: Messages, by: By, event: str = COMMAND_EVENT, *, pauses: str = "count"
) -> list[Sawtooth]:
    """Return the corners of the age of every stream of `event`."""
    chosen = messages.original.copy()
    if "event_name" in messages.frame.columns:
        chosen &= codes(messages.frame, "event_name").where(event)
    grouping = group_codes(messages, columns_of(by))
    segments = cut(messages, grouping, stream_codes(messages), chosen)
    if not len(segments) or not segments.arrived.any():
        return []
    ages = pieces(segments, arrivals(segments), pauses=pauses)
    starts = np.flatnonzero(ages.first)
    made = []
    for left, right in zip(starts, np.append(starts[1:], len(ages.at)), strict=True):
        low, high, at = ages.low[left:right], ages.high[left:right], ages.at[left:right]
        top = at + (high - low) / 1e3
        until = top + ages.paused[left:right] / 1e3  # while the sender pauses the age stands still
        time_s = np.column_stack([at, top, until]).ravel()
        name = name_of(grouping.labels[int(ages.group[left])])
        made.append(Sawtooth(name, time_s, np.column_stack([low, high, high]).ravel()))
    names = [name for _, name in in_order(grouping)]
    return sorted(made, key=lambda one: names.index(one.name))


def _within(one: Sawtooth, start: float, end: float) -> Sawtooth:
    """Cut to the window, with one corner beyond each side so that lines reach the edge."""
    left = max(0, int(np.searchsorted(one.time_s, start)) - 1)
    right = int(np.searchsorted(one.time_s, end, side="right")) + 1
    return Sawtooth(one.name, one.time_s[left:right], one.age_ms[left:right])


def _draw(ax: Axes, shown: list[Sawtooth], watchdog_ms: float | None) -> None:
    labels: dict[str, int] = {}
    for one in shown:
        fresh = one.name not in labels
        style = series_style(labels.setdefault(one.name, len(labels)))
        kept = envelope(one.time_s, one.age_ms)
        ax.plot(
            one.time_s[kept], one.age_ms[kept], color=style.colour, linestyle=style.line,
            linewidth=1.1, label=plain(one.name) if fresh else None, gid=f"age:{one.name}",
        )  # fmt: skip
    if watchdog_ms is not None:
        ax.axhline(watchdog_ms, color=QUIET, linewidth=1.0, linestyle=(0, (2, 2)), gid="watchdog",
                   label=f"watchdog, {duration(watchdog_ms)}")  # fmt: skip


def _words(shown: list[Sawtooth], event: str) -> str:
    parts = [
        f"{one.name}: at most {duration(one.age_ms.max())}" for one in shown if len(one.age_ms)
    ]
    return f"Age of the newest {event} over time. " + ("; ".join(parts) or "None arrived") + "."
