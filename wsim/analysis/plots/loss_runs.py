"""How losses cluster: the lengths of runs of consecutive losses, beside independent loss."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from wsim.analysis.bursts import run_lengths
from wsim.analysis.columns import Bools, Messages, group_codes, read, stream_codes
from wsim.analysis.plots.groups import MOST_GROUPS, By, columns_of, in_order
from wsim.analysis.plots.style import (
    FloatArray,
    caption,
    new_axes,
    percents,
    plain,
    say,
    series_style,
)
from wsim.analysis.segments import cut


class Runs(NamedTuple):
    """Lengths of all runs of consecutive losses in one group, and the share that is lost."""

    name: str
    lengths: np.ndarray[tuple[int, ...], np.dtype[np.intp]]
    loss_rate: float


def plot_loss_runs(frame: pd.DataFrame, *, by: By = "profile", ax: Axes | None = None) -> Axes:
    """Plot which share of the loss runs is at least so long.

    A run is consecutive messages of one stream (run, client, event, direction) that were all
    dropped. A thin line shows what independent losses of the same rate p would give:
    ``p ** (length - 1)``; a curve above it means bursts.

    Parameters
    ----------
    frame
        A history with creation times and fates.
    by
        A column or several; each of their values makes one series.
    ax
        Axes to draw into; by default those of a new figure.
    """
    found = loss_runs(read(frame), by)
    ax = new_axes(ax)
    lossy = [runs for runs in found if len(runs.lengths)]
    if not lossy:
        say(ax, "Nothing was dropped: there are no loss runs.")
    for index, runs in enumerate(found[:MOST_GROUPS]):
        if len(runs.lengths):
            _draw(ax, index, runs)
    if lossy:
        ax.set_yscale("log")
        ax.set_ylim(0.5 / max(len(runs.lengths) for runs in lossy), 1.4)
        ax.set_xlim(0.7, max(3.3, max(int(runs.lengths.max()) for runs in lossy) * 1.15))
        if ax.get_xlim()[1] > 40:
            ax.set_xscale("log")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:g}"))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_minor_locator(NullLocator())
    if ax.get_xscale() == "linear":
        ax.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    ax.yaxis.set_major_formatter(percents())
    whole = [f"{plain(r.name)}: no losses" for r in found if not len(r.lengths)]
    return caption(
        ax, title="Loss runs", x="length of a run (consecutive losses)",
        y="share of the runs\nat least that long", words=_words(found),
        remarks=whole if lossy else [],
    )  # fmt: skip


def loss_runs(messages: Messages, by: By) -> list[Runs]:
    """Return the loss runs of every group, by order of first appearance."""
    dropped = messages.fate.where("dropped")
    chosen = messages.original & (dropped | messages.fate.where("delivered", "refused"))
    grouping = group_codes(messages, columns_of(by))
    segments = cut(messages, grouping, stream_codes(messages), chosen)
    order = in_order(grouping)
    sizes = np.diff(segments.starts, append=len(segments))
    own: dict[int, list[tuple[int, int]]] = {code: [] for code, _ in order}
    for start, size, group in zip(segments.starts, sizes, segments.group, strict=True):
        own[int(group)].append((int(start), int(start + size)))
    return [_runs(name, segments.lost, own[code]) for code, name in order]


def _runs(name: str, bad: Bools, spans: list[tuple[int, int]]) -> Runs:
    lengths = [run_lengths(bad[start:end]) for start, end in spans]
    whole = sum(end - start for start, end in spans)
    joined = np.concatenate(lengths) if lengths else np.empty(0, dtype=np.intp)
    return Runs(name, joined, float(joined.sum()) / whole if whole else np.nan)


def at_least(runs: Runs) -> tuple[FloatArray, FloatArray]:
    """Return the lengths that occur and the share of runs at least so long."""
    lengths, counts = np.unique(runs.lengths, return_counts=True)
    share = counts[::-1].cumsum()[::-1] / counts.sum()
    return lengths.astype(float), share


def _draw(ax: Axes, index: int, runs: Runs) -> None:
    style = series_style(index)
    lengths, share = at_least(runs)
    ax.plot(
        lengths, share, color=style.colour, linestyle=style.line, marker=style.marker,
        markersize=5, linewidth=1.6, markevery=max(1, len(lengths) // 10), gid=f"runs:{index}",
        label=f"{plain(runs.name)} ({len(runs.lengths):,} runs)",
    )  # fmt: skip
    if 0 < runs.loss_rate < 1 and lengths[-1] > 1:
        steps = np.arange(1, min(int(lengths[-1]), 60) + 1)
        ax.plot(steps, runs.loss_rate ** (steps - 1.0), color=style.colour, linewidth=0.8,
                gid=f"independent:{index}")  # fmt: skip


def _words(found: list[Runs]) -> str:
    parts = [
        f"{runs.name}: {len(runs.lengths):,} runs, the longest {int(runs.lengths.max()):,}"
        if len(runs.lengths)
        else f"{runs.name}: no losses"
        for runs in found
    ]
    return "Runs of consecutive losses. " + ("; ".join(parts) or "No messages") + "."
