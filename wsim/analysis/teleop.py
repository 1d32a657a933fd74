"""`teleop`: would the rover have been safe? One row per group of a history.

Age of commands, watchdog, stale bursts, emergency stop, blind distance, safe speed, round
trips and the rate the control loop held. The lists behind the counts are in `silences`,
the formulas in `driving`, emergency stops in `stops`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from wsim.analysis import age
from wsim.analysis.age import check_pauses
from wsim.analysis.columns import (
    Codes,
    Floats,
    Messages,
    codes,
    floats,
    group_codes,
    read,
    stream_codes,
)
from wsim.analysis.commands import representative
from wsim.analysis.driving import (
    DECELERATION,
    REACTION_S,
    SIGHT_M,
    blind_distance,
    safe_speed,
    stopping_distance,
)
from wsim.analysis.intervals import check_confidence, order_statistic
from wsim.analysis.loop import CAMERA_EVENT, loop_columns
from wsim.analysis.parts import finished
from wsim.analysis.segments import Arrivals, Segments, arrivals, cut, ratio, total
from wsim.analysis.stops import emergency_stop, stop_reaction
from wsim.analysis.streams import Limits, ages, arrival_gaps, gaps, stale
from wsim.analysis.tables import assemble
from wsim.schema import COMMAND_EVENT


def teleop(
    frame: pd.DataFrame,
    by: str | Sequence[str] | None = "profile",
    *,
    command: str = COMMAND_EVENT,
    video: str = CAMERA_EVENT,
    stop: str = "emergencyStop",
    watchdog_ms: float = 500.0,
    stale_ms: float = 500.0,
    retries: int = 0,
    retry_ms: float = 100.0,
    speed_mps: float = 1.0,
    sight_m: float = SIGHT_M,
    deceleration: float = DECELERATION,
    reaction_s: float = REACTION_S,
    loop_hz: float | None = None,
    actuation_ms: float = 0.0,
    crossover_rad_s: float | None = None,
    phase_margin_deg: float | None = None,
    pauses: str = "count",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return what a history meant for the rover, one row per group.

    Parameters
    ----------
    command, video, stop : str
        Events of the driving commands, of the pictures and of the emergency stop.
    watchdog_ms, stale_ms : float
        The rover's command timeout, and the age from which a command is stale.
    retries, retry_ms : int, float
        How an emergency stop is repeated (see `wsim.analysis.stops.stop_reaction`).
    speed_mps, sight_m, deceleration, reaction_s : float
        Speed of the rover, how far the operator sees, braking, and the operator's reaction.
    loop_hz : float, optional
        The rate the control loop needs; by default the rate commands are created at.
    actuation_ms : float
        The rover's own time from a command's arrival to an effect that can be seen.
    crossover_rad_s, phase_margin_deg : float, optional
        Of a controller whose loop is closed over the network: its crossover frequency
        and its phase margin; only both together tell.
    pauses : str
        Whether ages count while the sender itself pauses: ``count`` or ``skip``, as in
        `summarize`. Watchdog trips and silences count pauses either way.

    Returns
    -------
    DataFrame
        ``age_*`` (mean, p99, greatest, share of time over the watchdog), ``watchdog_trips``
        by arrival and ``watchdog_trips_stamp`` by age, ``stopped_share`` of the time,
        ``gap_max_ms``, ``stale_share``, ``catch_up_*``, ``stop_*`` (emergency stop pressed at
        any command; ``stop_presses`` and ``stop_pressed_max_ms`` of those recorded),
        ``blind_distance_m`` at the p99 age, ``stopping_distance_m`` and ``safe_speed_mps``
        with the p99 ages of command and picture, ``round_trip_*``, ``loop_*`` (the rate
        held), ``loop_delay_*`` from a command to the first picture that can show its effect
        (see `wsim.analysis.loop.loop_delays`). With a crossover frequency and a phase margin
        ``delay_margin_ms``, the ``phase_lost_deg`` at the p99 of that delay, and the share
        of commands that keep the margin, ``delay_margin_kept_share``.
    """
    check_confidence(confidence)
    messages = read(frame)
    names = [by] if isinstance(by, str) else list(by or ())
    groups, streams = group_codes(messages, names), stream_codes(messages)
    limits = Limits(watchdog_ms=watchdog_ms, stale_ms=stale_ms, pauses=check_pauses(pauses))
    chosen = messages.original & representative(messages, groups, names, command)
    segments = cut(messages, groups, streams, chosen)
    found = arrivals(segments)
    columns: dict[str, Any] = {}
    sawtooth = age.pieces(segments, found, pauses=limits.pauses)
    columns |= finished(ages(segments, sawtooth, limits) | gaps(segments, found, limits))
    columns["stopped_share"] = stopped_share(segments, found, watchdog_ms)
    columns |= finished(stale(segments, found, limits))
    columns |= _stops(frame, by, command, stop, watchdog_ms, retries, retry_ms)
    picture = _video_age(messages, groups, streams, video, limits)
    delay = columns["age_p99_ms"] + np.nan_to_num(picture)
    columns["video_age_p99_ms"] = picture
    columns["blind_distance_m"] = blind_distance(delay, speed_mps)
    brakes = {"deceleration": deceleration, "reaction_s": reaction_s}
    columns["stopping_distance_m"] = stopping_distance(delay, speed_mps, **brakes)
    columns["safe_speed_mps"] = safe_speed(delay, sight_m, **brakes)
    columns |= round_trips(messages, groups, confidence)
    columns |= loop_rate(segments, found, loop_hz)
    control = (actuation_ms, crossover_rad_s, phase_margin_deg)
    columns |= loop_columns(messages, groups, command, video, *control)
    return assemble(columns, names, groups, messages.notes)


def stopped_share(segments: Segments, found: Arrivals, watchdog_ms: float) -> Floats:
    """Return the share of time a rover with a watchdog on arrivals stands still.

    Of each silence, what exceeds the timeout; counted from the first delivery.
    """
    lengths, segment, _ = arrival_gaps(segments, found)
    group = segments.group[segment]
    halted = np.maximum(lengths - watchdog_ms, 0.0)
    return ratio(total(halted, group, segments.groups), total(lengths, group, segments.groups))


def _stops(
    frame: pd.DataFrame,
    by: str | Sequence[str] | None,
    command: str,
    stop: str,
    watchdog_ms: float,
    retries: int,
    retry_ms: float,
) -> dict[str, Any]:
    probes = stop_reaction(frame, by, command=command, retries=retries, retry_ms=retry_ms)
    wanted = [name for name in probes.columns if name.endswith("_ms") or name.startswith("over_")]
    table = {f"stop_{name}": probes[name].to_numpy() for name in ["never_share", *wanted]}
    table["stop_presses"] = np.zeros(len(probes), dtype=np.int64)
    table["stop_pressed_max_ms"] = np.full(len(probes), np.nan)
    if "event_name" in frame.columns:
        pressed = emergency_stop(frame, by, event=stop, command=command, watchdog_ms=watchdog_ms)
        table["stop_presses"] = pressed["presses"].to_numpy()
        table["stop_pressed_max_ms"] = pressed["max_ms"].to_numpy()
    return table


def _video_age(
    messages: Messages, groups: Codes, streams: Codes, video: str, limits: Limits
) -> Floats:
    """Return the p99 age of the pictures the operator sees; NaN where there are none."""
    size = len(groups.labels)
    if "event_name" not in messages.frame.columns:
        return np.full(size, np.nan)
    chosen = messages.original & codes(messages.frame, "event_name").where(video)
    if not chosen.any():
        messages.note(f"no '{video}': distances count the age of commands only, not of pictures")
        return np.full(size, np.nan)
    segments = cut(messages, groups, streams, chosen)
    sawtooth = age.pieces(segments, arrivals(segments), pauses=limits.pauses)
    return np.asarray(finished(ages(segments, sawtooth, limits))["age_p99_ms"])


def round_trips(messages: Messages, groups: Codes, confidence: float) -> dict[str, Floats]:
    """Return the round trips that acknowledgements measured: count, quantiles, intervals."""
    size = len(groups.labels)
    ends = ("", "_low", "_high")
    names = [f"round_trip_{q}_ms{end}" for q in ("p50", "p95", "p99") for end in ends]
    table = {name: np.full(size, np.nan) for name in ("round_trips", *names, "round_trip_max_ms")}
    table["round_trips"] = np.zeros(size)
    if "round_trip_ms" not in messages.frame.columns:
        messages.note("no column 'round_trip_ms': round trips are unknown")
        return table
    values = floats(messages.frame, "round_trip_ms")
    known = np.flatnonzero(np.isfinite(values))
    owner = groups.codes[known]
    for g in np.unique(owner).tolist():
        ordered = np.sort(values[known[owner == g]])
        table["round_trips"][g], table["round_trip_max_ms"][g] = len(ordered), ordered[-1]
        for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            value = order_statistic(ordered, q, confidence)
            for end, number in zip(ends, value[:3], strict=True):
                table[f"round_trip_{name}_ms{end}"][g] = number
    return table


def loop_rate(
    segments: Segments, found: Arrivals, loop_hz: float | None, *, window_s: float = 1.0
) -> dict[str, Floats]:
    """Return how well the control loop was fed: windows of `window_s` with enough commands.

    ``loop_hz`` is the rate asked for (by default one over the median step of creation),
    ``loop_held_share`` the share of windows with at least 90 % of it delivered,
    ``loop_worst_hz`` the poorest window. Windows run from the first to the last creation.
    """
    groups = segments.groups
    nominal, good, windows = np.full(groups, np.nan), np.zeros(groups), np.zeros(groups)
    worst = np.full(groups, np.inf)
    starts = np.searchsorted(found.segment, np.arange(len(segments.starts) + 1))
    for i, (begin, final) in enumerate(
        zip(segments.starts.tolist(), segments.finals.tolist(), strict=True)
    ):
        created = segments.created[begin : final + 1]
        wanted = loop_hz or _usual_rate(created)
        number = int((created[-1] - created[0]) / window_s)
        if not wanted or number < 1:
            continue
        # the first window also waits for the first delivery, so it is left out if there are more
        first = 1 if number > 1 else 0
        inside = (found.delivered[starts[i] : starts[i + 1]] - created[0]) / window_s
        inside = inside[(inside >= first) & (inside < number)].astype(np.intp)
        _, held = np.unique(inside, return_counts=True)
        g = int(segments.group[i])
        nominal[g] = wanted
        good[g] += np.count_nonzero(held >= 0.9 * wanted * window_s)
        windows[g] += number - first
        poorest = held.min() / window_s if len(held) == number - first else 0.0
        worst[g] = min(worst[g], poorest)
    return {
        "loop_hz": nominal,
        "loop_held_share": ratio(good, windows),
        "loop_worst_hz": np.where(np.isinf(worst), np.nan, worst),
    }


def _usual_rate(created: Floats) -> float:
    step = float(np.median(np.diff(created))) if len(created) > 1 else 0.0
    return 1.0 / step if step > 0.0 else 0.0
