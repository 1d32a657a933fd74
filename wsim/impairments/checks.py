"""Checks that many specs share; each returns the value in its own type or refuses it."""

from __future__ import annotations

import math

from wsim.errors import ConditionsError
from wsim.impairments.base import Spec


def number(
    spec: Spec, field: str, low: float, high: float = math.inf, *, above: bool = False
) -> None:
    """Refuse a field that is not a finite number from `low` (or `above` it) to `high`."""
    value = getattr(spec, field)
    allowed = f"a number {'above' if above else 'from'} {low:g}"
    allowed += f" to {high:g}" if math.isfinite(high) else ("" if above else " upwards")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise spec.refuse(field, value, allowed)
    if not low <= value <= high or (above and value == low):
        raise spec.refuse(field, value, allowed)
    object.__setattr__(spec, field, float(value))


def whole(spec: Spec, field: str, low: int) -> None:
    """Refuse a field that is not a whole number from `low` upwards."""
    value = getattr(spec, field)
    if not is_whole(value) or value < low:
        raise spec.refuse(field, value, f"a whole number from {low} upwards")
    object.__setattr__(spec, field, int(value))


def is_whole(value: object) -> bool:
    """Return True for an integer, or a float that is one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and value == int(value)


def integers(spec: Spec, field: str, low: int, high: float) -> tuple[int, ...]:
    """Return the field as a tuple of whole numbers from `low` to `high`, or refuse the culprit."""
    value = getattr(spec, field)
    if not isinstance(value, list | tuple):
        raise spec.refuse(field, value, "a list of whole numbers")
    for place, item in enumerate(value):
        if not is_whole(item) or not low <= item <= high:
            top = f" to {high:g}" if math.isfinite(high) else " upwards"
            raise spec.refuse(f"{field}[{place}]", item, f"a whole number from {low}{top}")
    return tuple(int(item) for item in value)


def choice(spec: Spec, field: str, allowed: tuple[str, ...]) -> None:
    """Refuse a field that is not one of the `allowed` words."""
    value = getattr(spec, field)
    if value not in allowed:
        raise spec.refuse(field, value, f"one of {', '.join(allowed)}")


def pairs(spec: Spec, field: str, what: str) -> tuple[tuple[float, float], ...]:
    """Return the field as a tuple of pairs of finite numbers; `what` describes one pair."""
    value = getattr(spec, field)
    try:
        made = tuple((float(first), float(second)) for first, second in value)
    except (TypeError, ValueError):
        raise spec.refuse(field, value, f"a list of pairs {what}") from None
    if not all(math.isfinite(item) for pair in made for item in pair):
        raise spec.refuse(field, value, f"a list of finite pairs {what}")
    object.__setattr__(spec, field, made)
    return made


def windows(spec: Spec, field: str) -> None:
    """Refuse windows (start, end) that are empty, negative, unsorted or overlap."""
    last = 0.0
    for place, (start, end) in enumerate(pairs(spec, field, "(start, end)")):
        if start >= end:
            raise ConditionsError(
                f"{spec.family} '{spec.kind}': window {place} of {field} ends at {end:g},"
                f" not after its start {start:g}"
            )
        if start < last:
            raise ConditionsError(
                f"{spec.family} '{spec.kind}': window {place} of {field} starts at {start:g},"
                f" before {last:g}; list windows in order and join those that overlap"
            )
        last = end
