"""The live pictures: latency, its distribution, drops, timeline, command age, rover path.

Every picture looks at the same :class:`~wsim.dashboard.scenes.Scene`. Kept runs are drawn into
the frame, once; the running one is drawn on top at each refresh. Colour is always doubled by
shape or style.
"""

from __future__ import annotations

import numpy as np

from wsim.dashboard import curves
from wsim.dashboard.canvas import BLUE, GREEN, INK, ORANGE, VERMILION, nice_top
from wsim.dashboard.curves import Curve
from wsim.dashboard.scenes import Limits, OverTime, Picture, Scene
from wsim.dashboard.view import FloatArray, Window

LATE_MS = 300.0
"""Commands older than this count as late in the timeline; driving is clearly harder."""
WATCHDOG_S = 0.5
"""A rover that hears nothing for this long stops (the timeout most rovers use)."""
STOPS = ("emergencyStop", "E_STOP")


class Latency(OverTime):
    """One-way latency of each message against its arrival."""

    name = "latency"
    title = "Latency (● to the rover, ▲ back)"
    axes_labels = ("seconds ago (arrival)", "latency (ms)")
    least_top = 20.0

    def set_up(self) -> None:
        """Make one set of points for each direction."""
        self._back = self.line("^", ORANGE, 2.6)
        self._to = self.line("o", BLUE, 2.2)

    def top(self, scene: Scene) -> float:
        """Return the longest latency that has its place in the picture."""
        return curves.worth_showing(scene.window)

    def curve(self, window: Window, path: FloatArray) -> Curve:
        """Return the median of each second."""
        return curves.medians(window)

    def move(self, scene: Scene) -> None:
        """Place the points, extremes kept when there are many."""
        window = scene.window
        for artist, chosen in ((self._to, window.inbound), (self._back, ~window.inbound)):
            x = window.delivered_s[chosen] - window.now_s
            shown = np.minimum(window.latency_ms[chosen], self._top)
            points = curves.thin(x, shown, -window.span_s)
            artist.set_data(*points)
            artist.set_linestyle("-" if np.isnan(points[0]).any() else "none")

    def describe(self, scene: Scene) -> str:
        """Give the median and the longest."""
        values = scene.window.latency_ms[np.isfinite(scene.window.latency_ms)]
        if not len(values):
            return "Latency: nothing has arrived yet."
        middle = np.median(values)
        return f"Latency: median {middle:.0f} ms, longest {values.max():.0f} ms in view."


class Distribution(Picture):
    """Share of messages that took at most so long."""

    name = "distribution"
    title = "Latency distribution (– to the rover, ‒ ‒ back)"
    axes_labels = ("latency (ms)", "share (%)")

    def set_up(self) -> None:
        """Make one line for each direction; the last number of the axis needs room."""
        self.canvas.axes.set_position((0.115, 0.2, 0.845, 0.67))
        self._back = self.line("", ORANGE, style="--")
        self._to = self.line("", BLUE, style="-")

    def limits(self, scene: Scene) -> Limits:
        """Return the right end of the axis."""
        longest = [curves.worth_showing(scene.window)]
        longest += [curves.worth_showing(kept.window) for kept in scene.kept]
        return nice_top(max(longest), 20.0)

    def apply(self, limits: Limits, scene: Scene) -> None:
        """Fix both axes."""
        self.canvas.axes.set_xlim(0, limits)
        self.canvas.axes.set_ylim(0, 103)

    def curve(self, window: Window, path: FloatArray) -> Curve:
        """Return the distribution of what went to the rover, or of all if nothing did."""
        inbound = window.latency_ms[window.inbound]
        return curves.shares(inbound if len(inbound) else window.latency_ms)

    def move(self, scene: Scene) -> None:
        """Draw the distribution of each direction."""
        window = scene.window
        self._to.set_data(*curves.shares(window.latency_ms[window.inbound]))
        self._back.set_data(*curves.shares(window.latency_ms[~window.inbound]))

    def describe(self, scene: Scene) -> str:
        """Give three quantiles."""
        values = scene.window.latency_ms[np.isfinite(scene.window.latency_ms)]
        if not len(values):
            return "Distribution: nothing has arrived yet."
        half, most, nearly = np.percentile(values, [50, 90, 99])
        return f"Half took at most {half:.0f} ms, 90 % {most:.0f} ms, 99 % {nearly:.0f} ms."


class Drops(OverTime):
    """Share of messages lost, in a sliding window, with its interval."""

    name = "drops"
    title = "Drop rate of the last 5 s (dotted: 95 %)"
    axes_labels = ("seconds ago (sent)", "lost (%)")
    least_top = 5.0

    def set_up(self) -> None:
        """Make the line and the two bounds."""
        self._low = self.line("", VERMILION, style=":")
        self._high = self.line("", VERMILION, style=":")
        self._rate = self.line("s", VERMILION, 2.5, style="-")

    def top(self, scene: Scene) -> float:
        """Return the highest upper bound in view."""
        return curves.greatest(curves.drop_rates(scene.window)[3])

    def curve(self, window: Window, path: FloatArray) -> Curve:
        """Return the sliding rate."""
        return curves.drop_rates(window)[:2]

    def move(self, scene: Scene) -> None:
        """Draw the sliding rate and its bounds."""
        x, rate, low, high = curves.drop_rates(scene.window)
        self._rate.set_data(x, rate)
        self._low.set_data(x, low)
        self._high.set_data(x, high)

    def describe(self, scene: Scene) -> str:
        """Give the share lost in view."""
        lost, total = int(scene.window.lost.sum()), len(scene.window)
        share = 100 * lost / total if total else 0.0
        return f"Drop rate: {lost} of {total} messages in view lost ({share:.1f} %)."


class Timeline(Picture):
    """A lane for each event: delivered, late, lost; stops stand out."""

    name = "timeline"
    title = "Commands (× lost, ▲ late, ◆ stop)"
    axes_labels = ("seconds ago (sent)", "")
    overlay_marker = "x"
    legend_place = "lower right"
    legend_anchor = (1.02, 0.97)  # above the lanes, right of the title

    def set_up(self) -> None:
        """Make one set of marks for each fate."""
        self.canvas.axes.set_position((0.225, 0.2, 0.758, 0.67))
        self._lanes: dict[str, int] = {}
        self._delivered = self.line("|", BLUE, 7)
        self._late = self.line("^", ORANGE, 3.5)
        self._stops = self.line("D", GREEN, 7)
        self._lost = self.line("x", VERMILION, 5)

    def curve(self, window: Window, path: FloatArray) -> Curve:
        """Return what was lost, a little below its lane."""
        lanes = np.array([self._lanes.get(name, -9) for name in window.events], np.float64)
        x = window.created_s[window.lost] - window.now_s
        return x, lanes[window.event[window.lost]] + 0.3

    def limits(self, scene: Scene) -> Limits:
        """Return the span and the lanes."""
        return (scene.window.span_s, scene.window.events)

    def apply(self, limits: Limits, scene: Scene) -> None:
        """Draw the lanes."""
        span, events = limits
        self._lanes = {name: lane for lane, name in enumerate(events)}
        axes = self.canvas.axes
        axes.set_xlim(-span, span * 0.005)
        axes.set_yticks(range(len(events)), [name[:16] for name in events])
        axes.set_ylim(max(len(events), 1) - 0.4, -0.6)

    def move(self, scene: Scene) -> None:
        """Place the marks, at most one of a kind in each column of a lane."""
        window = scene.window
        names = np.array([name in STOPS for name in window.events], np.bool_)
        stops = names[window.event] if len(window.events) else np.zeros(0, np.bool_)
        late = window.latency_ms > LATE_MS
        marks = (
            (self._lost, window.lost),
            (self._late, late & ~window.lost),
            (self._delivered, ~late & ~window.lost & ~stops),
            (self._stops, stops),
        )
        for artist, chosen in marks:
            x = window.created_s[chosen] - window.now_s
            artist.set_data(*curves.one_per_column(x, window.event[chosen], -window.span_s))

    def describe(self, scene: Scene) -> str:
        """Count the events in view."""
        window = scene.window
        counts = np.bincount(window.event, minlength=len(window.events))
        listed = ", ".join(
            f"{n} {count}" for n, count in zip(window.events, counts, strict=True) if count
        )
        return f"In view: {listed or 'no events yet'}."


class Age(OverTime):
    """How old the newest command is that the rover has heard."""

    name = "age"
    title = "Command age at the rover (dashed: it stops)"
    axes_labels = ("seconds ago", "age (s)")
    least_top = 0.2

    def set_up(self) -> None:
        """Make the saw-tooth; the timeout is part of the frame."""
        self.canvas.axes.axhline(WATCHDOG_S, color=VERMILION, linewidth=1.4, linestyle="--")
        self._age = self.line("", BLUE, style="-")

    def top(self, scene: Scene) -> float:
        """Return the greatest age in view."""
        return curves.greatest(curves.ages(scene.window)[1])

    def curve(self, window: Window, path: FloatArray) -> Curve:
        """Return the saw-tooth."""
        return curves.ages(window)

    def move(self, scene: Scene) -> None:
        """Draw the saw-tooth up to now."""
        self._age.set_data(*curves.ages(scene.window))

    def describe(self, scene: Scene) -> str:
        """Give the age now and the greatest."""
        age = curves.ages(scene.window)[1]
        if not len(age):
            return "Command age: no command has arrived yet."
        return f"Command age: now {age[-1]:.2f} s, greatest {age.max():.2f} s in view."


class Path(Picture):
    """Where the rover went."""

    name = "path"
    title = "Rover path (■ now)"
    axes_labels = ("x (m)", "y (m)")

    def set_up(self) -> None:
        """Make the track and the rover."""
        self._track = self.line("", BLUE, style="-")
        self._rover = self.line("s", INK, 6)

    def limits(self, scene: Scene) -> Limits:
        """Return the centre and half the height of a box around every path, in coarse steps."""
        paths = [path for path in (scene.path, *(kept.path for kept in scene.kept)) if len(path)]
        points = np.concatenate([*paths, np.zeros((1, 2))])
        low, high = points.min(axis=0), points.max(axis=0)
        half = nice_top(max((high[0] - low[0]) / 4, (high[1] - low[1]) / 2) * 1.1, 1.0)
        centre = np.round((low + high) / half) * half / 2
        return (float(centre[0]), float(centre[1]), half)

    def apply(self, limits: Limits, scene: Scene) -> None:
        """Set the box; a metre is as long in x as in y."""
        x, y, half = limits
        box = self.canvas.axes.get_window_extent()
        wide = half * box.width / box.height
        self.canvas.axes.set_xlim(x - wide, x + wide)
        self.canvas.axes.set_ylim(y - half, y + half)

    def curve(self, window: Window, path: FloatArray) -> Curve:
        """Return the track."""
        return (path[:, 0], path[:, 1]) if len(path) else (np.empty(0), np.empty(0))

    def move(self, scene: Scene) -> None:
        """Draw the track and where it ends."""
        x, y = self.curve(scene.window, scene.path)
        step = max(1, len(x) // 1500)
        self._track.set_data(x[::step], y[::step])
        self._rover.set_data(x[-1:], y[-1:])

    def describe(self, scene: Scene) -> str:
        """Give the position."""
        if not len(scene.path):
            return "The rover has not moved."
        x, y = scene.path[-1]
        return f"Rover at x {x:.1f} m, y {y:.1f} m."


PICTURES: tuple[type[Picture], ...] = (Latency, Distribution, Drops, Timeline, Age, Path)
"""Every live picture, in the order of the panel."""
