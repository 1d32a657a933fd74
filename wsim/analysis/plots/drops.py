"""How many are lost: drop rates with their intervals, by group and over time."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from wsim.analysis.columns import Messages, read
from wsim.analysis.intervals import wilson
from wsim.analysis.plots.groups import By, drawn, groups
from wsim.analysis.plots.marks import draw_marks
from wsim.analysis.plots.style import (
    INK,
    FloatArray,
    describe,
    finish,
    legend,
    new_axes,
    note,
    percents,
    plain,
    say,
    seconds_axis,
    series_style,
)
from wsim.errors import ConditionsError, unknown

Kind = Literal["bar", "time"]
Counts = npt.NDArray[np.intp]
MOST_BANDS = 3
"""With more lines than this their intervals would hide each other."""


class DropRate(NamedTuple):
    """Counts of one group and its drop rate with the Wilson interval."""

    name: str
    dropped: int
    sent: int
    rate: float
    low: float
    high: float


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
        ``bar``: one bar a group with its Wilson interval. ``time``: the rate in steps of
        `bin_s` seconds of sending time, the interval as a band.
    bin_s
        Length of a step in seconds; by default a fortieth of the run.
    confidence
        Of the intervals. They take losses as independent; bursts make them too narrow.

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


def drop_rates(messages: Messages, by: By, confidence: float = 0.95) -> list[DropRate]:
    """Return the drop rate of each group; NaN where no fate is known."""
    dropped = messages.fate.where("dropped") & messages.original
    known = messages.original & ~messages.fate.where("unknown")
    rates = []
    for group in groups(messages, by):
        lost = int(np.count_nonzero(dropped[group.rows]))
        sent = int(np.count_nonzero(known[group.rows]))
        share, low, high = wilson(lost, sent, confidence)[:3] if sent else (np.nan,) * 3
        rates.append(DropRate(group.name, lost, sent, share, low, high))
    return rates


def _bars(ax: Axes, messages: Messages, by: By, confidence: float) -> None:
    rates = drop_rates(messages, by, confidence)
    for place, rate in enumerate(rates):
        style = series_style(place)
        if not rate.sent:
            ax.text(place, 0, "nothing\nsent", ha="center", va="bottom", fontsize="small")
            continue
        ax.bar(place, rate.rate, width=0.6, facecolor=style.colour, hatch=style.hatch,
               edgecolor="white", linewidth=0.0, gid=f"bar:{place}")  # fmt: skip
        errors = [[max(0.0, rate.rate - rate.low)], [max(0.0, rate.high - rate.rate)]]
        ax.errorbar(place, rate.rate, errors, color=INK, capsize=5, linewidth=1.4)
        ax.annotate(
            f"{100 * rate.rate:.3g} %\n{rate.dropped:,} of {rate.sent:,}", (place, rate.high),
            xytext=(0, 4), textcoords="offset points", ha="center", fontsize="small",
        )  # fmt: skip
    if not rates:
        say(ax, "No messages: there is no drop rate to show.")
    ax.set_xticks(range(len(rates)), [plain(rate.name, 24) for rate in rates])
    _tilt_long_names(ax, rates)
    top = max((rate.high for rate in rates if rate.sent), default=0.0)
    ax.set_ylim(0, min(1.25, max(top * 1.35, 0.01)))
    ax.yaxis.set_major_locator(MaxNLocator(6))
    finish(ax, title="Drop rate", x="", y=f"share dropped\n({confidence:.0%} Wilson interval)",
           grid="y")  # fmt: skip
    describe(ax, _words(rates))


def _tilt_long_names(ax: Axes, rates: list[DropRate]) -> None:
    if len(rates) > 5 or sum(len(rate.name) for rate in rates) > 60:
        ax.tick_params(axis="x", rotation=30)
        for text in ax.get_xticklabels():
            text.set_horizontalalignment("right")


def _words(rates: list[DropRate]) -> str:
    parts = [
        f"{r.name}: {100 * r.rate:.3g} % ({r.dropped:,} of {r.sent:,}; "
        f"interval {100 * r.low:.3g} to {100 * r.high:.3g} %)"
        if r.sent
        else f"{r.name}: no fate is known"
        for r in rates
    ]
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
        sent = np.histogram(messages.created[rows[known[rows]]], edges)[0]
        lost = np.histogram(messages.created[rows[(known & dropped)[rows]]], edges)[0]
        share, low, high = _shares(lost, sent, level)
        ax.stairs(share, edges, color=style.colour, linestyle=style.line, linewidth=1.6,
                  baseline=None, label=plain(group.name))  # fmt: skip
        if len(found) <= MOST_BANDS:
            ax.stairs(high, edges, baseline=np.nan_to_num(low), fill=True, color=style.colour,
                      alpha=0.12)  # fmt: skip
    draw_marks(ax, messages.frame)
    seconds_axis(ax.xaxis)
    ax.set_ylim(bottom=0)
    note(ax, [remark])
    width = f"{edges[1] - edges[0]:.3g} s" if len(edges) else "a step"
    finish(ax, title="Drop rate over time", x="sending time (s)",
           y=f"share dropped\nin each {width}")  # fmt: skip
    legend(ax, outside=True)
    describe(ax, _words(drop_rates(messages, by, level)).replace("Drop rate.", "Over time. Whole:"))


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


def _shares(lost: Counts, sent: Counts, level: float) -> list[FloatArray]:
    """Return rate, low and high of each step; NaN where nothing was sent."""
    table = np.full((len(sent), 3), np.nan)
    for place in np.flatnonzero(sent):
        table[place] = wilson(int(lost[place]), int(sent[place]), level)[:3]
    return list(table.T)
