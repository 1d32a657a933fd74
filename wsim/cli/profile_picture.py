"""A picture of a profile: how late messages are, how they go missing, what the link carries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from wsim.analysis.plots.latency import plot_latency
from wsim.analysis.plots.loss_runs import plot_loss_runs
from wsim.analysis.plots.style import SHADE, finish, legend, say, series_style
from wsim.batch import simulate
from wsim.conditions import NetworkConditions
from wsim.profiles import Profile
from wsim.profiles.description import rate_over_time
from wsim.randomness import Stream
from wsim.schema import DIRECTIONS
from wsim.traffic import Traffic

_SECONDS = 120.0
_BINS = 240


def draw(profile: Profile, folder: Path) -> Path:
    """Simulate two minutes of commands and telemetry and write the picture; return its path."""
    frame = simulate(_traffic(), profile, duration_s=_SECONDS)
    figure = Figure(figsize=(7.6, 9.6), layout="constrained")
    FigureCanvasAgg(figure)
    latency, runs, rate = figure.subplots(3, 1)
    plot_latency(frame, by="direction", ax=latency)
    plot_loss_runs(frame, by="direction", ax=runs)
    plot_rate(profile.conditions, rate)
    figure.suptitle(f"{profile.name}: {profile.sentence}", fontsize="medium", wrap=True)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{profile.name}.png"
    figure.savefig(target, dpi=110)
    return target


def plot_rate(conditions: NetworkConditions, ax: Axes) -> Axes:
    """Plot what a full queue sends in each direction over time, outages shaded."""
    finish(ax, title="Rate of a full queue", x="seconds", y="Mbit/s")
    edges = np.linspace(0.0, _SECONDS, _BINS + 1)
    unlimited = []
    for place, direction in enumerate(DIRECTIONS):
        mbps = rate_over_time(conditions.for_direction(direction), _SECONDS, _BINS)
        if not np.isfinite(mbps).all():
            unlimited.append(direction)
            continue
        style = series_style(place)
        ax.stairs(mbps, edges, color=style.colour, linestyle=style.line, label=direction)
    if len(unlimited) == len(DIRECTIONS):
        say(ax, "There is no limit to the rate.")
    for number, (start, end) in enumerate(_outages(conditions)):
        ax.axvspan(start, end, color=SHADE, alpha=0.4, label="outage" if number == 0 else None)
    ax.set_xlim(0.0, _SECONDS)
    ax.set_ylim(bottom=0.0)
    legend(ax, outside=True)
    return ax


def _traffic() -> Traffic:
    commands = Traffic.periodic("driveCommands", 50, size_bytes=120)
    return commands + Traffic.periodic("sensorData", 50, size_bytes=120, direction="outbound")


def _outages(conditions: NetworkConditions) -> list[tuple[float, float]]:
    """Return the outages of the first client in seconds."""
    if conditions.outages is None:
        return []
    state, end_ns = conditions.outages.start(Stream(0, 0, "link", "outage")), _SECONDS * 1e9
    found, window = [], state.window(0)
    start = 0 if window is not None else state.next_start_ns(0)
    while start is not None and start < end_ns:
        window = state.window(start)
        assert window is not None
        found.append((start / 1e9, min(window[1], end_ns) / 1e9))
        start = state.next_start_ns(start)
    return found
