"""How latency changed during the run: every message a dot, the median of each step a line."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from wsim.analysis.columns import Messages, read
from wsim.analysis.plots.decimate import Box, cloud, marks
from wsim.analysis.plots.drops import time_bins
from wsim.analysis.plots.groups import By, drawn, groups, skew_note
from wsim.analysis.plots.marks import draw_marks
from wsim.analysis.plots.style import (
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
from wsim.analysis.plots.thresholds import Preset, plot_thresholds
from wsim.analysis.plots.window import Window, check_window

GRID = (600, 200)
"""Columns and rows of dots that a picture of usual size can tell apart."""


class Course(NamedTuple):
    """The latencies (ms) of one group by sending time (s), and when its lost ones were sent."""

    name: str
    sent_s: FloatArray
    latency_ms: FloatArray
    lost_s: FloatArray


def plot_latency_over_time(
    frame: pd.DataFrame,
    *,
    by: By = "profile",
    ax: Axes | None = None,
    window: Window = None,
    bin_s: float | None = None,
    thresholds: Preset | None = None,
) -> Axes:
    """Plot the latency of each message against the time at which it was sent.

    Parameters
    ----------
    frame
        A history with sending times.
    by
        A column or several; each of their values makes one series. None: all in one.
    ax
        Axes to draw into; by default those of a new figure.
    window
        Show only this span of sending time, (start, end) in seconds of the run.
    bin_s
        Length of the steps over which the median is taken; by default a fortieth of the run.
    thresholds
        Levels to draw beside the data: a name in ``THRESHOLDS`` or words mapped to ms.

    Returns
    -------
    Axes
        Dots that would hide each other are drawn once; extremes are kept. Ticks at the upper
        edge are lost messages. Outages and changes of conditions are marked.
    """
    messages = read(frame)
    found, remark = courses(messages, by, window)
    ax = new_axes(ax)
    everything = [course.latency_ms for course in found if len(course.latency_ms)]
    if everything:
        latency_axis(ax.yaxis, np.concatenate([[x.min(), x.max()] for x in everything]))
    else:
        say(ax, "No message was delivered: there is no latency to show.")
    wide = bool(everything) and ax.get_yscale() != "linear"
    box = _box(found, wide)
    for index, course in enumerate(found):
        _draw(ax, index, course, bin_s, wide, box)
    ax.margins(y=0.12)
    draw_marks(ax, frame)
    if thresholds is not None:
        plot_thresholds(thresholds, ax=ax, axis="y")
    seconds_axis(ax.xaxis)
    if window is not None:
        ax.set_xlim(*window)
    return caption(
        ax, title="Latency over time", x="sending time (s)", y="one-way latency",
        words=_words(found), remarks=[remark, skew_note(messages)],
    )  # fmt: skip


def courses(messages: Messages, by: By, window: Window = None) -> tuple[list[Course], str]:
    """Return what to draw for each group, in order of sending, and a remark."""
    start, end = check_window(window)
    here = messages.original & (messages.created >= start) & (messages.created <= end)
    usable, lost = here & messages.arrived, here & messages.fate.where("dropped")
    found, remark = drawn(groups(messages, by))
    made = []
    for group in found:
        rows = group.rows[usable[group.rows]]
        times = messages.created[rows]
        if np.any(times[1:] < times[:-1]):
            rows = rows[np.argsort(times, kind="stable")]
        lost_s = np.sort(messages.created[group.rows[lost[group.rows]]])
        made.append(Course(group.name, messages.created[rows], messages.latency[rows], lost_s))
    return made, remark


def medians(course: Course, bin_s: float | None = None) -> tuple[FloatArray, FloatArray]:
    """Return the middles of the steps (s) and the median latency (ms) of those with messages."""
    edges = time_bins(course.sent_s, bin_s)
    if not len(edges):
        return np.empty(0), np.empty(0)
    places = np.searchsorted(course.sent_s, edges)
    filled = np.flatnonzero(np.diff(places))
    levels = [np.median(course.latency_ms[places[i] : places[i + 1]]) for i in filled]
    return (edges[:-1] + edges[1:])[filled] / 2, np.asarray(levels, dtype=float)


def on_screen(latency_ms: FloatArray, wide: bool) -> FloatArray:
    """Return latencies on the scale of their axis, for thinning."""
    return np.sign(latency_ms) * np.log1p(np.abs(latency_ms)) if wide else latency_ms


def _box(found: list[Course], wide: bool) -> Box | None:
    """Return what all courses together span, on the scale of the axes."""
    some = [course for course in found if len(course.sent_s)]
    if not some:
        return None
    levels = [on_screen(course.latency_ms, wide) for course in some]
    return (
        (min(float(c.sent_s[0]) for c in some), max(float(c.sent_s[-1]) for c in some)),
        (min(float(y.min()) for y in levels), max(float(y.max()) for y in levels)),
    )


def _draw(
    ax: Axes, index: int, course: Course, bin_s: float | None, wide: bool, box: Box | None
) -> None:
    style = series_style(index)
    if len(course.sent_s):
        kept = cloud(course.sent_s, on_screen(course.latency_ms, wide), *GRID, box=box)
        ax.plot(
            course.sent_s[kept], course.latency_ms[kept], linestyle="none", marker=".",
            markersize=3, markeredgewidth=0, color=style.colour, alpha=0.35,
            rasterized=len(kept) > 1000, gid=f"dots:{index}",
        )  # fmt: skip
        ax.plot(
            *medians(course, bin_s), color=style.colour, linestyle=style.line, linewidth=1.8,
            marker=style.marker, markersize=4, markevery=8, label=plain(course.name),
            gid=f"median:{index}",
        )  # fmt: skip
    lost = course.lost_s[marks(course.lost_s, 900)]
    ax.plot(
        lost, np.full(len(lost), 0.985 - 0.02 * index), linestyle="none", marker="|", markersize=5,
        color=style.colour, transform=ax.get_xaxis_transform(), gid=f"lost:{index}",
    )  # fmt: skip


def _words(found: list[Course]) -> str:
    parts = []
    for course in found:
        if len(course.latency_ms):
            low, high = duration(course.latency_ms.min()), duration(course.latency_ms.max())
            parts.append(f"{course.name}: between {low} and {high}, {len(course.lost_s):,} lost")
        else:
            parts.append(f"{course.name}: nothing delivered")
    return "Latency over time. " + ("; ".join(parts) or "No messages") + "."
