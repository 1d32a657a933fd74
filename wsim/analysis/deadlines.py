"""When a message is late: one deadline for all, or one for each event."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from wsim.analysis.columns import Floats, Messages, codes

DEADLINE_MS = 200.0
"""What is later than this is late, unless its event has a deadline of its own."""
DEADLINES: Mapping[str, float] = MappingProxyType({"cameraFeed": 300.0})
"""Deadlines by event that hold unless others are given, in ms."""
Deadlines = float | Mapping[str, float]


def check_deadlines(deadline_ms: Deadlines) -> Deadlines:
    """Return the deadline, or those by event; raise `ValueError` if one is not a time."""
    given = deadline_ms if isinstance(deadline_ms, Mapping) else {"deadline_ms": deadline_ms}
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0.0:
            raise ValueError(
                f"a deadline is a number of milliseconds above 0, or a mapping of events to such "
                f"numbers: {name} is {value!r}"
            )
    return deadline_ms


def deadline_of(event: object, deadlines: Deadlines) -> float:
    """Return the deadline of one event in ms; those that are not named have `DEADLINE_MS`."""
    if isinstance(deadlines, Mapping):
        return float(deadlines.get(str(event), DEADLINE_MS))
    return float(deadlines)


def row_deadlines(messages: Messages, deadlines: Deadlines) -> float | Floats:
    """Return the deadline of each row, or one number if it is the same for all."""
    if not isinstance(deadlines, Mapping) or "event_name" not in messages.frame.columns:
        return deadline_of("", deadlines)
    event = codes(messages.frame, "event_name")
    if deadlines is not DEADLINES:
        _note_strangers(messages, deadlines, [str(label) for label in event.labels])
    table = np.array([deadline_of(label, deadlines) for label in event.labels] or [DEADLINE_MS])
    return float(table[0]) if np.all(table == table[0]) else table[event.codes]


def _note_strangers(messages: Messages, deadlines: Mapping[str, float], known: list[str]) -> None:
    strangers = [name for name in deadlines if name not in known]
    if strangers:
        listed, events = ", ".join(map(repr, strangers)), ", ".join(sorted(known)) or "none"
        messages.note(f"a deadline is given for {listed}, which is no event here: {events}")
