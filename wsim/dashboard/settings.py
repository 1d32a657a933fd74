"""What operator and rover send: rates, sizes and speeds, checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from wsim.errors import PayloadError

LIMITS: Mapping[str, tuple[float, float, str]] = {
    "drive_hz": (0.0, 200.0, "Hz"),
    "camera_hz": (0.0, 60.0, "Hz"),
    "camera_kb": (0.0, 5000.0, "kB"),
    "status_hz": (0.0, 60.0, "Hz"),
    "linear": (-5.0, 5.0, "m/s"),
    "angular": (-3.0, 3.0, "rad/s"),
}
"""Allowed range and unit of each traffic setting."""


@dataclasses.dataclass(frozen=True)
class TrafficSettings:
    """What operator and rover send.

    Attributes
    ----------
    drive_hz, camera_hz, status_hz
        Messages a second; 0 is silence.
    camera_kb
        Size of a camera frame, in 1000 bytes.
    linear, angular
        Speed the operator asks for, in m/s and rad/s.
    """

    drive_hz: float = 20.0
    camera_hz: float = 5.0
    camera_kb: float = 30.0
    status_hz: float = 2.0
    linear: float = 0.5
    angular: float = 0.15

    def __post_init__(self) -> None:
        for name, (low, high, unit) in LIMITS.items():
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not low <= value <= high:
                raise PayloadError(
                    f"{name}={value!r} is not a number of {unit} from {low:g} to {high:g}"
                )

    def replace(self, **changes: Any) -> TrafficSettings:
        """Return settings with some changed."""
        return dataclasses.replace(self, **changes)
