"""On what terms real clients are served: bounds, and conditions that a heartbeat survives."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from wsim.conditions import NetworkConditions
from wsim.errors import ConditionsError, UsageError
from wsim.profiles import Profile, profile
from wsim.serving.door import MAX_IN_FLIGHT, MAX_IN_FLIGHT_BYTES
from wsim.serving.packets import MAX_ATTACHMENTS, MAX_PAYLOAD

HEARTBEAT_S = 20.0
"""How long Engine.IO waits for the answer to a heartbeat, by default."""


class TooManyError(UsageError):
    """The server has as many clients as it allows."""


@dataclass(frozen=True)
class Bounds:
    """What a server puts up with."""

    max_clients: int = 100
    max_payload: int = MAX_PAYLOAD
    max_attachments: int = MAX_ATTACHMENTS
    max_in_flight: int = MAX_IN_FLIGHT
    max_queue_bytes: int = MAX_IN_FLIGHT_BYTES
    connect_timeout_s: float = 45.0
    """How long a connection may go without the CONNECT packet of a namespace."""
    absent_s: float = 120.0
    """How long a client that was lost is waited for; after that it is gone for good."""


def resolved(
    conditions: Any, base: NetworkConditions | None = None
) -> tuple[NetworkConditions, str]:
    """Return conditions and the name of their profile from whatever names them.

    `conditions` is a profile or its name, conditions, or a mapping of fields that differ from
    `base`.
    """
    if isinstance(conditions, str):
        conditions = profile(conditions)
    if isinstance(conditions, Profile):
        return conditions.conditions, conditions.name
    if isinstance(conditions, NetworkConditions):
        return conditions, ""
    if isinstance(conditions, Mapping):
        return (base or NetworkConditions()).replace(**conditions), ""
    raise ConditionsError(
        f"{conditions!r} is no profile, name of one, NetworkConditions or mapping of fields"
    )


def checked_namespaces(namespaces: Collection[str]) -> frozenset[str]:
    """Return the namespaces that clients may connect to.

    Raises
    ------
    UsageError
        If one does not begin with ``/`` and is not ``*``.
    """
    found = frozenset([namespaces] if isinstance(namespaces, str) else namespaces)
    for name in found:
        if name != "*" and not name.startswith("/"):
            raise UsageError(
                f"namespace {name!r} does not begin with a slash: write {'/' + name!r},"
                " or '*' to allow any"
            )
    return found


def check_heartbeat(conditions: NetworkConditions, name: str = "") -> None:
    """Refuse a delay that no heartbeat survives.

    Raises
    ------
    ConditionsError
        If a round trip takes as long as Engine.IO waits for the answer to a heartbeat.
    """
    both = [conditions.for_direction(name).latency_ms for name in ("inbound", "outbound")]
    round_trip_s = sum(both) / 1000
    if conditions.enabled and round_trip_s >= HEARTBEAT_S:
        raise ConditionsError(
            f"{name or 'these conditions'}: a round trip of {round_trip_s:g} s outlasts the"
            f" heartbeat of real clients ({HEARTBEAT_S:g} s), and real time cannot be scaled;"
            " use the simulator in process (run(..., clock=...)) or a latency below"
            f" {HEARTBEAT_S * 500:g} ms"
        )
