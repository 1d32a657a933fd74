"""Where the time went: the mean delay of each group, part by part."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from wsim.analysis.columns import floats, read, require
from wsim.analysis.plots.groups import By, drawn, groups
from wsim.analysis.plots.style import (
    caption,
    duration,
    new_axes,
    percents,
    plain,
    say,
    series_style,
)
from wsim.errors import ColumnsError
from wsim.schema import PARTS

NAMES = {
    "client_buffer_ms": "client's buffer",
    "queue_ms": "queue",
    "serialization_ms": "serialisation",
    "propagation_ms": "propagation",
    "jitter_ms": "jitter",
    "retransmission_ms": "retransmission",
    "head_of_line_ms": "head of line",
    "outage_ms": "outage",
}
"""What the parts of the delay are called in pictures and tables."""


LOOKS = (
    "propagation_ms",
    "queue_ms",
    "serialization_ms",
    "retransmission_ms",
    "head_of_line_ms",
    "jitter_ms",
    "outage_ms",
    "client_buffer_ms",
)
"""The order in which the parts take colours and hatches; the commonest comes plain."""


class Shares(NamedTuple):
    """Mean parts (ms) of the delay of one group's delivered messages, in the schema's order."""

    name: str
    delivered: int
    parts: tuple[float, ...]

    @property
    def total(self) -> float:
        """The mean latency that the parts add up to."""
        return float(sum(self.parts))


def plot_delay_parts(
    frame: pd.DataFrame,
    *,
    by: By = "profile",
    ax: Axes | None = None,
    share: bool | None = None,
) -> Axes:
    """Plot the mean delay of each group as a bar made of its parts.

    Parameters
    ----------
    frame
        A history with the parts of the delay (``queue_ms``, ``propagation_ms``, ...).
    by
        A column or several; each of their values makes one bar.
    ax
        Axes to draw into; by default those of a new figure.
    share
        True: every bar is 100 % long and its mean delay stands beside it. False: bars in
        milliseconds. None: shares if the groups differ more than thirtyfold.

    Raises
    ------
    ColumnsError
        If the frame has none of the parts, as in exports of other simulators.
    """
    found, remark = drawn_parts(frame, by)
    totals = [one.total for one in found if one.delivered and one.total > 0]
    share = (len(totals) > 1 and max(totals) > 30 * min(totals)) if share is None else share
    ax = new_axes(ax, (7.6, 1.5 + 0.5 * max(2, len(found))))
    if not any(one.delivered for one in found):
        say(ax, "No message was delivered: there is no delay to take apart.")
    _bars(ax, found, share)
    ax.set_yticks(range(len(found)), [plain(one.name, 24) for one in reversed(found)])
    ax.set_ylim(-0.6, max(1, len(found)) - 0.4)
    formatter = percents() if share else FuncFormatter(lambda x, _: duration(x))
    ax.xaxis.set_major_formatter(formatter)
    ax.margins(x=0.14)
    label = "share of the mean delay" if share else "mean one-way delay"
    return caption(
        ax, title="Where the time went", x=label, y="", grid="x", words=_words(found),
        remarks=[remark],
    )  # fmt: skip


def drawn_parts(frame: pd.DataFrame, by: By) -> tuple[list[Shares], str]:
    """Return the mean parts of each group, and a remark on groups left out."""
    messages = read(frame)
    present = [name for name in PARTS if name in frame.columns]
    if not present:
        raise ColumnsError(
            f"plot_delay_parts needs at least one of the columns {', '.join(PARTS)}; the frame "
            "has none, so its source did not record where the time went"
        )
    require(frame, [], "plot_delay_parts")
    columns = {name: floats(frame, name) for name in present}
    usable = messages.arrived & messages.original
    found, remark = drawn(groups(messages, by))
    made = []
    for group in found:
        rows = group.rows[usable[group.rows]]
        means = [_mean(columns[name][rows]) if name in columns else 0.0 for name in PARTS]
        made.append(Shares(group.name, len(rows), tuple(means)))
    return made, remark


def _mean(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else 0.0


def _bars(ax: Axes, found: list[Shares], share: bool) -> None:
    used = [p for p in range(len(PARTS)) if any(abs(one.parts[p]) > 1e-9 for one in found)]
    ends = np.zeros((2, len(found)))
    rows = np.arange(len(found))[::-1]
    for part in used:
        width = np.asarray([_width(one, part, share) for one in found])
        left = np.where(width >= 0, ends[1], ends[0])
        style = series_style(LOOKS.index(PARTS[part]))
        ax.barh(
            rows, width, left=left, height=0.62, facecolor=style.colour, hatch=style.hatch,
            edgecolor="white", linewidth=0.0, label=NAMES[PARTS[part]], gid=PARTS[part],
        )  # fmt: skip
        ends[1] += np.maximum(width, 0.0)
        ends[0] += np.minimum(width, 0.0)
    for row, one, end in zip(rows, found, ends[1], strict=True):
        words = duration(one.total) if one.delivered else "nothing delivered"
        ax.annotate(
            words, (end, row), xytext=(5, 0), textcoords="offset points", va="center",
            fontsize="small", gid="total",
        )  # fmt: skip


def _width(one: Shares, part: int, share: bool) -> float:
    whole = sum(abs(value) for value in one.parts)
    if not share:
        return one.parts[part]
    return one.parts[part] / whole if whole > 0 else 0.0


def _words(found: list[Shares]) -> str:
    parts = []
    for one in found:
        pieces = [
            f"{NAMES[name]} {duration(value)}"
            for name, value in zip(PARTS, one.parts, strict=True)
            if abs(value) > 1e-9
        ]
        parts.append(f"{one.name}: {duration(one.total)} on average ({', '.join(pieces) or '-'})")
    return "Where the time went. " + "; ".join(parts) + "."
