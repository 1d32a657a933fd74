"""The whole loop: from a command to the first picture that can show what it did.

A command takes its latency, the rover its time to act, then comes the next picture of the
camera and takes its own. Command and picture are paired in time, run by run, so that what
slows both at once is counted at once; adding two distributions as if they were independent
would miss that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from wsim.analysis.columns import (
    Bools,
    Codes,
    Floats,
    Ints,
    Messages,
    codes,
    combine,
    constant,
    read,
    require,
)
from wsim.analysis.driving import delay_margin, phase_lost
from wsim.analysis.segments import split
from wsim.schema import COMMAND_EVENT

CAMERA_EVENT = "cameraFeed"
_KEPT = ("created_s", "client_id", "profile", "run", "direction", "event_name")


def loop_delays(
    frame: pd.DataFrame,
    *,
    command: str = COMMAND_EVENT,
    video: str = CAMERA_EVENT,
    actuation_ms: float = 0.0,
) -> pd.DataFrame:
    """Return how long it took until the operator could see the effect of each command.

    Parameters
    ----------
    frame : DataFrame
        A history with commands and pictures.
    command, video : str
        Events of the commands and of the pictures.
    actuation_ms : float
        The rover's own time from the arrival of a command to an effect that can be seen.

    Returns
    -------
    DataFrame
        A history of one row per command, to be summarised and drawn like any other:
        ``latency_ms`` is the delay of the loop, from the creation of the command to the
        arrival of the first picture taken after its effect. Lost commands are ``dropped``;
        those without a later picture in the recording are ``in_flight``.

    Examples
    --------
    >>> import wsim
    >>> from wsim.analysis.loop import loop_delays
    >>> traffic = wsim.Traffic.periodic("driveCommands", 20, size_bytes=60)
    >>> pictures = wsim.Traffic.periodic("cameraFeed", 5, size_bytes=9_000, direction="outbound")
    >>> drive = wsim.simulate(traffic + pictures, "lte", duration_s=60, seed=1)
    >>> ax = wsim.plot_latency(loop_delays(drive))
    """
    messages = read(frame)
    require(frame, ["event_name"], "the delay of the loop")
    rows, delay = loop_times(messages, command, video, actuation_ms)
    table = frame.iloc[rows][[name for name in _KEPT if name in frame.columns]].copy()
    arrived = np.isfinite(delay)
    table["delivered_s"] = table["created_s"] + np.where(arrived, delay, np.nan) / 1e3
    table["latency_ms"] = np.where(arrived, delay, np.nan)
    fate = np.where(arrived, "delivered", np.where(np.isinf(delay), "dropped", "in_flight"))
    table["fate"] = pd.Categorical(fate)
    table["event_name"] = pd.Categorical([f"{command} to {video}"] * len(table))
    table.attrs = dict(frame.attrs)
    return table.reset_index(drop=True)


def loop_times(
    messages: Messages, command: str, video: str, actuation_ms: float
) -> tuple[Ints, Floats]:
    """Return the rows of the commands and the delay of the loop in ms.

    Infinite where the command was lost, NaN where no later picture tells.
    """
    if not 0.0 <= actuation_ms < np.inf:
        raise ValueError(f"actuation_ms must be 0 or more, not {actuation_ms!r}")
    event = codes(messages.frame, "event_name")
    timed = messages.original & np.isfinite(messages.created)
    decided = ~messages.fate.where("in_flight", "unknown")
    rows, delays = [np.empty(0, dtype=np.intp)], [np.empty(0)]
    pairs = _by_rover(messages, timed & decided & event.where(command), timed & event.where(video))
    for commands, pictures in pairs:
        arrival = np.where(messages.arrived, messages.delivered, np.inf)
        seen = _first_seen(
            arrival[commands] + actuation_ms / 1e3, messages.created[pictures], arrival[pictures]
        )
        rows.append(commands)
        delays.append((seen - messages.created[commands]) * 1e3)
    return np.concatenate(rows), np.concatenate(delays)


def _by_rover(messages: Messages, commands: Bools, pictures: Bools) -> Iterator[tuple[Ints, Ints]]:
    """Yield the rows of the commands and of the pictures of every run and client."""
    frame = messages.frame
    names = [name for name in ("run", "client_id") if name in frame.columns]
    rover = combine([codes(frame, n) for n in names] or [constant(len(frame), "")], len(frame))
    for code in np.unique(rover.codes[commands]).tolist():
        mine = rover.codes == code
        yield np.flatnonzero(mine & commands), np.flatnonzero(mine & pictures)


def _first_seen(effect: Floats, taken: Floats, shown: Floats) -> Floats:
    """Return when the first picture taken at or after each effect was shown."""
    order = np.argsort(taken, kind="stable")
    soonest = np.minimum.accumulate(shown[order][::-1])[::-1]
    soonest = np.append(np.where(np.isinf(soonest), np.nan, soonest), np.nan)
    seen = soonest[np.searchsorted(taken[order], effect - 1e-9, side="left")]
    return np.where(np.isinf(effect), np.inf, seen)


def loop_columns(
    messages: Messages,
    groups: Codes,
    command: str,
    video: str,
    actuation_ms: float,
    crossover_rad_s: float | None,
    phase_margin_deg: float | None,
) -> dict[str, Any]:
    """Return the delay of the loop of each group and, if asked for, what a controller loses."""
    size = len(groups.labels)
    parts = [np.empty(0)] * size
    if "event_name" in messages.frame.columns:
        rows, delay = loop_times(messages, command, video, actuation_ms)
        told = ~np.isnan(delay)
        parts = split(delay[told], groups.codes[rows[told]], size)
    made = [_figures(np.sort(mine)) for mine in parts]
    table = {name: np.array([row[name] for row in made]) for name in _figures(np.empty(0))}
    if crossover_rad_s is not None and phase_margin_deg is not None:
        margin = delay_margin(crossover_rad_s, phase_margin_deg)
        kept = [np.mean(mine <= margin) if len(mine) else np.nan for mine in parts]
        table["delay_margin_ms"] = np.full(size, margin)
        table["phase_lost_deg"] = phase_lost(table["loop_delay_p99_ms"], crossover_rad_s)
        table["delay_margin_kept_share"] = np.array(kept, dtype=np.float64)
    return table


def _figures(ordered: Floats) -> dict[str, float]:
    """Return quantiles of sorted delays; infinite where so many commands were lost."""
    table: dict[str, float] = {}
    for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0)):
        place = min(int(np.ceil(q * len(ordered))), len(ordered)) - 1
        table[f"loop_delay_{name}_ms"] = float(ordered[place]) if len(ordered) else np.nan
    return table
