"""A profile in words, for the command line and the notebook."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wsim.conditions import SPEC_FIELDS, NetworkConditions, condition_fields
from wsim.impairments import Spec, kinds
from wsim.impairments.constant_rate import ConstantRate
from wsim.impairments.scheduled_rate import ScheduledRate
from wsim.profiles import PROFILES, Profile, profile
from wsim.randomness import FloatArray, Stream

_WIDTH = 88
_SHARES = (0.5, 0.9, 0.99, 0.999)
_COLUMNS = 60
_RAMP = " .:-=+*#"
_MOST_PACKETS = 200_000
_BEFORE = ", before queues, slots and outages"
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
        conditions = chosen.conditions.for_direction(direction or "inbound")
        lines += [*_delays(conditions, direction), *_losses(conditions, direction)]
        lines += _rate(conditions, direction)
    if chosen.time_scale != 1.0:
        lines.append(f"  live use runs {chosen.time_scale:g} times as fast")
    if chosen.source:
        lines += ["", *_wrapped(f"Source: {chosen.source}.")]
    return "\n".join(lines)


def table() -> str:
    """Return the shipped profiles, one line each."""
    width = max(map(len, PROFILES))
    return "\n".join(f"{name:{width}}  {made.sentence}" for name, made in PROFILES.items())


def models() -> str:
    """Return every kind of impairment, by the condition that takes it, with fields and units."""
    lines = []
    for field, family in SPEC_FIELDS.items():
        lines.append(f"{field}:")
        for kind, spec in kinds(family).items():
            said = str(spec.__doc__).partition("\n")[0].replace("`", "")
            fields = [_field(spec, one) for one in dataclasses.fields(spec)]
            lines.append(f"  {kind:20} {said}")
            lines += [f"  {'':20} {', '.join(fields)}"] if fields else []
        lines.append("")
    return "\n".join(lines).rstrip()


def _field(spec: type[Spec], field: dataclasses.Field[Any]) -> str:
    unit = spec.units.get(field.name, "")
    return f"{field.name} ({unit})" if unit else field.name


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


def _delays(conditions: NetworkConditions, direction: str) -> list[str]:
    """Return the quantiles of the one-way delay, before any queue, and its density as a sketch."""
    where = f" {direction}" if direction else ""
    if conditions.jitter.is_fixed(conditions.jitter_ms):
        return [f"  drawn delay{where}: {conditions.latency_ms:.9g} ms for every message{_BEFORE}"]
    sample = conditions.jitter.sampler(conditions.latency_ms, conditions.jitter_ms)
    delays = sample(_STRATIFIED)
    values = np.quantile(delays, _SHARES)
    said = ", ".join(f"p{100 * q:g} {v:.4g}" for q, v in zip(_SHARES, values, strict=True))
    low, high = np.quantile(delays, (0.001, 0.995))
    counts = np.histogram(delays, _COLUMNS, (low, high))[0]
    sketch = f"    {low:.4g} ms [{sketched(counts)}] {high:.4g} ms"
    return [f"  drawn delay{where}: {said} ms{_BEFORE}", sketch]


def _losses(conditions: NetworkConditions, direction: str) -> list[str]:
    """Return how losses cluster, counted over many messages at 50 a second."""
    if conditions.loss.is_off(conditions.packet_loss_rate):
        return []
    count = len(_STRATIFIED)
    uniforms = [Stream(1, 0, "inbound", p).many(0, count) for p in conditions.loss.purposes]
    numbers = np.arange(count)
    state = conditions.loss.start(conditions.packet_loss_rate)
    lost = state.lost(numbers, numbers * 20_000_000, *uniforms)
    edges = np.flatnonzero(np.diff(lost.astype(np.int8), prepend=0, append=0))
    runs = edges[1::2] - edges[::2]
    if not len(runs):
        return []
    where = f" {direction}" if direction else ""
    share = f"{100 * lost.mean():.2g} % of {count:,} messages at 50 a second"
    return [
        f"  losses{where}: {share}, {runs.mean():.2g} in a row on average, {runs.max()} at most"
    ]


def _rate(conditions: NetworkConditions, direction: str) -> list[str]:
    """Return the course of a rate that varies, over its first minute."""
    if isinstance(conditions.rate, ConstantRate):
        return []
    where = f" {direction}" if direction else ""
    mbps = rate_over_time(conditions, 60.0, _COLUMNS)
    mean = f"{mbps.mean():.3g} Mbit/s on average, {mbps.min():.3g} to {mbps.max():.3g}"
    return [f"  rate{where}: {mean}", f"    0 s [{sketched(mbps)}] 60 s"]


def rate_over_time(conditions: NetworkConditions, duration_s: float, bins: int) -> FloatArray:
    """Return the rate in Mbit/s at which a full queue leaves, in `bins` equal parts of the run.

    Shape (bins,); infinite where there is no limit.
    """
    if isinstance(conditions.rate, ConstantRate):
        return np.full(bins, conditions.bandwidth_mbps or np.inf)
    state = conditions.rate.start(conditions.bandwidth_mbps, 0)
    if state.peek(0, 1500) == 0 and state.peek(0, 1_500_000) == 0:
        return np.full(bins, np.inf)
    fastest = conditions.bandwidth_mbps or 0.0
    if isinstance(conditions.rate, ScheduledRate):
        fastest = max(mbps for _, mbps in conditions.rate.steps)
    size = max(1500, int(fastest * 125_000 * duration_s / _MOST_PACKETS))
    finishes, last = [], 0
    while last < duration_s * 1e9:
        block = state.finish_many(np.zeros(1024, np.int64), np.full(1024, size), last)
        finishes.append(block)
        last = int(block[-1])
    counts = np.histogram(np.concatenate(finishes), bins, (0.0, duration_s * 1e9))[0]
    return np.asarray(counts * size * 8 / (duration_s / bins) / 1e6)


def sketched(values: FloatArray) -> str:
    """Return values as a row of characters, heavier for larger ones, a blank for zero."""
    heights = np.asarray(values, np.float64) / max(float(np.max(values)), 1e-300)
    places = np.ceil(heights * (len(_RAMP) - 1)).astype(int)
    return "".join(_RAMP[place] for place in places.tolist())
