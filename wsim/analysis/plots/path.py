"""Where the rover would have gone: drive commands integrated as they arrived.

Between two commands speed and turning rate are constant, so the rover moves on a circle; the
arc is exact. A command holds until the next one or until the watchdog stops the rover. After
a delivered emergency stop it stands until a command says zero, as `wsim.rover.Rover` does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes

from wsim.analysis.columns import Bools, Messages, codes, read, require, stream_codes
from wsim.analysis.plots.decimate import cloud
from wsim.analysis.plots.groups import By, drawn, groups
from wsim.analysis.plots.style import (
    QUIET,
    FloatArray,
    caption,
    new_axes,
    plain,
    say,
    series_style,
)
from wsim.schema import COMMAND_EVENT

STOPS = ("emergencyStop", "E_STOP")


class Path(NamedTuple):
    """Positions (m) of a rover that starts at the origin heading along x, and its stops."""

    name: str
    x: FloatArray
    y: FloatArray
    stops: int


def plot_path(
    frame: pd.DataFrame,
    *,
    by: By = "profile",
    ax: Axes | None = None,
    event: str = COMMAND_EVENT,
    watchdog_s: float = 0.5,
    intended: bool = True,
) -> Axes:
    """Plot the path that a rover takes on the commands it received, one line a group.

    Parameters
    ----------
    frame
        A history with payloads: ``{linear, angular}`` (m/s, rad/s) or
        ``{xVel, yVel, rotVel}`` (m/s, m/s, deg/s).
    by
        A column or several; of each of their values the first run and client is drawn.
    ax
        Axes to draw into; by default those of a new figure.
    event
        The name of the commands.
    watchdog_s
        Time without a command after which the rover stops by itself.
    intended
        Draw the path as commanded too: every command at once, none lost.

    Returns
    -------
    Axes
        In metres with equal scales; the square marks where each rover ended.
    """
    messages = read(frame)
    found, meant, remarks = paths(messages, by, event, watchdog_s)
    ax = new_axes(ax, (6.4, 5.0))
    if not found:
        say(ax, f"No {event} with a speed arrived: the rover stays where it is.")
    if intended and meant is not None:
        kept = cloud(meant.x, meant.y)
        ax.plot(meant.x[kept], meant.y[kept], color=QUIET, linewidth=5, alpha=0.3,
                label="as commanded", gid="intended", solid_capstyle="round")  # fmt: skip
    for index, path in enumerate(found):
        style, kept = series_style(index), cloud(path.x, path.y)
        words = f"{plain(path.name)} ({path.stops} watchdog stops)"
        ax.plot(path.x[kept], path.y[kept], color=style.colour, linestyle=style.line,
                linewidth=1.6, label=words, gid=f"path:{index}")  # fmt: skip
        ax.plot(path.x[-1:], path.y[-1:], color=style.colour, marker=style.marker, gid="end")
    ax.set_aspect("equal", adjustable="datalim")
    return caption(
        ax, title="Path of the rover", x="x (m)", y="y (m)", words=_words(found, meant),
        remarks=remarks,
    )  # fmt: skip


def paths(
    messages: Messages, by: By, event: str = COMMAND_EVENT, watchdog_s: float = 0.5
) -> tuple[list[Path], Path | None, list[str]]:
    """Return the path of each group, the one intended, and remarks."""
    frame = messages.frame
    require(frame, ["event_name", "data"], "plot_path")
    commands = messages.original & codes(frame, "event_name").where(event, *STOPS)
    streams = stream_codes(messages)
    rover = _rovers(streams.labels)[np.asarray(streams.codes)]
    found, remark = drawn(groups(messages, by))
    made, meant, more = [], None, False
    for group in found:
        rows = group.rows[commands[group.rows]]
        own = pd.unique(rover[rows])
        more |= len(own) > 1
        rows = rows[rover[rows] == own[0]] if len(own) else rows
        speeds = velocities(frame, rows)
        known = ~np.isnan(speeds).any(axis=1)
        came = known & messages.arrived[rows]
        halts = codes(frame, "event_name").where(*STOPS)[rows]
        if meant is None and known.any():
            meant = drive("as commanded", messages.created[rows[known]], speeds[known], np.inf,
                          halts[known])  # fmt: skip
        if came.any():
            times = messages.delivered[rows[came]]
            made.append(drive(group.name, times, speeds[came], watchdog_s, halts[came]))
    return made, meant, [remark, "of each group the first run is drawn" if more else ""]


def _rovers(labels: list[Any]) -> npt.NDArray[np.intp]:
    """Return the number of the (run, client) of each stream."""
    known: dict[Any, int] = {}
    return np.asarray([known.setdefault(x[:2], len(known)) for x in labels], dtype=np.intp)


def velocities(frame: pd.DataFrame, rows: npt.NDArray[np.intp]) -> FloatArray:
    """Return forward speed, sideways speed (m/s) and turning rate (rad/s) of commands.

    Shape (n, 3); NaN where a payload says no speed.
    """
    table = np.zeros((len(rows), 3))
    moves = np.flatnonzero(~codes(frame, "event_name").where(*STOPS)[rows])
    payloads = frame["data"].to_numpy()[rows[moves]].tolist()
    table[moves] = _usual(payloads)
    odd = moves[np.isnan(table[moves, 0])]
    table[odd] = [_velocity(payload) for payload in frame["data"].to_numpy()[rows[odd]]] or 0.0
    return table


def _usual(payloads: list[Any]) -> FloatArray:
    """Return speeds of payloads that are all ``{linear, angular}``, else NaN, a row at a time."""
    columns = [_column(payloads, key) for key in ("linear", "angular")]
    if not all({*map(type, column)} <= {float, int} for column in columns):
        return np.full((len(payloads), 3), np.nan)
    linear, angular = (np.asarray(column, dtype=float) for column in columns)
    wild = ~(np.isfinite(linear) & np.isfinite(angular))
    table = np.column_stack([linear, np.zeros(len(payloads)), angular])
    table[wild] = np.nan
    return table


def _column(payloads: list[Any], key: str) -> list[Any]:
    try:
        return [payload[key] for payload in payloads]  # nearly always, and fast
    except (KeyError, TypeError, IndexError):
        return [p.get(key, 0.0) if type(p) is dict and "linear" in p else np.nan for p in payloads]


def _velocity(payload: object) -> tuple[float, float, float]:
    fields = _fields(payload)
    if "linear" in fields or "angular" in fields:
        return _number(fields.get("linear", 0.0)), 0.0, _number(fields.get("angular", 0.0))
    if fields.keys() & {"xVel", "yVel", "rotVel"}:
        x, y, turn = (_number(fields.get(key, 0.0)) for key in ("xVel", "yVel", "rotVel"))
        return x, y, float(np.radians(turn))
    return np.nan, np.nan, np.nan


def _fields(payload: object) -> Mapping[str, Any]:
    if isinstance(payload, list | tuple) and payload:
        payload = payload[0]
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except ValueError:
            return {}
    return payload if isinstance(payload, Mapping) else {}


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return np.nan
    return float(value) if np.isfinite(value) else np.nan


def drive(
    name: str,
    times_s: FloatArray,
    speeds: FloatArray,
    watchdog_s: float,
    halts: Bools | None = None,
) -> Path:
    """Return the path on commands that take effect at `times_s`.

    Parameters
    ----------
    name
        Of the path.
    times_s
        When each command arrives, shape (n,).
    speeds
        Forward and sideways speed (m/s) and turning rate (rad/s), shape (n, 3).
    watchdog_s
        For how long a command holds at most; the last one holds that long, or not at all
        if that is infinite.
    halts
        Which of the commands are emergency stops, shape (n,); None: none of them.
    """
    order = np.argsort(times_s, kind="stable")
    times, speeds = times_s[order], speeds[order]
    if halts is not None:
        _hold(speeds, halts[order])
    gaps = np.append(np.diff(times), watchdog_s if np.isfinite(watchdog_s) else 0.0)
    moving = (speeds != 0).any(axis=1)
    stops = int(np.count_nonzero((gaps[:-1] > watchdog_s) & moving[:-1]))
    span = np.minimum(gaps, watchdog_s)
    turn = speeds[:, 2] * span
    heading = np.concatenate([[0.0], np.cumsum(turn)])[:-1] + turn / 2
    # A chord of the arc: its length is the arc's times sin(turn/2) / (turn/2).
    chord = span * np.sinc(turn / (2 * np.pi))
    x = chord * (speeds[:, 0] * np.cos(heading) - speeds[:, 1] * np.sin(heading))
    y = chord * (speeds[:, 0] * np.sin(heading) + speeds[:, 1] * np.cos(heading))
    return Path(name, np.append(0.0, np.cumsum(x)), np.append(0.0, np.cumsum(y)), stops)


def _hold(speeds: FloatArray, halts: Bools) -> None:
    """Set speeds to zero from each emergency stop until the next command that is zero."""
    released = np.flatnonzero(~halts & (speeds == 0).all(axis=1))
    for halt in np.flatnonzero(halts):
        after = int(np.searchsorted(released, halt))
        speeds[halt : released[after] if after < len(released) else None] = 0.0


def _words(found: list[Path], meant: Path | None) -> str:
    parts = []
    for path in found:
        words = f"{path.name}: ends at ({path.x[-1]:.1f}, {path.y[-1]:.1f}) m"
        if meant is not None:
            off = float(np.hypot(path.x[-1] - meant.x[-1], path.y[-1] - meant.y[-1]))
            words += f", {off:.1f} m from where it was meant to"
        parts.append(f"{words}, {path.stops} watchdog stops")
    return "Path of the rover. " + ("; ".join(parts) or "It does not move") + "."
