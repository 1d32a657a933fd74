"""How every picture looks: figures without global state, safe colours, safe texts, time axes.

Colours are those of Okabe and Ito ("Color Universal Design", 2008) without yellow and black.
A series is told apart by line style and marker too, so that grey prints stay readable.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

FloatArray = npt.NDArray[np.float64]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Blue, vermilion, green, purple, sky, orange: the order in which series take them."""

LOST, LATE, GOOD = "#d55e00", "#e69f00", "#0072b2"
INK, QUIET, SHADE = "#222222", "#5f6570", "#8a8f98"
"""Colours of text, of remarks and of what is shaded."""
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (7, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P")
HATCHES = ("", "//", "..", "xx", "\\\\", "--")
NAME_LENGTH = 40


@dataclass(frozen=True)
class SeriesStyle:
    """What tells one series from the others."""

    colour: str
    line: Any
    marker: str
    hatch: str


def series_style(index: int) -> SeriesStyle:
    """Return the style of series number `index`; colours, lines and markers turn together."""
    turn, place = divmod(index, len(COLOURS))
    shifted = (place + turn) % len(COLOURS)
    return SeriesStyle(COLOURS[place], LINES[shifted], MARKERS[shifted], HATCHES[shifted])


class PictureAxes(Axes):
    """Axes that show their figure when they end a notebook cell, whatever the backend."""

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the picture and, for those who cannot see it, its description."""
        words = description(self)
        return {"image/png": png(self), "text/plain": words}, {"image/png": {"alt": words}}


def new_axes(ax: Axes | None, size: tuple[float, float] = (7.2, 3.6)) -> Axes:
    """Return `ax`, or the axes of a new figure of its own that pyplot does not know."""
    if ax is not None:
        return ax
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure.add_subplot(axes_class=PictureAxes)


def figure_of(ax: Axes) -> Figure:
    """Return the whole figure that holds `ax`."""
    return cast(Figure, ax.get_figure(root=True))


def png(ax: Axes, *, dpi: float = 110) -> bytes:
    """Render the figure of `ax` as a PNG picture."""
    target = io.BytesIO()
    figure_of(ax).savefig(target, format="png", dpi=dpi)
    return target.getvalue()


def finish(ax: Axes, *, title: str, x: str, y: str, grid: str = "both") -> Axes:
    """Set the title and the labels of the axes and draw a quiet grid."""
    ax.set_title(title, loc="left", fontsize="medium", fontweight="bold")
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.grid(True, axis=cast(Any, grid), color=SHADE, alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return ax


def caption(
    ax: Axes,
    *,
    title: str,
    x: str,
    y: str,
    words: str,
    remarks: Iterable[str] = (),
    grid: str = "both",
) -> Axes:
    """Finish a picture whose legend stands beside it, with remarks and a text alternative."""
    note(ax, remarks)
    finish(ax, title=title, x=x, y=y, grid=grid)
    legend(ax, outside=True)
    describe(ax, words)
    return ax


def legend(ax: Axes, *, outside: bool = False, **options: Any) -> None:
    """Draw the legend if anything has a label; `outside` puts it right of the axes."""
    handles, _ = ax.get_legend_handles_labels()
    if not handles:
        return
    if outside:
        options |= {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0}
    ax.legend(frameon=False, fontsize="small", **options)


def say(ax: Axes, words: str) -> None:
    """Write `words` in the middle of axes that have nothing to draw."""
    ax.text(0.5, 0.5, plain(words, 200), transform=ax.transAxes, ha="center", va="center")


def note(ax: Axes, words: Iterable[str]) -> None:
    """Write what the picture leaves out, one remark a line, in its upper right corner."""
    lines = [plain(line, 120) for line in words if line]
    if lines:
        ax.text(
            0.99, 0.98, "\n".join(lines), transform=ax.transAxes, ha="right", va="top",
            fontsize="x-small", color=QUIET, gid="note",
        )  # fmt: skip


_DESCRIPTIONS: WeakKeyDictionary[Axes, str] = WeakKeyDictionary()


def describe(ax: Axes, words: str) -> None:
    """Keep `words` as the text alternative of the picture in `ax`."""
    _DESCRIPTIONS[ax] = words


def description(ax: Axes) -> str:
    """Return the text alternative of the picture in `ax`; its title if none was given."""
    return _DESCRIPTIONS.get(ax, ax.get_title(loc="left"))


def plain(text: object, length: int = NAME_LENGTH) -> str:
    """Return `text` as matplotlib can draw it: no mathematics, no glyphs that the font lacks.

    Names come from files and payloads. A dollar sign is escaped, control characters become
    spaces, characters without a glyph a white square, and a long text is cut with an ellipsis.
    """
    words = "".join(_drawable(character) for character in str(text))
    if len(words) > length:
        words = words[: length - 1] + "…"
    return words.replace("$", r"\$")


def _drawable(character: str) -> str:
    if " " <= character <= "~":
        return character
    if unicodedata.category(character) in {"Cc", "Zl", "Zp"}:
        return " "
    return character if ord(character) in _glyphs() else "□"


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties())).get_charmap())


UNITS = (
    (86_400_000.0, "d"),
    (3_600_000.0, "h"),
    (60_000.0, "min"),
    (1000.0, "s"),
    (1.0, "ms"),
    (0.001, "µs"),
)


def duration(milliseconds: float) -> str:
    """Return a time of so many milliseconds in the unit that reads best.

    Examples
    --------
    >>> duration(750_000.0), duration(41.27), duration(0.0)
    ('12.5 min', '41.3 ms', '0 ms')
    """
    if not np.isfinite(milliseconds):
        return "–"
    if abs(milliseconds) < 1e-6:  # times are counted in nanoseconds: less is rounding
        return "0 ms"
    size = abs(milliseconds)
    for scale, unit in UNITS:
        if size >= scale * 0.9995:
            return f"{_short(milliseconds / scale)} {unit}"
    return f"{_short(milliseconds * 1000)} µs"


def _short(value: float) -> str:
    digits = max(0, 2 - int(np.floor(np.log10(abs(value)))))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


_STEPS = (1, 10, 100, 1000, 10_000, 60_000, 600_000, 3_600_000, 36_000_000)


def latency_axis(axis: Axis, values: Sequence[float] | FloatArray) -> None:
    """Scale `axis` for latencies in milliseconds: linear, or logarithmic if they range widely.

    A logarithmic axis is linear below 1 ms so that a latency of zero has its place.
    """
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    setter = axis.axes.set_xscale if isinstance(axis, XAxis) else axis.axes.set_yscale
    if spreads(finite):
        setter("symlog", linthresh=1.0, linscale=0.5)
        low, high = (float(finite.min()), float(finite.max()))
        least = max(low / 3, 2.0 if low <= 0 else 0.0)  # room for the tick at zero
        inside = [t for t in _STEPS if least <= t <= high * 3]
        if 600_000 in inside:
            inside = [t for t in inside if t != 60_000]  # labels would touch
        ticks = (
            [-t for t in reversed(_STEPS) if 2 <= t <= -low] + ([0] if low <= 0 else []) + inside
        )
        axis.set_major_locator(FixedLocator(ticks or [low, high]))
        axis.set_minor_locator(FixedLocator([]))
    else:
        setter("linear")
        axis.set_major_locator(DurationLocator(7, steps=[1, 2, 2.5, 5, 10], min_n_ticks=3))
    axis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))


class DurationLocator(MaxNLocator):
    """Ticks at round numbers of the unit in which the axis is labelled."""

    def tick_values(self, vmin: float, vmax: float) -> Any:
        """Return ticks from `vmin` to `vmax`, in ms."""
        size = max(abs(vmin), abs(vmax))
        scale = next((scale for scale, _ in UNITS if size >= 2 * scale), 1.0)
        return np.asarray(super().tick_values(vmin / scale, vmax / scale)) * scale


def spreads(values: FloatArray) -> bool:
    """Tell whether latencies range too widely for a linear axis (a hundredfold and more)."""
    if values.size == 0:
        return False
    high = float(np.abs(values).max())
    positive = values[values > 0]
    low = float(positive.min()) if positive.size else high
    has_zero = bool((values <= 0).any())
    return high > 100 * max(low, 0.05) or (has_zero and high > 1000)


def percents() -> FuncFormatter:
    """Return what labels an axis of shares in percent."""
    return FuncFormatter(lambda share, _: f"{100 * share:.4g} %")


def seconds_axis(axis: Axis) -> None:
    """Label `axis` in seconds with few, round ticks."""
    axis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
