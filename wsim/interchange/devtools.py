"""Chrome DevTools' throttling, both ways.

DevTools adds its latency once to each request, so that it counts as a round trip here: half of
it each way. Download is towards the page (outbound, from the server), upload from it. The
presets already hold the factors that DevTools applies to its advertised rates and latencies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from wsim.conditions import NetworkConditions
from wsim.errors import FormatError, nearest, unknown
from wsim.impairments.constant_rate import ConstantRate
from wsim.impairments.independent_loss import Bernoulli
from wsim.impairments.window_outage import WindowOutage
from wsim.interchange.reporting import Subject, conditions_of, not_carried, report

_OFFLINE = {"offline": True}
_3G = {"latency": 2000.0, "downloadThroughput": 50_000.0, "uploadThroughput": 50_000.0}
_SLOW_4G = {"latency": 562.5, "downloadThroughput": 180_000.0, "uploadThroughput": 84_375.0}
_FAST_4G = {"latency": 165.0, "downloadThroughput": 1_012_500.0, "uploadThroughput": 168_750.0}

DEVTOOLS_PRESETS: dict[str, dict[str, Any]] = {
    "No throttling": {},
    "Offline": _OFFLINE,
    "3G": _3G,
    "Slow 4G": _SLOW_4G,
    "Fast 4G": _FAST_4G,
    "Slow 3G": _3G,
    "Fast 3G": _SLOW_4G,
}
"""Presets by their names of today and, last, those from before May 2024; bytes per second."""

_KEYS = ("offline", "latency", "downloadThroughput", "uploadThroughput", "packetLoss",
         "connectionType", "packetQueueLength", "packetReordering")  # fmt: skip
_NO_WORD = (
    "disconnect_rate", "duplicate_rate", "corrupt_rate", "queue_limit_bytes", "queue_limit_ms",
    "max_age_ms", "priority_events", "jitter_correlation", "jitter_memory_s",
)  # fmt: skip
_BYTES_PER_S = 125_000.0  # in a Mbit/s
_EVER_S = 1e9


def from_devtools(
    preset: str | Mapping[str, Any], *, notes: list[str] | None = None
) -> NetworkConditions:
    """Return the conditions of a DevTools preset.

    Parameters
    ----------
    preset
        A name of :data:`DEVTOOLS_PRESETS`, or a mapping with the parameters of the protocol's
        ``Network.emulateNetworkConditions`` (throughputs in bytes per second, -1 for none).
    notes
        A list to which is appended what could not be carried over; by default each is a
        :class:`~wsim.interchange.TranslationWarning`.

    Examples
    --------
    >>> link = from_devtools("Slow 4G")
    >>> link.latency_ms, link.bandwidth_mbps, link.for_direction("outbound").bandwidth_mbps
    (281.25, 0.675, 1.44)
    """
    if isinstance(preset, str):
        if preset not in DEVTOOLS_PRESETS:
            raise unknown("DevTools preset", preset, DEVTOOLS_PRESETS)
        preset = DEVTOOLS_PRESETS[preset]
    _check(preset)
    found = []
    values: dict[str, Any] = {
        "latency_ms": preset.get("latency", 0.0) / 2.0, "jitter_ms": 0.0, "disconnect_rate": 0.0,
        "packet_loss_rate": preset.get("packetLoss", 0.0) / 100.0,
        "bandwidth_mbps": _mbps(preset.get("uploadThroughput", -1)),
        "outbound": {"bandwidth_mbps": _mbps(preset.get("downloadThroughput", -1))},
        "reorder": bool(preset.get("packetReordering", False)),
    }  # fmt: skip
    if preset.get("packetQueueLength"):
        values["queue_limit_messages"] = int(preset["packetQueueLength"])
    if preset.get("offline"):
        values["outage"] = WindowOutage(((0.0, _EVER_S),), effect="drop")
    if preset.get("packetLoss") or preset.get("packetReordering"):
        found.append("DevTools loses and reorders packets of WebRTC only; here it is messages")
    report(found, notes)
    return NetworkConditions.from_dict(values)


def to_devtools(subject: Subject, *, notes: list[str] | None = None) -> dict[str, Any]:
    """Return the parameters of ``Network.emulateNetworkConditions`` that come closest.

    Parameters
    ----------
    subject
        A profile, its name or file, conditions, or a mapping of them.
    notes
        A list to which is appended what DevTools cannot express; by default each is a
        :class:`~wsim.interchange.TranslationWarning`.
    """
    up, down = conditions_of(subject, "inbound"), conditions_of(subject, "outbound")
    found: list[str] = []
    for c in (up, down):
        found += not_carried(c, "DevTools", _NO_WORD)
        if not c.jitter.is_fixed(c.jitter_ms):
            found.append("DevTools has no jitter; the delay is its mean")
        if not isinstance(c.rate, ConstantRate):
            found.append(f"DevTools has no rate by '{c.rate.kind}'; it is left out")
        if not c.loss.is_off(c.packet_loss_rate):
            found.append("DevTools loses packets of WebRTC only, never of a WebSocket")
        if not isinstance(c.loss, Bernoulli):
            found.append(f"DevTools has no loss like '{c.loss.kind}'; its rate is kept")
        if c.outages is not None:
            found.append("DevTools is offline or not; an outage that comes and goes is left out")
    report(list(dict.fromkeys(found)), notes)
    return {
        "offline": False,
        "latency": _mean_ms(up) + _mean_ms(down),
        "downloadThroughput": _throughput(down),
        "uploadThroughput": _throughput(up),
        "packetLoss": 100.0 * up.packet_loss_rate,
    }


def _check(preset: Mapping[str, Any]) -> None:
    for key, value in preset.items():
        if key not in _KEYS:
            hint = nearest(key, _KEYS) or ";"
            raise FormatError(f"DevTools: no parameter '{key}'{hint} Known: {', '.join(_KEYS)}")
        if key == "connectionType":
            continue
        if not isinstance(value, int | float) or (value < 0 and not key.endswith("Throughput")):
            raise FormatError(f"DevTools: {key}={value!r} is not a number from 0 upwards")


def _mbps(bytes_per_s: float) -> float | None:
    return bytes_per_s / _BYTES_PER_S if bytes_per_s > 0 else None


def _throughput(c: NetworkConditions) -> float:
    if c.bandwidth_mbps is None or not isinstance(c.rate, ConstantRate):
        return -1
    return c.bandwidth_mbps * _BYTES_PER_S


def _mean_ms(c: NetworkConditions) -> float:
    if c.jitter.is_fixed(c.jitter_ms):
        return c.latency_ms
    return float(c.jitter.sampler(c.latency_ms, c.jitter_ms)((np.arange(4096) + 0.5) / 4096).mean())
