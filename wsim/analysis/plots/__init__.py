"""Pictures of histories: a frame in, matplotlib Axes out, nothing global touched."""

from wsim.analysis.plots.drops import plot_drop_rate
from wsim.analysis.plots.latency import plot_latency
from wsim.analysis.plots.thresholds import THRESHOLDS, Thresholds, plot_thresholds
from wsim.analysis.plots.timeline import plot_timeline

__all__ = [
    "THRESHOLDS",
    "Thresholds",
    "plot_drop_rate",
    "plot_latency",
    "plot_thresholds",
    "plot_timeline",
]
