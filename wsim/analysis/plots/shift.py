"""By how much each quantile of the latency moved between two networks."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from wsim.analysis.columns import floats, require
from wsim.analysis.plots.style import (
    GOOD,
    INK,
    LOST,
    QUIET,
    caption,
    duration,
    latency_axis,
    new_axes,
    say,
)

LOOKS = (("slower", LOST, "^"), ("faster", GOOD, "o"), ("not distinguishable", QUIET, "x"))


def plot_shift(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Plot a shift function: the difference of each quantile with its interval.

    Parameters
    ----------
    table
        What ``shift_function`` returned: ``quantile, difference, low, high``.
    ax
        Axes to draw into; by default those of a new figure.

    Returns
    -------
    Axes
        One mark a quantile, evenly spaced; triangles are slower and circles faster than
        before with confidence, crosses cannot be told from no difference.
    """
    require(table, ["quantile", "difference", "low", "high"], "plot_shift")
    rows = table[np.isfinite(floats(table, "difference"))]
    shift, low, high = (floats(rows, name) for name in ("difference", "low", "high"))
    ax = new_axes(ax)
    if len(rows):
        latency_axis(ax.yaxis, np.concatenate([shift, low, high, [0.0]]))
    else:
        say(ax, "No quantile could be compared.")
    kind = np.where(low > 0, 0, np.where(high < 0, 1, 2))
    kind[~(np.isfinite(low) & np.isfinite(high))] = 2
    for code, (words, colour, marker) in enumerate(LOOKS):
        at = np.flatnonzero(kind == code)
        if len(at):
            ax.vlines(at, low[at], high[at], color=colour, linewidth=2.0)
            ax.plot(at, shift[at], linestyle="none", marker=marker, color=colour, markersize=6,
                    label=words, gid=f"shift:{words}")  # fmt: skip
    ax.axhline(0.0, color=INK, linewidth=1.0, linestyle="--", gid="zero")
    names = [f"{100 * q:g} %" for q in floats(rows, "quantile")]
    ax.set_xticks(range(len(names)), names, fontsize="small")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: duration(y)))
    ax.margins(y=0.12)
    unsure = int(np.count_nonzero(~np.isfinite(low)))
    parts = [f"{name}: {duration(s)}" for name, s in zip(names, shift, strict=True)]
    return caption(
        ax, title="Shift of the latency", x="quantile of the latency",
        y="candidate minus baseline", grid="y",
        words="Shift of the latency. " + ("; ".join(parts) or "Nothing to compare") + ".",
        remarks=[f"{unsure} without an interval: not enough data" if unsure else ""],
    )  # fmt: skip
