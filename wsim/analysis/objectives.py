"""Objectives: does a history keep what was promised, and is there data enough to say so?

An objective is one line: a metric, a limit, and which event it is about. It is checked with
confidence: it passes if even the unfavourable end of the interval keeps the limit, fails if
even the favourable end breaks it, and otherwise there is not enough data.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wsim.analysis.columns import check_frame, codes, read, require
from wsim.analysis.duplicates import note_repeated
from wsim.analysis.intervals import Interval, check_confidence, poisson_rate, wilson
from wsim.analysis.loss_bursts import burst_words, design_effect, effective_share
from wsim.analysis.one_end import REASON, one_end_note, one_sided
from wsim.analysis.runs import Run
from wsim.analysis.streams import Limits, arrival_gaps
from wsim.errors import FormatError, UnknownNameError, nearest, unknown
from wsim.schema import COMMAND_EVENT

KINDS = ("latency", "drop_rate", "age", "watchdog_trips")
OUTCOMES = ("pass", "fail", "not enough data")


@dataclass(frozen=True)
class Objective:
    """One promise.

    Parameters
    ----------
    kind : str
        ``latency``: at least `share` of the messages sent arrive within `limit_ms`.
        ``drop_rate``: at most `limit` of them are dropped. ``age``: the command age is
        below `limit_ms` for at least `share` of the time. ``watchdog_trips``: at most
        `limit` a minute (of `limit_ms` of silence, 500 unless given).
    event : str or None
        The event it is about; None takes all.
    """

    kind: str
    event: str | None = None
    share: float | None = None
    limit_ms: float | None = None
    limit: float | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("kind of objective", self.kind, KINDS)
        for field, (low, high) in _NEEDS[self.kind].items():
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise FormatError(f"objective '{self.title}': {field} must be a number")
            if field == "share" and 1.0 < value <= 100.0:
                raise FormatError(
                    f"objective '{self.name or self.kind}': a share is from 0 to 1;"
                    f" did you mean {value / 100:g}?"
                )
            if not low <= value <= high:
                raise FormatError(
                    f"objective '{self.title}': {field} must lie between {low:g} and {high:g}, "
                    f"not {value:g}"
                )

    @property
    def title(self) -> str:
        """The name, or the promise in words."""
        if self.name:
            return self.name
        who = self.event or "all events"
        if self.kind == "latency":
            return f"{_percent(self.share)} of {who} within {_plain(self.limit_ms)} ms"
        if self.kind == "age":
            return (
                f"age of {who} below {_plain(self.limit_ms)} ms {_percent(self.share)} of the time"
            )
        if self.kind == "drop_rate":
            return f"drop rate of {who} at most {_percent(self.limit)}"
        return f"watchdog trips of {who} at most {_plain(self.limit)} per minute"


_NEEDS: dict[str, dict[str, tuple[float, float]]] = {
    "latency": {"share": (0.0, 1.0), "limit_ms": (0.0, 1e9)},
    "age": {"share": (0.0, 1.0), "limit_ms": (0.0, 1e9)},
    "drop_rate": {"limit": (0.0, 1.0)},
    "watchdog_trips": {"limit": (0.0, 1e6)},
}


def _percent(value: float | None) -> str:
    return f"{100 * value:g} %" if isinstance(value, int | float) else "?"


def _plain(value: float | None) -> str:
    return f"{value:g}" if isinstance(value, int | float) else "?"


def objectives_from(source: Any) -> list[Objective]:
    """Return objectives from a list of mappings, a mapping with ``objectives``, or a YAML file.

    Raises
    ------
    FormatError
        If the file is not YAML of this form; the message names the entry and the key.
    """
    if isinstance(source, str | Path):
        return objectives_from(_load_yaml(Path(source)))
    if isinstance(source, Mapping):
        if "objectives" not in source:
            keys = ", ".join(map(str, source)) or "none"
            raise FormatError(f"objectives need a list under the key 'objectives'; keys: {keys}")
        source = source["objectives"]
    if not isinstance(source, Iterable):
        raise FormatError(f"objectives must be a list, not {type(source).__name__}")
    found = [_objective(entry, number) for number, entry in enumerate(source, start=1)]
    if not found:
        raise FormatError("there are no objectives; write at least one entry")
    return found


def _load_yaml(path: Path) -> Any:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FormatError(f"cannot read the objectives {path}: {error.strerror}") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise FormatError(f"{path} is not YAML: {' '.join(str(error).split())}") from error


def _objective(entry: Any, number: int) -> Objective:
    if isinstance(entry, Objective):
        return entry
    if not isinstance(entry, Mapping):
        raise FormatError(f"objective {number} must be a mapping such as {{kind: latency, ...}}")
    known = [field.name for field in fields(Objective)]
    for key in entry:
        if key not in known:
            hint = nearest(key, known) or ";"
            raise FormatError(f"objective {number}: no key '{key}'{hint} keys: {', '.join(known)}")
    if "kind" not in entry:
        raise FormatError(f"objective {number} needs 'kind': one of {', '.join(KINDS)}")
    try:
        return Objective(**entry)
    except UnknownNameError as error:
        raise FormatError(f"objective {number}: {error}") from error


def check(frame: pd.DataFrame, objectives: Any, *, confidence: float = 0.95) -> pd.DataFrame:
    """Check a history against objectives.

    Parameters
    ----------
    frame : DataFrame
        A history frame.
    objectives : path, list or mapping
        A YAML file, or what `objectives_from` takes.
    confidence : float
        With which an objective must be kept, or broken, to pass or fail.

    Returns
    -------
    DataFrame
        ``objective, kind, event, value, low, high, limit, outcome, says``, one row each;
        ``outcome`` is ``pass``, ``fail`` or ``not enough data``. ``value`` is a share or a
        rate per minute. ``attrs["wsim_notes"]`` says what is odd about the history, such as
        clocks that differ.

    Notes
    -----
    Intervals are one-sided at `confidence`. Messages lost or late in one stall are one event,
    so the intervals of shares are widened by the length of runs of failures (`design_effect`).
    Messages under way at the end, and refused ones, are left out.
    """
    check_confidence(confidence)
    rows = []
    for objective in objectives_from(objectives):
        value, limit, above, why = _measure(frame, objective, 2.0 * confidence - 1.0)
        outcome = _outcome(value, limit, above)
        rows.append(
            {
                "objective": objective.title,
                "kind": objective.kind,
                "event": objective.event or "",
                "value": value.estimate,
                "low": value.low,
                "high": value.high,
                "limit": limit,
                "outcome": outcome,
                "says": f"{objective.title}: {outcome} ({_found(objective, value)}{why})",
            }
        )
    result = pd.DataFrame(rows)
    shares = bool(result["kind"].isin(["drop_rate", "latency"]).any())
    result.attrs["wsim_notes"] = _notes(frame, shares)
    return result


def _notes(frame: pd.DataFrame, shares: bool) -> list[str]:
    """Return what should be known of the history before its outcomes are believed."""
    messages = read(frame)
    note_repeated(messages)
    bursts = burst_words([frame]) if shares else None
    if bursts:
        bursts += (
            ": intervals are widened by their mean length, and may still be too narrow; "
            "give 5 runs or more to 'wsim compare'"
        )
    return [*messages.notes, *(note for note in (one_end_note([frame]), bursts) if note)]


def _outcome(value: Interval, limit: float, above: bool) -> str:
    """Judge `value`, which should be at least (`above`) or at most the limit."""
    if not (math.isfinite(value.low) and math.isfinite(value.high)):
        return "not enough data"
    good, bad = (value.low, value.high) if above else (-value.high, -value.low)
    wanted = limit if above else -limit
    return "pass" if good >= wanted else "fail" if bad < wanted else "not enough data"


def _found(objective: Objective, value: Interval) -> str:
    if not math.isfinite(value.estimate):
        return "nothing to measure"
    if objective.kind == "watchdog_trips":
        return f"{value.estimate:.2f} [{value.low:.2f}, {value.high:.2f}] per minute"
    numbers = [f"{100 * number:.2f}" for number in value[:3]]
    return f"{numbers[0]} % [{numbers[1]}, {numbers[2]}]"


def _measure(
    frame: pd.DataFrame, objective: Objective, confidence: float
) -> tuple[Interval, float, bool, str]:
    """Return the value with its interval, the limit, whether more is better, and a remark."""
    rows = check_frame(frame)
    if objective.event is not None:
        require(frame, ["event_name"], f"objective '{objective.title}'")
        wanted = codes(frame, "event_name").where(objective.event)
        rows = frame[wanted]
        if not len(rows):
            missing = f"; no rows of '{objective.event}'"
            limit = objective.limit if objective.limit is not None else objective.share
            return Interval(math.nan, math.nan, math.nan), float(limit or 0.0), True, missing
    why = f": {REASON}" if one_sided(rows) else ""
    if objective.kind in ("latency", "drop_rate"):
        return *_message_share(rows, objective, confidence), why
    return *_stream_value(rows, objective, confidence), why


def _message_share(
    rows: pd.DataFrame, objective: Objective, confidence: float
) -> tuple[Interval, float, bool]:
    messages = read(rows)
    counted = messages.original & ~messages.fate.where("in_flight", "unknown", "refused")
    if objective.kind == "drop_rate":
        share = effective_share(messages.lost[counted], confidence)
        return share, float(objective.limit or 0.0), False
    late = ~(messages.arrived & (messages.latency <= float(objective.limit_ms or 0.0)))
    share = effective_share(late[counted], confidence)
    kept = Interval(1.0 - share.estimate, 1.0 - share.high, 1.0 - share.low)
    return kept, float(objective.share or 0.0), True


def _stream_value(
    rows: pd.DataFrame, objective: Objective, confidence: float
) -> tuple[Interval, float, bool]:
    run = Run(rows, objective.event or COMMAND_EVENT, Limits()).compute()
    if objective.kind == "age":
        share = _age_kept(run, float(objective.limit_ms or 0.0), confidence)
        return share, float(objective.share or 0.0), True
    lengths, _, _ = arrival_gaps(run.segments, run.found)
    trips = int(np.count_nonzero(lengths > (objective.limit_ms or Limits().watchdog_ms)))
    minutes = run.values["duration_s"] / 60.0
    if not len(run.found.place):
        minutes = math.nan
    return poisson_rate(trips, minutes, confidence), float(objective.limit or 0.0), False


def _age_kept(run: Run, limit_ms: float, confidence: float) -> Interval:
    """Return the share of time with an age within the limit.

    The pieces of the saw-tooth count by their length (Kish's effective sample size), and
    runs of pieces over the limit as one event.
    """
    sawtooth = run.ages
    length = sawtooth.high - sawtooth.low
    whole = float(length.sum())
    if not whole > 0.0:
        return Interval(math.nan, math.nan, math.nan)
    over = np.maximum(sawtooth.high - np.maximum(sawtooth.low, limit_ms), 0.0)
    trials = whole**2 / float(np.sum(length**2)) / design_effect(sawtooth.high > limit_ms)
    kept = 1.0 - float(over.sum()) / whole
    return wilson(kept * trials, trials, confidence)
