"""What the skewed delays share: a floor that no message beats, and a mean that must exceed it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from wsim.errors import ConditionsError
from wsim.impairments import checks
from wsim.impairments.base import Jitter


@dataclasses.dataclass(frozen=True)
class PositiveJitter(Jitter):
    """A skewed delay with mean ``latency_ms``, deviation ``jitter_ms`` and a floor.

    Attributes
    ----------
    floor
        The least delay, as a share of ``latency_ms``; the rest of it is random.
    """

    units: ClassVar[Mapping[str, str]] = {"floor": ""}

    floor: float = 0.0

    def __post_init__(self) -> None:
        checks.number(self, "floor", 0.0, 1.0)

    def check(self, latency_ms: float, jitter_ms: float) -> None:
        """Refuse a spread without a mean above the floor."""
        if jitter_ms > 0.0 and latency_ms * (1.0 - self.floor) <= 0.0:
            raise ConditionsError(
                f"jitter '{self.kind}' with jitter_ms={jitter_ms:g} needs a mean above its floor:"
                f" latency_ms={latency_ms:g}, floor={self.floor:g}"
            )

    def is_fixed(self, jitter_ms: float) -> bool:
        """Return True without spread."""
        return jitter_ms == 0.0

    def excess(self, latency_ms: float) -> tuple[float, float]:
        """Return (floor, mean above the floor), in ms."""
        floor_ms = self.floor * latency_ms
        return floor_ms, latency_ms - floor_ms
