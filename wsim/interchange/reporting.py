"""How a translation says what it could not carry over."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wsim.conditions import NetworkConditions
from wsim.profiles import Profile, profile

Subject = str | Path | Profile | NetworkConditions | Mapping[str, Any]
"""Whatever :func:`wsim.profiles.profile` takes."""


class TranslationWarning(UserWarning):
    """Something that the other side cannot express, or expresses differently."""


def report(notes: list[str], found: list[str] | None) -> None:
    """Hand over the notes: into the caller's list, or as warnings."""
    if found is not None:
        found.extend(notes)
        return
    for note in notes:
        warnings.warn(note, TranslationWarning, stacklevel=3)


def conditions_of(subject: Subject, direction: str) -> NetworkConditions:
    """Return the conditions of one direction of a profile or conditions."""
    return profile(subject).conditions.for_direction(direction)


def not_carried(conditions: NetworkConditions, tool: str, fields: tuple[str, ...]) -> list[str]:
    """Name the fields of `conditions` that are set and that `tool` has no word for."""
    neutral = NetworkConditions(
        latency_ms=0, jitter_ms=0, packet_loss_rate=0, disconnect_rate=0, bandwidth_mbps=None
    )
    return [
        f"{tool} has no {field}: {getattr(conditions, field)!r} is left out"
        for field in fields
        if getattr(conditions, field) != getattr(neutral, field)
    ]
