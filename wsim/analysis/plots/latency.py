"""How late: the distribution of one-way latency, one curve a group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from wsim.analysis.columns import read
from wsim.analysis.plots.decimate import ranks
from wsim.analysis.plots.groups import By, drawn, groups, skew_note
from wsim.analysis.plots.style import (
    INK,
    QUIET,
    FloatArray,
    SeriesStyle,
    describe,
    duration,
    finish,
    latency_axis,
    legend,
    new_axes,
    note,
    percents,
    plain,
    say,
    series_style,
    spreads,
)
from wsim.analysis.plots.thresholds import Preset, plot_thresholds
from wsim.errors import unknown

Kind = Literal["ecdf", "ccdf", "percentiles", "histogram", "ridge"]


class Sample(NamedTuple):
    """The latencies of one group in ms, ascending, and how many messages never arrived."""

    name: str
    values: FloatArray
    lost: int
    style: SeriesStyle

    @property
    def label(self) -> str:
        """The name and the size for a legend."""
        return f"{plain(self.name)} (n = {len(self.values) + self.lost:,})"


def plot_latency(
    frame: pd.DataFrame,
    *,
    by: By = "profile",
    ax: Axes | None = None,
    kind: Kind = "ecdf",
    thresholds: Preset | None = None,
) -> Axes:
    """Plot the distribution of one-way latency.

    Parameters
    ----------
    frame
        A history; the columns `by` and ``latency_ms`` are needed.
    by
        A column or several; each of their values makes one series. None: all in one.
    ax
        Axes to draw into; by default those of a new figure.
    kind
        ``ecdf``: share of the messages sent that arrived within x; a lost message never does,
        so the curve ends at the delivery ratio. ``ccdf``: share later than x or lost, on a
        logarithmic axis that shows the tail. ``percentiles``: latency at each percentile of
        the delivered, with the tail stretched as HdrHistogram's plotter does.
        ``histogram``: outlines in common bins. ``ridge``: one below the other.
    thresholds
        Levels to draw beside the data: a name in ``THRESHOLDS`` or words mapped to ms.

    Returns
    -------
    Axes
        With one line (or area) a group; the axis of latency is linear, or logarithmic
        above 1 ms where the groups differ a hundredfold.

    Raises
    ------
    ColumnsError
        If a column is missing.
    UnknownNameError
        If there is no such `kind`.
    """
    if kind not in get_args(Kind):
        raise unknown("kind of latency picture", kind, get_args(Kind))
    ax = new_axes(ax)
    samples, remarks = samples_of(frame, by)
    if not any(len(sample.values) for sample in samples):
        say(ax, "No message was delivered: there is no latency to show.")
        return finish(ax, title=_TITLES[kind], x="one-way latency", y="")
    _DRAW[kind](ax, samples)
    if thresholds is not None:
        plot_thresholds(thresholds, ax=ax, axis="y" if kind == "percentiles" else "x")
    note(ax, remarks) if kind in {"histogram", "ridge", "ccdf"} else _below(ax, remarks)
    describe(ax, f"{_TITLES[kind]}. {_words(samples)}")
    return ax


def samples_of(frame: pd.DataFrame, by: By) -> tuple[list[Sample], list[str]]:
    """Return the samples to draw and remarks on what the data are like."""
    messages = read(frame)
    usable = messages.arrived & messages.original
    dropped = messages.fate.where("dropped") & messages.original
    found, remark = drawn(groups(messages, by))
    samples = []
    for index, group in enumerate(found):
        own = messages.latency[group.rows[usable[group.rows]]]
        lost = int(np.count_nonzero(dropped[group.rows]))
        samples.append(Sample(group.name, np.sort(own), lost, series_style(index)))
    return samples, [remark, skew_note(messages)]


def _below(ax: Axes, remarks: list[str]) -> None:
    words = "; ".join(plain(remark, 120) for remark in remarks if remark)
    if words:
        ax.set_title(words, loc="right", fontsize="x-small", color=QUIET, gid="note")


def _words(samples: list[Sample]) -> str:
    parts = []
    for sample in samples:
        if len(sample.values):
            p50, p99 = np.percentile(sample.values, [50, 99])
            parts.append(f"{sample.name}: median {duration(p50)}, 99 % within {duration(p99)}")
        else:
            parts.append(f"{sample.name}: nothing delivered")
    return "; ".join(parts) + "."


def _extent(samples: list[Sample], least: float = 0.01) -> FloatArray:
    """Return the ends of all samples; a few outliers below do not stretch the axis."""
    ends = [s.values[[int(least * (len(s.values) - 1)), -1]] for s in samples if len(s.values)]
    return np.concatenate(ends)


def _ecdf(ax: Axes, samples: list[Sample], *, survival: bool = False) -> None:
    latency_axis(ax.xaxis, _extent(samples))
    least = 1.0
    for sample in samples:
        if not len(sample.values):
            ax.plot([], [], label=f"{plain(sample.name)} (none delivered)", color="none")
            continue
        total = len(sample.values) + sample.lost
        at = ranks(len(sample.values))
        share = (at + 1) / total
        share = 1 - share if survival else share
        least = min(least, 1 / total)
        ax.plot(
            sample.values[at], np.maximum(share, 0.0), drawstyle="steps-post",
            color=sample.style.colour, linestyle=sample.style.line, linewidth=1.8,
            label=sample.label, marker=sample.style.marker, markevery=_marks(len(at)), markersize=5,
        )  # fmt: skip
    if survival:
        ax.set_yscale("log", nonpositive="mask")
        ax.set_ylim(least / 1.5, 1.3)
        ax.yaxis.set_major_formatter(percents())
        ax.yaxis.set_minor_locator(NullLocator())
    else:
        ax.set_ylim(-0.02, 1.03)
        ax.yaxis.set_major_formatter(percents())
    words = "later than that, or lost" if survival else "arrived within that time"
    finish(ax, title=_TITLES["ccdf" if survival else "ecdf"], x="one-way latency",
           y=f"share of messages\n{words}")  # fmt: skip
    legend(ax, outside=True)


def _ccdf(ax: Axes, samples: list[Sample]) -> None:
    _ecdf(ax, samples, survival=True)


def _marks(count: int) -> list[int]:
    """Places of the markers: a few, spread over the curve, so that grey prints can be read."""
    return [int(count * part) for part in (0.1, 0.3, 0.5, 0.7, 0.9)] if count > 10 else [0]


def _percentiles(ax: Axes, samples: list[Sample]) -> None:
    latency_axis(ax.yaxis, _extent(samples))
    ax.set_xscale("log")
    longest = max(len(sample.values) for sample in samples)
    for sample in samples:
        count = len(sample.values)
        if not count:
            continue
        at = ranks(count)
        # The greatest of n values stands for the share 1 - 1/(n+1): the axis ends there.
        ax.plot(
            (count + 1) / (count - at), sample.values[at], label=sample.label, linewidth=1.8,
            color=sample.style.colour, linestyle=sample.style.line, marker=sample.style.marker,
            markevery=_marks(len(at)), markersize=5,
        )  # fmt: skip
    ticks = [2, *(10**k for k in range(1, int(np.log10(longest + 1)) + 1))]
    ax.set_xlim(1, max(longest + 1, 2))
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * (1 - 1 / x):.6g} %"))
    finish(ax, title=_TITLES["percentiles"], x="percentile of the delivered messages",
           y="one-way latency")  # fmt: skip
    legend(ax, outside=True)


def bins(values: FloatArray, *, wide: bool, count: int = 80) -> FloatArray:
    """Return edges of bins over all of `values`, even on the scale of the axis."""
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.asarray([low - 0.5, high + 0.5])
    if not wide:
        return np.linspace(low, high, count + 1)
    start = max(low, 0.5)
    edges = np.geomspace(start, high, count + 1)
    return np.concatenate([[low], edges]) if low < start else edges


def _densities(samples: list[Sample]) -> tuple[FloatArray, list[FloatArray]]:
    edges = bins(_extent(samples, 0.0), wide=spreads(_extent(samples)))
    shares = []
    for sample in samples:
        counts, _ = np.histogram(sample.values, edges)
        shares.append(counts / max(1, len(sample.values)))
    return edges, shares


def _histogram(ax: Axes, samples: list[Sample]) -> None:
    latency_axis(ax.xaxis, _extent(samples))
    edges, shares = _densities(samples)
    for sample, share in zip(samples, shares, strict=True):
        ax.stairs(share, edges, fill=True, color=sample.style.colour, alpha=0.15)
        ax.stairs(share, edges, color=sample.style.colour, linestyle=sample.style.line,
                  linewidth=1.6, label=sample.label)  # fmt: skip
    ax.yaxis.set_major_formatter(percents())
    finish(ax, title=_TITLES["histogram"], x="one-way latency",
           y=f"share of the delivered\nin each of {len(edges) - 1} bins")  # fmt: skip
    legend(ax, outside=True)


def _ridge(ax: Axes, samples: list[Sample]) -> None:
    latency_axis(ax.xaxis, _extent(samples))
    edges, shares = _densities(samples)
    for row, (sample, share) in enumerate(zip(samples, shares, strict=True)):
        base = len(samples) - 1 - row
        height = share / max(float(share.max()), 1e-12) * 0.85
        ax.stairs(base + height, edges, baseline=base, fill=True, alpha=0.55,
                  color=sample.style.colour, hatch=sample.style.hatch)  # fmt: skip
        ax.stairs(base + height, edges, baseline=base, color=sample.style.colour, linewidth=1.2)
        if len(sample.values):
            median = float(np.median(sample.values))
            ax.plot([median] * 2, [base, base + 0.9], color=INK, linewidth=1.4)
    ax.set_yticks(range(len(samples)), [plain(s.name, 24) for s in reversed(samples)])
    finish(ax, title=_TITLES["ridge"], x="one-way latency (dark line: the median)",
           y="share of the delivered,\neach to its own height", grid="x")  # fmt: skip


_TITLES: dict[str, str] = {
    "ecdf": "Latency: how many arrive in time",
    "ccdf": "Latency: the tail, with the lost",
    "percentiles": "Latency by percentile",
    "histogram": "Latency: histogram",
    "ridge": "Latency: one ridge a group",
}
_DRAW: dict[str, Callable[[Axes, list[Sample]], None]] = {
    "ecdf": _ecdf,
    "ccdf": _ccdf,
    "percentiles": _percentiles,
    "histogram": _histogram,
    "ridge": _ridge,
}
