"""Where the milliseconds of one message went: its parts one after the other."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from wsim.analysis.plots.delay_parts import LOOKS, NAMES
from wsim.analysis.plots.style import (
    SHADE,
    describe,
    duration,
    finish,
    new_axes,
    plain,
    say,
    series_style,
)
from wsim.explanation import explain
from wsim.schema import PARTS


def plot_message(message: Any, *, ax: Axes | None = None) -> Axes:
    """Plot the way of one message as a waterfall, in the order in which it met the delays.

    Parameters
    ----------
    message
        A row of a history (a Series, a mapping or a record) or a ``Transit``.
    ax
        Axes to draw into; by default those of a new figure.

    Returns
    -------
    Axes
        A bar for each part of the delay, each from where the one above it ends; a message
        that never arrived has its cause in words instead.

    Raises
    ------
    ColumnsError
        If it has neither a fate nor a latency.
    """
    explanation = explain(message)
    parts = {name: explanation.parts[name] for name in PARTS if explanation.parts.get(name)}
    ax = new_axes(ax, (7.2, 1.5 + 0.36 * max(2, len(parts))))
    if not parts:
        say(ax, explanation)
    end = _steps(ax, parts)
    ax.set_yticks(range(len(parts)), [NAMES[name] for name in reversed(parts)])
    ax.set_ylim(-0.7, max(1, len(parts)) - 0.3)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: duration(x)))
    ax.margins(x=0.12)
    title = f"One message: {duration(end)}" if parts else "One message"
    finish(ax, title=title, x="time since it was to be sent", y="", grid="x")
    describe(ax, plain(explanation, 400))
    return ax


def _steps(ax: Axes, parts: dict[str, float]) -> float:
    """Draw the bars and return where the last one ends."""
    start = 0.0
    for place, (name, value) in enumerate(parts.items()):
        row, style = len(parts) - 1 - place, series_style(LOOKS.index(name))
        ax.barh(row, value, left=start, height=0.62, facecolor=style.colour, hatch=style.hatch,
                edgecolor="white", linewidth=0.0, gid=name)  # fmt: skip
        ax.annotate(
            duration(value), (max(start, start + value), row), xytext=(4, 0), va="center",
            textcoords="offset points", fontsize="small",
        )  # fmt: skip
        start += value
        if row:
            ax.plot([start, start], [row + 0.31, row - 1.31], color=SHADE, linewidth=0.8)
    return start
