"""A picture that is drawn often: a figure without pyplot, blitted, encoded as PNG.

The frame (axes, ticks, titles and what does not move) is drawn once and kept; a refresh
restores it and draws only the moving artists. The frame is drawn anew only when its key
changes, that is when limits, lanes or kept runs do.
"""

from __future__ import annotations

import io
from collections.abc import Hashable
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

INK = "#333333"
GRID = "#d9d9d9"
BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY = (
    "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9",
)  # fmt: skip
KEPT_COLOURS = (PURPLE, GREEN, ORANGE, SKY, INK)
KEPT_STYLES = ("--", "-.", ":", (0, (5, 1)), (0, (1, 1)))


class Canvas:
    """One figure with one axes, its kept frame and its moving artists.

    Parameters
    ----------
    title : str
        Shown above the axes.
    width, height : int
        Size in pixels.
    """

    def __init__(self, title: str, width: int = 440, height: int = 192) -> None:
        self.figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor="white")
        self.canvas: Any = FigureCanvasAgg(self.figure)
        self.axes: Axes = self.figure.add_axes((0.115, 0.2, 0.868, 0.67))
        self.moving: list[Artist] = []
        self.full_draws = 0
        self._key: Hashable = None
        self._background: Any = None
        self.axes.set_title(title, fontsize=8.5, color=INK, loc="left", fontweight="bold", pad=4)
        self.axes.tick_params(labelsize=7.5, colors=INK, length=2.5)
        self.axes.grid(color=GRID, linewidth=0.6)
        self.axes.set_axisbelow(True)
        for side in ("top", "right"):
            self.axes.spines[side].set_visible(False)

    def add(self, artist: Artist) -> Any:
        """Count an artist among the moving ones; return it."""
        artist.set_animated(True)
        self.moving.append(artist)
        return artist

    def labels(self, x: str, y: str) -> None:
        """Name both axes, with units."""
        self.axes.set_xlabel(x, fontsize=7.5, color=INK, labelpad=1)
        self.axes.set_ylabel(y, fontsize=7.5, color=INK, labelpad=2)

    def stale(self, key: Hashable) -> bool:
        """Return True if the frame was drawn for another key."""
        return self._background is None or key != self._key

    def keep_frame(self, key: Hashable) -> None:
        """Draw the frame for `key` and keep it."""
        self.canvas.draw()
        self._background = self.canvas.copy_from_bbox(self.figure.bbox)
        self._key = key
        self.full_draws += 1

    def png(self) -> bytes:
        """Put the moving artists on the kept frame; return the picture."""
        self.canvas.restore_region(self._background)
        for artist in self.moving:
            self.figure.draw_artist(artist)
        width, height = self.canvas.get_width_height()
        pixels = self.canvas.buffer_rgba()
        image = Image.frombuffer("RGBA", (width, height), pixels, "raw", "RGBA", 0, 1)
        encoded = io.BytesIO()
        image.convert("RGB").save(encoded, "PNG", compress_level=1)
        return encoded.getvalue()


def nice_top(value: float, least: float) -> float:
    """Return 1, 1.5, 2, 3, 5 or 7.5 times a power of ten, at least `value` and `least`.

    Limits in coarse steps keep the frame, and so make most refreshes cheap.
    """
    wanted = max(value, least)
    power = 10.0 ** len(str(int(wanted))) / 10 if wanted >= 1 else 1.0
    while power > wanted:
        power /= 10
    for factor in (1, 1.5, 2, 3, 5, 7.5, 10):
        if factor * power >= wanted * (1 - 1e-9):
            return factor * power
    return 10 * power
