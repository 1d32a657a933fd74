"""Damage to a payload: decided by a uniform in the channel, done by the edge that carries it.

``directive`` turns the uniform of a damaged message into a kind and a place; ``apply`` does
the damage to a copy. What a payload cannot suffer (no field to lose, no number to turn) becomes
a flipped bit.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

KINDS = ("missing", "nan", "sign", "truncate", "bitflip")
"""A field missing, a number that is NaN, a number of the other sign, text cut short, one bit
flipped."""


class Damage(NamedTuple):
    """What happens to a payload: the kind, and a fraction in [0, 1) that picks the place."""

    kind: str
    fraction: float


def directive(u: float, kinds: Sequence[str] = KINDS) -> Damage:
    """Derive the damage from a uniform in [0, 1): its integer part of the kinds, and the rest.

    Examples
    --------
    >>> directive(0.5, ("nan", "sign"))
    Damage(kind='sign', fraction=0.0)
    """
    place = min(int(u * len(kinds)), len(kinds) - 1)
    return Damage(kinds[place], min(max(u * len(kinds) - place, 0.0), 1.0 - 2.0**-53))


def apply(payload: Any, damage: Damage) -> Any:
    """Return the payload as it arrives; the one given is untouched.

    Parameters
    ----------
    payload
        Anything JSON holds, or bytes.
    damage
        From :func:`directive`.

    Returns
    -------
    The same structure for a missing field, NaN or sign; for cut text and flipped bits the text
    that arrives (``str``; ``bytes`` if it is no longer UTF-8, or was bytes).
    """
    kind, fraction = damage
    if isinstance(payload, bytes | bytearray):
        raw = bytes(payload)
        return _truncated(raw, fraction) if kind == "truncate" else _flipped(raw, fraction)
    if kind in ("missing", "nan", "sign"):
        places = list(_fields(payload) if kind == "missing" else _numbers(payload))
        if places:
            return _struck(payload, places[int(fraction * len(places))], kind)
    text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False, default=str).encode()
    raw = _truncated(text, fraction) if kind == "truncate" else _flipped(text, fraction)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _fields(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every field of every mapping, outer ones first."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield (*path, name)
            yield from _fields(item, (*path, name))
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _fields(item, (*path, place))


def _numbers(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _numbers(item, (*path, name))
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _numbers(item, (*path, place))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path


def _struck(payload: Any, path: tuple[Any, ...], kind: str) -> Any:
    """Return a copy with the field at `path` missing, NaN or negated."""
    if not path:
        return float("nan") if kind == "nan" else -payload
    head, *rest = path
    if isinstance(payload, tuple):
        items = list(payload)
        items[head] = _struck(items[head], tuple(rest), kind)
        return tuple(items)
    changed = copy.copy(payload)
    if rest or kind != "missing":
        changed[head] = _struck(changed[head], tuple(rest), kind)
    else:
        del changed[head]
    return changed


def _truncated(raw: bytes, fraction: float) -> bytes:
    """Keep the first bytes, at least none and not all, and no half of a character."""
    kept = raw[: int(fraction * len(raw))]
    try:
        return kept.decode().encode()
    except UnicodeDecodeError as error:
        return kept[: error.start] if error.reason == "unexpected end of data" else kept


def _flipped(raw: bytes, fraction: float) -> bytes:
    if not raw:
        return raw
    place = int(fraction * len(raw) * 8)
    changed = bytearray(raw)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)
