"""Delays that matter to an operator or a rover, as named presets to draw beside data.

The sources disagree because their tasks do: choose the preset whose task is like yours, add
your own to :data:`THRESHOLDS`, or pass a mapping of words to milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.axes import Axes

from wsim.analysis.plots.style import QUIET, SHADE, duration, plain
from wsim.errors import ConditionsError, unknown


@dataclass(frozen=True)
class Thresholds:
    """Levels of delay in ms with their meanings, rising, and where they come from."""

    levels: tuple[tuple[float, str], ...]
    source: str
    delay: str = "one way"


THRESHOLDS: dict[str, Thresholds] = {
    "perception": Thresholds(
        ((100.0, "noticed"), (200.0, "task degraded"), (400.0, "no worse")),
        "EEG of ten operators of a mobile robot, arXiv 2508.18074",
    ),
    "lane-keeping": Thresholds(
        ((150.0, "all laps completed"), (225.0, "under half")),
        "180 closed-loop runs with delayed perception, arXiv 2603.06850",
    ),
    "planning": Thresholds(
        ((150.0, "good"), (400.0, "upper limit")),
        "ITU-T G.114, planning limits for conversation",
    ),
    "near-real-time": Thresholds(
        ((400.0, "near real time"), (500.0, "its upper end")),
        "Lester and Thronson, telepresence for space robots, NTRS 20110022582",
        "both ways",
    ),
    "watchdog": Thresholds(
        ((500.0, "the rover stops by itself"),),
        "default command timeout of the ROS 2 diff_drive controller",
        "age of the command",
    ),
}

Preset = str | Thresholds | Mapping[str, float]


def thresholds(preset: Preset) -> Thresholds:
    """Return the thresholds that `preset` names or gives.

    Raises
    ------
    UnknownNameError
        If there is no preset of that name.
    ConditionsError
        If a level is not a positive number of milliseconds.
    """
    if isinstance(preset, str):
        if preset not in THRESHOLDS:
            raise unknown("preset of thresholds", preset, THRESHOLDS)
        return THRESHOLDS[preset]
    if isinstance(preset, Mapping):
        preset = Thresholds(tuple((float(v), str(k)) for k, v in preset.items()), "given")
    for level, words in preset.levels:
        if not 0 < level < float("inf"):
            raise ConditionsError(
                f"threshold '{words}' is {level}; it must be a positive number of milliseconds"
            )
    return Thresholds(tuple(sorted(preset.levels)), preset.source, preset.delay)


def plot_thresholds(preset: Preset, *, ax: Axes, axis: Literal["x", "y"] = "x") -> Axes:
    """Draw the levels of `preset` as named lines across the latencies of `ax`.

    Parameters
    ----------
    preset
        A name in :data:`THRESHOLDS`, a :class:`Thresholds`, or words mapped to milliseconds.
    ax
        The axes to draw into; one of its axes is latency in ms.
    axis
        Which one.
    """
    for level, words in thresholds(preset).levels:
        text = f"{plain(words)} {duration(level)}"
        if axis == "x":
            ax.axvline(level, gid="threshold", color=SHADE, linewidth=1.0, linestyle=DASHES)
            ax.annotate(
                text, (level, 0.03), xycoords=("data", "axes fraction"), rotation=90,
                xytext=(-2, 0), textcoords="offset points", ha="right", va="bottom", **_SMALL,
            )  # fmt: skip
        else:
            ax.axhline(level, gid="threshold", color=SHADE, linewidth=1.0, linestyle=DASHES)
            ax.annotate(
                text, (0.995, level), xycoords=("axes fraction", "data"), ha="right",
                xytext=(0, 2), textcoords="offset points", **_SMALL,
            )  # fmt: skip
    return ax


DASHES = (0, (2, 2))
_SMALL: dict[str, Any] = {"fontsize": "x-small", "color": QUIET, "annotation_clip": True}
