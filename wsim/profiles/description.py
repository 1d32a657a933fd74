"""A profile in words, for the command line and the notebook."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wsim.conditions import NetworkConditions, condition_fields
from wsim.impairments import Spec
from wsim.profiles import PROFILES, Profile, profile

_WIDTH = 88
_SHARES = (0.5, 0.9, 0.99, 0.999)
_STRATIFIED = (np.arange(100_000) + 0.5) / 100_000


def describe(subject: str | Path | Profile | NetworkConditions | Mapping[str, Any]) -> str:
    """Return a profile as text: what it stands for, its conditions, its delays, its source.

    Parameters
    ----------
    subject
        A profile, its name or file, conditions, or a mapping of them.
    """
    chosen = profile(subject)
    lines = [chosen.name, *_wrapped(chosen.sentence), ""]
    lines += _conditions(chosen)
    for direction in _directions(chosen.conditions):
        lines.append(_delays(chosen.conditions.for_direction(direction or "inbound"), direction))
    if chosen.time_scale != 1.0:
        lines.append(f"  live use runs {chosen.time_scale:g} times as fast")
    if chosen.source:
        lines += ["", *_wrapped(f"Source: {chosen.source}.")]
    return "\n".join(lines)


def table() -> str:
    """Return the shipped profiles, one line each."""
    width = max(map(len, PROFILES))
    return "\n".join(f"{name:{width}}  {made.sentence}" for name, made in PROFILES.items())


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH)


def _conditions(chosen: Profile) -> list[str]:
    values = chosen.conditions.to_dict()
    everyday = [info for info in condition_fields() if not info.advanced]
    changed = chosen.conditions.to_dict(changed_only=True)
    advanced = [info for info in condition_fields() if info.advanced and info.name in changed]
    lines = []
    for info in (*everyday, *advanced):
        value = values[info.name]
        said = "unlimited" if value is None and info.name == "bandwidth_mbps" else _said(value)
        unit = f" {info.unit}" if info.unit and value is not None else ""
        mark = "  (assumed)" if info.name in chosen.assumed else ""
        lines.append(f"  {info.name:20} {said}{unit}{mark}")
    return lines


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = {name: item for name, item in value.items() if name != "kind"}
        said = ", ".join(f"{name} {_said(item)}" for name, item in inner.items())
        return f"{value['kind']} ({said})" if "kind" in value and said else value.get("kind", said)
    if isinstance(value, float):
        return f"{value:.9g}"
    if isinstance(value, Spec):
        return _said(value.to_dict())
    return str(value)


def _directions(conditions: NetworkConditions) -> tuple[str, ...]:
    return ("inbound", "outbound") if conditions.outbound else ("",)


def _delays(conditions: NetworkConditions, direction: str) -> str:
    """Return the quantiles of the one-way delay, before any queue."""
    where = f" {direction}" if direction else ""
    if conditions.jitter.is_fixed(conditions.jitter_ms):
        return f"  one-way delay{where}: {conditions.latency_ms:.9g} ms for every message"
    sample = conditions.jitter.sampler(conditions.latency_ms, conditions.jitter_ms)
    values = np.quantile(sample(_STRATIFIED), _SHARES)
    said = ", ".join(f"p{100 * q:g} {v:.4g}" for q, v in zip(_SHARES, values, strict=True))
    return f"  one-way delay{where}: {said} ms"
