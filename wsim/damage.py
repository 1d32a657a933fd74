"""What becomes of a damaged message at the edge that carries its payload."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from wsim.impairments import corruption
from wsim.messages import Registry
from wsim.transit import DELIVERED, DROPPED


class Arrival(NamedTuple):
    """A damaged payload as it arrives, and its fate and cause."""

    data: Any
    fate: str
    cause: str


def arrive_damaged(
    event: str, data: Any, u: float, kinds: Sequence[str], registry: Registry | None
) -> Arrival:
    """Carry out the damage that a channel ordered.

    Parameters
    ----------
    u
        ``Transit.corruption``.
    kinds
        ``corrupt_kinds`` of the conditions.
    registry
        Inspects what arrives; None lets everything pass that can be read.

    Returns
    -------
    Dropped (``corrupt``) if the JSON cannot be read any more, refused (``validation``) if it
    is not allowed any more, delivered with other values otherwise.
    """
    try:
        arrived = corruption.apply(data, corruption.directive(u, kinds))
        if isinstance(arrived, str | bytes) and not isinstance(data, str | bytes):
            arrived = json.loads(arrived)
    except ValueError:
        return Arrival(data, DROPPED, "corrupt")
    if registry is not None and registry.measure(event, arrived)[1]:
        return Arrival(arrived, "refused", "validation")
    return Arrival(arrived, DELIVERED, "")
