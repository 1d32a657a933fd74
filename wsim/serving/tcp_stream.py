"""What a stream of bytes makes of network conditions: nothing is lost, all is in order.

Below TCP packets are lost, above it bytes are late. So conditions that lose messages act through
the model of TCP (``transport="tcp"``), copies, damage and rules by event have nothing to act on,
and an outage holds bytes back instead of losing them. A heartbeat, if there is one, is among the
bytes.
"""

from __future__ import annotations

import dataclasses
from typing import Any
from urllib.parse import urlsplit

from wsim.conditions import NetworkConditions
from wsim.errors import UsageError
from wsim.schema import DIRECTIONS

MOST_BYTES = 65_536
"""Bytes of the largest chunk that crosses the network as one."""
_GRAIN_S = 0.01
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


def stream_conditions(conditions: NetworkConditions) -> NetworkConditions:
    """Return what conditions mean for a stream of bytes, in which nothing can be missing.

    Examples
    --------
    >>> lossy = NetworkConditions(packet_loss_rate=0.05, duplicate_rate=0.1)
    >>> stream_conditions(lossy).transport, stream_conditions(lossy).duplicate_rate
    ('tcp', 0.0)
    >>> stream_conditions(NetworkConditions(packet_loss_rate=0)).transport
    'datagram'
    """
    changes: dict[str, Any] = {
        "duplicate_rate": 0.0, "corrupt_rate": 0.0, "rules": (), "priority_events": (),
        "heartbeat_interval_s": None,
    }  # fmt: skip
    if any(_may_lose(conditions.for_direction(name)) for name in DIRECTIONS):
        changes["transport"] = "tcp"
    if conditions.transport != "tcp" and "transport" not in changes:
        changes |= {"reorder": False, "reorder_rate": 0.0}
    if conditions.outages is not None and _effect(conditions) in ("drop", "half_open"):
        changes["outage"] = dataclasses.replace(conditions.outages, effect="hold")  # type: ignore[call-arg]
    if conditions.outbound is not None:
        kept = {k: v for k, v in conditions.outbound.items() if k not in (*changes, "outage")}
        changes["outbound"] = kept or None
    return conditions.replace(**changes)


def _effect(conditions: NetworkConditions) -> str:
    return str(getattr(conditions.outages, "effect", "drop"))


def _may_lose(c: NetworkConditions) -> bool:
    """Would a channel of datagrams lose something under these conditions?"""
    limits = (c.queue_limit_bytes, c.queue_limit_messages, c.queue_limit_ms, c.max_age_ms)
    bounded = c.queue_policy == "codel" or any(limit is not None for limit in limits)
    return c.enabled and (bounded or not c.loss.is_off(c.packet_loss_rate))


def chunk_bytes(conditions: NetworkConditions) -> int:
    """Return the size in which bytes cross: what the bottleneck passes in 10 ms.

    So a slow link delivers in small portions, as a real one does, and a fast one costs little.
    """
    if not conditions.enabled or conditions.bandwidth_mbps is None:
        return MOST_BYTES
    portion = int(conditions.bandwidth_mbps * 1e6 / 8 * _GRAIN_S)
    return min(max(portion, conditions.mss_bytes), MOST_BYTES)


def checked_address(upstream: str) -> tuple[str, int]:
    """Return host and port of an upstream server.

    Raises
    ------
    UsageError
        If there is no host or no port in it.

    Examples
    --------
    >>> checked_address("tcp://127.0.0.1:4000"), checked_address("http://rover.local")
    (('127.0.0.1', 4000), ('rover.local', 80))
    """
    try:
        split = urlsplit(upstream if "//" in upstream else f"tcp://{upstream}")
        host, port = split.hostname, split.port or _PORTS.get(split.scheme)
    except (ValueError, TypeError):
        host, port = None, None
    if not host or not port:
        raise UsageError(
            f"upstream={upstream!r} is not an address such as tcp://127.0.0.1:4000"
            " (a host and a port)"
        )
    return host, port
