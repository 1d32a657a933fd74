"""Emergency stops: how long from the press to the effect, with retries and the watchdog.

Presses are rare, so there are two views: `emergency_stop` takes the presses that were
recorded, `stop_reaction` asks at every command what a press at that moment would have met.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wsim.analysis.columns import (
    Bools,
    Codes,
    Floats,
    Messages,
    codes,
    group_codes,
    read,
    require,
    stream_codes,
)
from wsim.analysis.segments import Segments, cut, split
from wsim.analysis.tables import assemble
from wsim.schema import COMMAND_EVENT

LIMITS_MS = (150.0, 300.0, 500.0)
"""Reactions worth counting: the share above each is a column ``over_<limit>ms``."""


def emergency_stop(
    frame: pd.DataFrame,
    by: str | Sequence[str] | None = "profile",
    *,
    event: str = "emergencyStop",
    command: str = COMMAND_EVENT,
    press_s: float = 2.0,
    watchdog_ms: float = 500.0,
) -> pd.DataFrame:
    """Return the reaction to the emergency stops of a recording, one row per group.

    Messages of `event` closer than `press_s` to the one before belong to one press: the
    operator, or the program, tried again. The reaction runs from the first of them to
    whichever comes first: one of them arrives, or the command stream falls silent for
    `watchdog_ms` and the rover stops by itself.

    Returns
    -------
    DataFrame
        ``presses``, ``attempts``, ``undelivered`` (presses of which nothing arrived),
        ``stopped_by_watchdog``, ``unstopped``, and of the reaction ``p50_ms, p95_ms, p99_ms,
        max_ms`` and the shares over 150, 300 and 500 ms (an unstopped press is over all).
    """
    messages = read(frame)
    require(frame, ["event_name"], "emergency stops")
    names = [by] if isinstance(by, str) else list(by or ())
    groups, streams = group_codes(messages, names), stream_codes(messages)
    is_stop = codes(frame, "event_name").where(event) & messages.original
    stops = cut(messages, groups, streams, is_stop)
    arrived = _arrivals_by_run(messages, command)
    rows: dict[int, list[dict[str, float]]] = {}
    for segment, begin, end in _presses(stops, press_s):
        run = _run_of(streams, stops.stream[segment])
        press = _react(stops, begin, end, arrived.get(run, np.empty(0)), watchdog_ms)
        rows.setdefault(int(stops.group[segment]), []).append(press)
    if not rows:
        messages.note(f"no '{event}' was sent: see stop_reaction for what it would have met")
    found = [_stop_row(rows.get(g, [])) for g in range(len(groups.labels))]
    columns = {name: np.array([row[name] for row in found]) for name in _stop_row([])}
    return assemble(columns, names, groups, messages.notes)


def _presses(stops: Segments, press_s: float) -> Iterator[tuple[int, int, int]]:
    """Yield segment, first and one past the last message of every press."""
    if not len(stops):
        return
    edge = np.ones(len(stops), dtype=bool)
    edge[1:] = np.diff(stops.created) > press_s
    edge[stops.starts] = True
    first = np.flatnonzero(edge)
    segments = stops.of(first)
    ends = np.append(first[1:], len(stops))
    yield from zip(segments.tolist(), first.tolist(), ends.tolist(), strict=True)


def _arrivals_by_run(messages: Messages, command: str) -> dict[Any, Floats]:
    """Return the arrival times of the command in every run and client, then its end."""
    frame = messages.frame
    streams = stream_codes(messages)
    chosen = messages.arrived & codes(frame, "event_name").where(command)
    times: dict[Any, Floats] = {}
    for code in np.unique(streams.codes[chosen]).tolist():
        mine = streams.codes == code
        arrived = np.sort(messages.delivered[chosen & mine])
        # the end of the recording is no silence: it counts up to the last creation only
        end = np.nanmax(messages.created[mine], initial=-np.inf)
        times[_run_of(streams, code)] = np.append(arrived, max(end, arrived[-1]))
    return times


def _run_of(streams: Codes, code: Any) -> tuple[Any, Any]:
    run, client, _, _ = streams.labels[int(code)]
    return run, client


def _react(
    stops: Segments, begin: int, end: int, commands: Floats, watchdog_ms: float
) -> dict[str, float]:
    pressed = float(stops.created[begin])
    arrived = stops.delivered[begin:end][stops.arrived[begin:end]]
    by_message = float(arrived.min()) if len(arrived) else np.inf
    by_watchdog = _watchdog_stop(commands, pressed, watchdog_ms / 1e3)
    return {
        "attempts": end - begin,
        "delivered": len(arrived) > 0,
        "by_watchdog": by_watchdog < by_message,
        "reaction": (min(by_message, by_watchdog) - pressed) * 1e3,
    }


def _watchdog_stop(commands: Floats, pressed: float, timeout: float) -> float:
    """Return when the watchdog stops the rover at or after `pressed`; infinity if never."""
    if not len(commands):
        return np.inf
    trips = commands[:-1] + timeout
    silent = commands[1:] > trips
    index = int(np.searchsorted(trips, pressed, side="left"))
    later = np.flatnonzero(silent[index:])
    return float(trips[index + later[0]]) if len(later) else np.inf


def _stop_row(presses: list[dict[str, float]]) -> dict[str, float]:
    reaction = np.sort(np.array([press["reaction"] for press in presses], dtype=np.float64))
    return {
        "presses": len(presses),
        "attempts": int(sum(press["attempts"] for press in presses)),
        "undelivered": sum(not press["delivered"] for press in presses),
        "stopped_by_watchdog": sum(bool(press["by_watchdog"]) for press in presses),
        "unstopped": int(np.count_nonzero(np.isinf(reaction))),
    } | reaction_figures(reaction)


def reaction_figures(ordered: Floats) -> dict[str, float]:
    """Return quantiles of sorted reactions (infinite: never) and the shares over limits."""
    table: dict[str, float] = {}
    for name, q in (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99), ("max_ms", 1.0)):
        place = min(int(np.ceil(q * len(ordered))), len(ordered)) - 1
        table[name] = float(ordered[place]) if len(ordered) else np.nan
    for limit in LIMITS_MS:
        over = np.count_nonzero(ordered > limit) / len(ordered) if len(ordered) else np.nan
        table[f"over_{limit:.0f}ms"] = float(over)
    return table


def stop_reaction(
    frame: pd.DataFrame,
    by: str | Sequence[str] | None = "profile",
    *,
    command: str = COMMAND_EVENT,
    retries: int = 0,
    retry_ms: float = 100.0,
) -> pd.DataFrame:
    """Return what an emergency stop pressed at each command would have met.

    Every message of `command` serves as a probe: a press when it was created, repeated
    `retries` times every `retry_ms`, each repetition sharing the fate of the first command
    created from then on. The reaction ends with the first arrival.

    Returns
    -------
    DataFrame
        ``probes``, ``never_share`` (no attempt arrived), quantiles (infinite where so many
        never arrive) and shares over 150, 300 and 500 ms.
    """
    if retries < 0 or not retry_ms > 0:
        raise ValueError("retries must be 0 or more and retry_ms greater than 0")
    messages = read(frame)
    names = [by] if isinstance(by, str) else list(by or ())
    groups, streams = group_codes(messages, names), stream_codes(messages)
    chosen = messages.original.copy()
    if "event_name" in frame.columns:
        chosen &= codes(frame, "event_name").where(command)
    segments = cut(messages, groups, streams, chosen & _decided(messages))
    reaction, owner = _probe(segments, retries, retry_ms / 1e3)
    parts = split(reaction, owner, len(groups.labels))
    found = [_probe_row(np.sort(mine)) for mine in parts]
    columns = {name: np.array([row[name] for row in found]) for name in _probe_row(np.empty(0))}
    return assemble(columns, names, groups, messages.notes)


def _probe_row(ordered: Floats) -> dict[str, float]:
    never = np.count_nonzero(np.isinf(ordered)) / len(ordered) if len(ordered) else np.nan
    return {"probes": len(ordered), "never_share": never} | reaction_figures(ordered)


def _decided(messages: Messages) -> Bools:
    return ~messages.fate.where("in_flight", "unknown")


def _probe(segments: Segments, retries: int, retry_s: float) -> tuple[Floats, Any]:
    """Return the reaction in ms to a press at each message, and its group.

    Presses whose last repetition would fall after the end of the stream are left out.
    """
    reaction = np.full(len(segments), np.inf)
    keep = np.ones(len(segments), dtype=bool)
    effect = np.where(segments.arrived, segments.delivered, np.inf)
    for begin, final in zip(segments.starts.tolist(), segments.finals.tolist(), strict=True):
        created = segments.created[begin : final + 1]
        for attempt in range(retries + 1):
            place = np.searchsorted(created, created + attempt * retry_s - 1e-9, side="left")
            inside = place < len(created)
            delay = np.full(len(created), np.inf)
            delay[inside] = (effect[begin + place[inside]] - created[inside]) * 1e3
            reaction[begin : final + 1] = np.minimum(reaction[begin : final + 1], delay)
            keep[begin : final + 1] &= inside
    owner = np.repeat(segments.group, np.diff(segments.starts, append=len(segments)))
    return reaction[keep], owner[keep]
