"""What every live picture has: a frame that is kept, moving artists, kept runs beneath."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from matplotlib.lines import Line2D

from wsim.dashboard.canvas import KEPT_COLOURS, KEPT_STYLES, Canvas, nice_top
from wsim.dashboard.curves import Curve
from wsim.dashboard.view import FloatArray, Window

Limits = Any
"""What a frame depends on: anything that can be compared and hashed."""


class KeptScene(NamedTuple):
    """What a kept run adds to the pictures."""

    name: str
    window: Window
    path: FloatArray


class Scene(NamedTuple):
    """What the pictures show: the running window, the rover's path, and the kept runs.

    `path` holds one row (x, y) in metres per position.
    """

    window: Window
    path: FloatArray
    kept: tuple[KeptScene, ...] = ()


class Picture:
    """A picture of a scene; subclasses say what is in it."""

    name: ClassVar[str] = ""
    overlay_marker: ClassVar[str] = ""
    """Kept runs are lines, or marks of this kind."""
    legend_place: ClassVar[Any] = "upper left"
    legend_anchor: ClassVar[Any] = None
    title: ClassVar[str] = ""
    axes_labels: ClassVar[tuple[str, str]] = ("", "")

    def __init__(self, width: int = 440, height: int = 192) -> None:
        self.canvas = Canvas(self.title, width, height)
        self.canvas.labels(*self.axes_labels)
        self._overlays: list[Line2D] = []
        self.set_up()

    def set_up(self) -> None:
        """Make the moving artists."""

    def limits(self, scene: Scene) -> Limits:
        """Return what the frame depends on; a new value draws the frame anew."""
        return None

    def apply(self, limits: Limits, scene: Scene) -> None:
        """Set the axes to the limits."""

    def curve(self, window: Window, path: FloatArray) -> Curve:
        """Return the line that stands for a run, for kept ones."""
        return np.empty(0), np.empty(0)

    def move(self, scene: Scene) -> None:
        """Give the moving artists what they show now."""

    def describe(self, scene: Scene) -> str:
        """Say in a sentence what the picture shows, for those who do not see it."""
        return self.title

    def refresh(self, scene: Scene) -> bytes:
        """Return the picture of `scene` as PNG."""
        key = (self.limits(scene), tuple(kept.name for kept in scene.kept))
        if self.canvas.stale(key):
            self.apply(key[0], scene)
            self._overlay(scene.kept)
            self.canvas.keep_frame(key)
        self.move(scene)
        return self.canvas.png()

    def line(self, marker: str, colour: str, size: float = 3.0, style: Any = "") -> Line2D:
        """Add a moving artist of points or lines."""
        artist = Line2D(
            [], [], color=colour, marker=marker, markersize=size, linestyle=style or "none",
            linewidth=1.3,
        )  # fmt: skip
        self.canvas.axes.add_line(artist)
        self.canvas.add(artist)
        return artist

    def _overlay(self, kept: tuple[KeptScene, ...]) -> None:
        for artist in self._overlays:
            artist.remove()
        self._overlays = []
        axes = self.canvas.axes
        for index, run in enumerate(kept):
            marks = self.overlay_marker
            style: Any = KEPT_STYLES[index % len(KEPT_STYLES)]
            artist = Line2D(
                *self.curve(run.window, run.path),
                color=KEPT_COLOURS[index % len(KEPT_COLOURS)],
                linestyle="none" if marks else style,
                marker=marks,
                markersize=3,
                linewidth=1.2,
                label=run.name,
            )
            axes.add_line(artist)
            self._overlays.append(artist)
        if self._overlays:
            axes.legend(
                handles=self._overlays, fontsize=6.5, loc=self.legend_place, framealpha=0.7,
                ncols=6, bbox_to_anchor=self.legend_anchor,
            )  # fmt: skip
        elif (legend := axes.get_legend()) is not None:
            legend.remove()


class OverTime(Picture):
    """A picture over the last seconds, with a top that grows in coarse steps."""

    least_top: ClassVar[float] = 1.0
    _top = 0.0

    def top(self, scene: Scene) -> float:
        """Return the greatest value in view."""
        return 0.0

    def limits(self, scene: Scene) -> Limits:
        """Return the span and the top, which comes down only when most of it is empty."""
        tallest = max([self.top(scene), *(self._kept_top(kept) for kept in scene.kept)])
        if not 0.4 * self._top <= tallest <= self._top or not self._top:
            self._top = nice_top(tallest, self.least_top)
        return (scene.window.span_s, self._top)

    def _kept_top(self, kept: KeptScene) -> float:
        values = self.curve(kept.window, kept.path)[1]
        return float(np.nanmax(values)) if np.isfinite(values).any() else 0.0

    def apply(self, limits: Limits, scene: Scene) -> None:
        """Fix both axes."""
        span, top = limits
        self.canvas.axes.set_xlim(-span, span * 0.005)
        self.canvas.axes.set_ylim(0, top * 1.02)
