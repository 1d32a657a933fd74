"""What changed between two networks: differences with their intervals, one row a metric."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from wsim.analysis.columns import floats, require
from wsim.analysis.metrics import METRICS
from wsim.analysis.plots.style import (
    INK,
    QUIET,
    caption,
    duration,
    latency_axis,
    new_axes,
    plain,
    say,
)
from wsim.errors import unknown

Unit = Literal["ms", "share", "number"]
UNITS: tuple[Unit, ...] = ("ms", "share", "number")
LOOKS = {
    "better": ("#0072b2", "o", True),
    "worse": ("#d55e00", "^", True),
    "equivalent": ("#009e73", "s", True),
    "not distinguishable": (QUIET, "o", False),
    "not enough data": (QUIET, "x", True),
}
"""Colour, marker and whether it is filled, for each verdict of ``compare``."""


def plot_differences(
    table: pd.DataFrame, *, ax: Axes | None = None, unit: Unit | None = None
) -> Axes:
    """Plot the differences that ``compare`` found, with their intervals and verdicts.

    Parameters
    ----------
    table
        What ``compare`` returned: ``metric``, ``difference``, ``low``, ``high``, ``verdict``.
    ax
        Axes to draw into; by default those of a new figure.
    unit
        Which metrics: ``ms`` (names that end in ``_ms``), ``share`` (rates and shares) or
        ``number`` (counts); they cannot share an axis. By default the first of these that
        the table has.

    Returns
    -------
    Axes
        One row a metric (and candidate); right of the dashed line means more than before.

    Raises
    ------
    ColumnsError, UnknownNameError
        If the table is not one of ``compare``, or `unit` is not one of the three.
    """
    require(table, ["metric", "difference", "low", "high", "verdict"], "plot_differences")
    kinds = units_of(table)
    present: list[Unit] = [one for one in UNITS if one in kinds]
    chosen = unit if unit is not None else next(iter(present), UNITS[0])
    if chosen not in UNITS:
        raise unknown("unit of differences", chosen, UNITS)
    rows = table[np.asarray([kind == chosen for kind in kinds], dtype=bool)]
    rows = rows[np.isfinite(floats(rows, "difference"))]
    ax = new_axes(ax, (7.6, 1.3 + 0.32 * max(3, len(rows))))
    if not len(rows):
        say(ax, "No difference could be computed.")
    if chosen == "ms":
        latency_axis(ax.xaxis, np.concatenate([floats(rows, name) for name in ("low", "high")]))
    else:
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: amount(x, chosen)))
    _draw(ax, rows)
    ax.margins(x=0.08)
    ax.axvline(0, color=INK, linewidth=1.0, linestyle="--", gid="zero")
    ax.set_yticks(range(len(rows)), [plain(name) for name in reversed(_names(rows))])
    ax.set_ylim(-0.7, max(1, len(rows)) - 0.3)
    return caption(
        ax, title="Differences to the baseline", x=_LABELS[chosen], y="", grid="x",
        words=_words(rows, chosen),
    )  # fmt: skip


def units_of(table: pd.DataFrame) -> list[Unit]:
    """Return the unit of each row: as `compare` says, or by the name of the metric."""
    if "unit" not in table.columns:
        return [unit_of(str(metric)) for metric in table["metric"]]
    return [unit if unit in ("ms", "share") else "number" for unit in table["unit"]]


def unit_of(metric: str) -> Unit:
    """Return the unit of a metric by its name."""
    if metric.endswith("_ms"):
        return "ms"
    return "share" if "rate" in metric or "share" in metric or "ratio" in metric else "number"


def amount(value: float, unit: Unit) -> str:
    """Return a difference in its unit, for people."""
    if unit == "ms":
        return duration(value)
    return f"{100 * value:.3g} pp" if unit == "share" else f"{value:.4g}"


def _names(rows: pd.DataFrame) -> list[str]:
    names = [label_of(str(metric)) for metric in rows["metric"]]
    if "candidate_name" in rows.columns and rows["candidate_name"].nunique() > 1:
        who = map(str, rows["candidate_name"])
        return [f"{name} · {metric}" for name, metric in zip(who, names, strict=True)]
    return names


def label_of(metric: str) -> str:
    """Return what a metric of `compare` is called in pictures and tables."""
    return METRICS[metric].label if metric in METRICS else metric


def _draw(ax: Axes, rows: pd.DataFrame) -> None:
    seen: set[str] = set()
    middle, low, high = (floats(rows, name) for name in ("difference", "low", "high"))
    for place, verdict in enumerate(map(str, rows["verdict"])):
        colour, marker, filled = LOOKS.get(verdict, LOOKS["not distinguishable"])
        y = len(rows) - 1 - place
        if np.isfinite(low[place]) and np.isfinite(high[place]):
            ax.plot([low[place], high[place]], [y, y], color=colour, linewidth=2.2,
                    solid_capstyle="butt", gid=f"interval:{place}")  # fmt: skip
        ax.plot(
            middle[place], y, marker=marker, color=colour, markersize=6.5, linestyle="none",
            markerfacecolor=colour if filled else "white", markeredgecolor=colour,
            label=None if verdict in seen else plain(verdict), gid=f"difference:{place}",
        )  # fmt: skip
        seen.add(verdict)


def _words(rows: pd.DataFrame, unit: Unit) -> str:
    parts = [
        f"{name}: {amount(d, unit)} [{amount(a, unit)}, {amount(b, unit)}], {verdict}"
        for name, d, a, b, verdict in zip(
            _names(rows), floats(rows, "difference"), floats(rows, "low"), floats(rows, "high"),
            rows["verdict"], strict=True,
        )
    ]  # fmt: skip
    return "Differences to the baseline. " + ("; ".join(parts) or "None") + "."


_LABELS: dict[str, str] = {
    "ms": "difference (more is slower or older)",
    "share": "difference in percentage points",
    "number": "difference",
}
