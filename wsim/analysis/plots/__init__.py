"""Pictures of histories: a frame in, matplotlib Axes out, nothing global touched."""

from wsim.analysis.plots.age import plot_age
from wsim.analysis.plots.delay_parts import plot_delay_parts
from wsim.analysis.plots.differences import Unit, plot_differences
from wsim.analysis.plots.drops import plot_drop_rate
from wsim.analysis.plots.latency import plot_latency
from wsim.analysis.plots.loss_runs import plot_loss_runs
from wsim.analysis.plots.message import plot_message
from wsim.analysis.plots.over_time import plot_latency_over_time
from wsim.analysis.plots.path import plot_path
from wsim.analysis.plots.profile import plot_profile
from wsim.analysis.plots.shift import plot_shift
from wsim.analysis.plots.style import duration, plain
from wsim.analysis.plots.thresholds import THRESHOLDS, Thresholds, plot_thresholds
from wsim.analysis.plots.timeline import plot_timeline

__all__ = [
    "THRESHOLDS",
    "Thresholds",
    "Unit",
    "duration",
    "plain",
    "plot_age",
    "plot_delay_parts",
    "plot_differences",
    "plot_drop_rate",
    "plot_latency",
    "plot_latency_over_time",
    "plot_loss_runs",
    "plot_message",
    "plot_path",
    "plot_profile",
    "plot_shift",
    "plot_thresholds",
    "plot_timeline",
]
