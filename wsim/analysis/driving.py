"""What a delay means on the ground: blind distance, stopping distance, greatest safe speed.

Elementary kinematics of a rover that brakes evenly. Delays in milliseconds, distances in
metres, speeds in m/s, decelerations in m/s^2; every function takes numbers or arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

REACTION_S = 0.7
"""The operator's own reaction time, unless given."""
SIGHT_M = 5.0
"""How far ahead the operator can see an obstacle, unless given."""
DECELERATION = 1.0
"""How hard the rover brakes, unless given."""


def blind_distance(age_ms: Any, speed_mps: Any = 1.0) -> Any:
    """Return the metres driven on information that is `age_ms` old: d = v A."""
    return np.asarray(speed_mps) * np.asarray(age_ms) / 1e3


def stopping_distance(
    delay_ms: Any,
    speed_mps: Any = 1.0,
    *,
    deceleration: float = DECELERATION,
    reaction_s: float = REACTION_S,
) -> Any:
    """Return the metres from the obstacle coming into sight to standstill.

    d = v (t + t_reaction) + v^2 / (2 a), where t is the delay of picture and command together.
    """
    _positive(deceleration=deceleration)
    speed, total = np.asarray(speed_mps), np.asarray(delay_ms) / 1e3 + reaction_s
    return speed * total + speed**2 / (2.0 * deceleration)


def safe_speed(
    delay_ms: Any,
    sight_m: float = SIGHT_M,
    *,
    deceleration: float = DECELERATION,
    reaction_s: float = REACTION_S,
) -> Any:
    """Return the greatest speed at which the rover stops within `sight_m`.

    The positive root of `stopping_distance`: v = -a t + sqrt(a^2 t^2 + 2 a d).

    Examples
    --------
    >>> round(float(safe_speed(300.0)), 2)
    2.32
    """
    _positive(deceleration=deceleration, sight_m=sight_m)
    lost = deceleration * (np.asarray(delay_ms) / 1e3 + reaction_s)
    return np.sqrt(lost**2 + 2.0 * deceleration * sight_m) - lost


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0.0:
            raise ValueError(f"{name} must be greater than 0, not {value!r}")
