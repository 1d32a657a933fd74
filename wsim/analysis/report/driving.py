"""Would the rover have been safe? The figures of driving, one row a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from wsim.analysis import plots
from wsim.analysis.columns import codes
from wsim.analysis.driving import DECELERATION, REACTION_S, SIGHT_M
from wsim.analysis.loop import CAMERA_EVENT, loop_delays
from wsim.analysis.plots.style import duration
from wsim.analysis.report.document import Picture, Section, Table
from wsim.analysis.report.study import Study
from wsim.analysis.report.words import percent
from wsim.analysis.teleop import teleop

SPEED_MPS = 1.0
HEADS = (
    *(
        "network",
        "watchdog trips, pauses too",
        "standing still, pauses too",
        "emergency stop p99",
        "over 300 ms",
    ),
    *("command to picture p50", "p99", "blind distance", "safe speed"),
)
MEANINGS = (
    "",
    "silences of more than half a second between arriving commands, the operator's pauses too",
    "share of the time that a rover with a watchdog of half a second stands still",
    "99 in a hundred presses, one at each command, would have reached the rover within this time",
    "share of such presses that would have taken longer, or been lost",
    "from a command to the first picture of the camera that can show its effect, half of them",
    "99 in a hundred of them",
    f"metres driven at {SPEED_MPS:g} m/s on what was known, 99 % of the time at most",
    f"greatest speed at which the rover stops within the {SIGHT_M:g} m that the operator sees, "
    f"braking with {DECELERATION:g} m/s² after {REACTION_S:g} s to react",
)


def driving(study: Study) -> Section | None:
    """Return the chapter on what it meant for the rover; None if nothing was commanded."""
    if not study.reach:
        return None
    found = teleop(study.pooled, "profile", command=study.command, pauses="skip")
    rows = tuple(_row(name, found.loc[name].to_dict()) for name in study.reach)
    section = Section(
        "Would the rover have been safe?",
        [
            "Ages and delays at their 99th percentile; the speeds and distances assume "
            f"{SPEED_MPS:g} m/s, {SIGHT_M:g} m of sight, {REACTION_S:g} s to react and "
            f"{DECELERATION:g} m/s² of braking. Edit them with wsim.teleop."
        ],
        [Table("What it meant for the rover", HEADS, rows, MEANINGS)],
    )
    if _has(study, CAMERA_EVENT):
        section.pictures.append(
            Picture(
                "From a command to the first picture that can show its effect.",
                lambda: _loop(study),
            )
        )
    return section


def _loop(study: Study) -> Axes:
    ax = plots.plot_latency(loop_delays(study.pooled, command=study.command))
    ax.set_title("The whole loop", loc="left", fontsize="medium", fontweight="bold")
    ax.set_xlabel("from the command to the picture")
    ax.set_ylabel("share of commands\nwhose effect was seen within that time")
    return ax


def _has(study: Study, event: str) -> bool:
    frame = study.pooled
    return "event_name" in frame.columns and bool(codes(frame, "event_name").where(event).any())


def _row(name: str, row: Mapping[Any, Any]) -> tuple[str, ...]:
    return (
        name,
        f"{row['watchdog_trips']:,.0f}" if np.isfinite(row["watchdog_trips"]) else "–",
        percent(row["stopped_share"]),
        _time(row["stop_p99_ms"]),
        percent(row["stop_over_300ms"]),
        _time(row["loop_delay_p50_ms"]),
        _time(row["loop_delay_p99_ms"]),
        _amount(row["blind_distance_m"], "m"),
        _amount(row["safe_speed_mps"], "m/s"),
    )


def _time(ms: float) -> str:
    """Return a time; one that is never over, as too many are lost, is infinite."""
    return "never" if np.isposinf(ms) else duration(ms)


def _amount(value: float, unit: str) -> str:
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{text} {unit}" if np.isfinite(value) else "–"
