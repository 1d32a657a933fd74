"""How many are lost: drop rates with their intervals, by group and over time."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from wsim.analysis.columns import Messages, codes, constant, group_codes, read
from wsim.analysis.plots.groups import By, columns_of, drawn, groups, in_order
from wsim.analysis.plots.marks import draw_marks
from wsim.analysis.plots.style import (
    INK,
    FloatArray,
    caption,
    describe,
    finish,
    new_axes,
    percents,
    plain,
    say,
    seconds_axis,
    series_style,
)
from wsim.analysis.replicates import DropRate, drop_rates, pooled
from wsim.errors import ConditionsError, unknown

Kind = Literal["bar", "time"]
Counts = npt.NDArray[np.intp]
MOST_BANDS = 3
"""With more lines than this their intervals would hide each other."""


class Bar(NamedTuple):
    """A group, its counts and its drop rate."""

    name: str
    rate: DropRate


def plot_drop_rate(
    frame: pd.DataFrame,
    *,
    by: By = "profile",
    ax: Axes | None = None,
    kind: Kind = "bar",
    bin_s: float | None = None,
    confidence: float = 0.95,
) -> Axes:
    """Plot the share of messages that were dropped, with its uncertainty.

    Parameters
    ----------
    frame
        A history; messages of unknown fate do not count.
    by
        A column or several; each of their values makes one bar or line. None: all in one.
    ax
        Axes to draw into; by default those of a new figure.
    kind
        ``bar``: one bar a group with its interval. ``time``: the rate in steps of `bin_s`
        seconds of sending time, the interval as a band.
    bin_s
        Length of a step in seconds; by default a fortieth of the run.
    confidence
        Of the intervals. Five runs or more are taken run by run; with fewer it is Wilson's over
        all messages, which takes losses as independent: bursts make it too narrow.

    Returns
    -------
    Axes
        The rates are shares between 0 and 1, labelled in percent.

    Raises
    ------
    ColumnsError, UnknownNameError, ConditionsError
        If a column is missing, or `kind` or `bin_s` is not possible.
    """
    if kind not in get_args(Kind):
        raise unknown("kind of drop rate picture", kind, get_args(Kind))
    messages = read(frame)
    ax = new_axes(ax)
    if kind == "bar":
        _bars(ax, messages, by, confidence)
    else:
        _over_time(ax, messages, by, bin_s, confidence)
    ax.yaxis.set_major_formatter(percents())
    return ax


def bars(messages: Messages, by: By, confidence: float = 0.95) -> list[Bar]:
    """Return the drop rate of each group, in the order in which they first appear."""
    grouping = group_codes(messages, columns_of(by))
    rates = drop_rates(messages, grouping, confidence)
    return [Bar(name, rates[code]) for code, name in in_order(grouping)]


def _bars(ax: Axes, messages: Messages, by: By, confidence: float) -> None:
    found = bars(messages, by, confidence)
    for place, (_, rate) in enumerate(found):
        style, (share, low, high, _) = series_style(place), rate.share
        if not rate.sent:
            ax.text(place, 0, "nothing\nsent", ha="center", va="bottom", fontsize="small")
            continue
        ax.bar(place, share, width=0.6, facecolor=style.colour, hatch=style.hatch,
               edgecolor="white", linewidth=0.0, gid=f"bar:{place}")  # fmt: skip
        errors = [[max(0.0, share - low)], [max(0.0, high - share)]]
        ax.errorbar(place, share, errors, color=INK, capsize=5, linewidth=1.4)
        ax.annotate(
            f"{100 * share:.3g} %\n{rate.dropped:,} of {rate.sent:,}", (place, high),
            xytext=(0, 4), textcoords="offset points", ha="center", fontsize="small",
        )  # fmt: skip
    if not found:
        say(ax, "No messages: there is no drop rate to show.")
    names = [bar.name for bar in found]
    ax.set_xticks(range(len(names)), [plain(name, 24) for name in names])
    _tilt_long_names(ax, names)
    top = max((bar.rate.share.high for bar in found if bar.rate.sent), default=0.0)
    ax.set_ylim(0, min(1.25, max(top * 1.35, 0.01)))
    ax.yaxis.set_major_locator(MaxNLocator(6))
    finish(ax, title="Drop rate", x="", y=f"share dropped\n({_method(found, confidence)})",
           grid="y")  # fmt: skip
    describe(ax, _words(found))


def _method(found: list[Bar], confidence: float) -> str:
    """Return what the intervals of the bars are."""
    kinds = {"over runs" if bar.rate.runs else "Wilson" for bar in found if bar.rate.sent}
    kind = f"{kinds.pop()} " if len(kinds) == 1 else ""
    if kind == "over runs ":
        return f"{confidence:.0%} interval over runs"
    return f"{confidence:.0%} {kind}interval"


def _tilt_long_names(ax: Axes, names: list[str]) -> None:
    if len(names) > 5 or sum(map(len, names)) > 60:
        ax.tick_params(axis="x", rotation=30)
        for text in ax.get_xticklabels():
            text.set_horizontalalignment("right")


def _words(found: list[Bar]) -> str:
    parts = []
    for name, rate in found:
        share, low, high = (100 * value for value in rate.share[:3])
        parts.append(
            f"{name}: {share:.3g} % ({rate.dropped:,} of {rate.sent:,}; "
            f"interval {low:.3g} to {high:.3g} %)"
            if rate.sent
            else f"{name}: no fate is known"
        )
    return "Drop rate. " + ("; ".join(parts) or "No messages") + "."


def _over_time(ax: Axes, messages: Messages, by: By, bin_s: float | None, level: float) -> None:
    dropped = messages.fate.where("dropped") & messages.original
    known = messages.original & ~messages.fate.where("unknown") & np.isfinite(messages.created)
    found, remark = drawn(groups(messages, by))
    edges = time_bins(messages.created[known], bin_s)
    if not len(edges):
        say(ax, "No messages with a sending time: nothing to show over time.")
    for index, group in enumerate(found if len(edges) else []):
        style, rows = series_style(index), group.rows
        sent = _steps(messages, rows[known[rows]], edges)
        lost = _steps(messages, rows[(known & dropped)[rows]], edges)
        share, low, high = _shares(lost, sent, level)
        ax.stairs(share, edges, color=style.colour, linestyle=style.line, linewidth=1.6,
                  baseline=None, label=plain(group.name))  # fmt: skip
        if len(found) <= MOST_BANDS:
            ax.stairs(high, edges, baseline=np.nan_to_num(low), fill=True, color=style.colour,
                      alpha=0.12)  # fmt: skip
    draw_marks(ax, messages.frame)
    seconds_axis(ax.xaxis)
    ax.set_ylim(bottom=0)
    width = f"{edges[1] - edges[0]:.3g} s" if len(edges) else "a step"
    words = _words(bars(messages, by, level)).replace("Drop rate.", "Over time. Whole:")
    caption(ax, title="Drop rate over time", x="sending time (s)",
            y=f"share dropped\nin each {width}", words=words, remarks=[remark])  # fmt: skip


def time_bins(times: FloatArray, bin_s: float | None) -> FloatArray:
    """Return edges of steps that cover `times` (s); empty if there are none."""
    if bin_s is not None and not 0 < bin_s < np.inf:
        raise ConditionsError(f"bin_s is {bin_s}; it must be a positive number of seconds")
    if not len(times):
        return np.empty(0)
    low, high = float(times.min()), float(times.max())
    step = bin_s or _round_step((high - low) / 40 or 1.0)
    count = min(int(np.floor((high - low) / step)) + 1, 100_000)
    return low + step * np.arange(count + 1, dtype=np.float64)


def _round_step(step: float) -> float:
    scale = 10.0 ** np.floor(np.log10(step))
    return float(min((m * scale for m in (1, 2, 5, 10)), key=lambda m: abs(m - step)))


def _steps(messages: Messages, rows: Counts, edges: FloatArray) -> Counts:
    """Return how many of the rows were created in each step, a line for each run."""
    frame = messages.frame
    run = codes(frame, "run") if "run" in frame.columns else constant(len(frame), "")
    width, height = len(edges) - 1, len(run.labels)
    step = np.searchsorted(edges, messages.created[rows], side="right") - 1
    place = run.codes[rows].astype(np.intp) * width + np.clip(step, 0, width - 1)
    return np.bincount(place, minlength=width * height).reshape(height, width)


def _shares(lost: Counts, sent: Counts, level: float) -> list[FloatArray]:
    """Return rate, low and high of each step; NaN where nothing was sent."""
    table = np.full((sent.shape[1], 3), np.nan)
    for place in np.flatnonzero(sent.sum(axis=0)):
        used = sent[:, place] > 0
        table[place] = pooled(lost[used, place], sent[used, place], level).share[:3]
    return list(table.T)
