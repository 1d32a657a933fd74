"""What a delay means on the ground: distances, the greatest safe speed, stability of a loop.

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


def delay_margin(crossover_rad_s: float, phase_margin_deg: float) -> float:
    """Return the delay in ms at which a control loop loses its stability: PM / w_c.

    A delay t turns the phase back by w_c t at the crossover frequency w_c; a loop with the
    phase margin PM has that much to lose.

    Examples
    --------
    >>> round(delay_margin(4.0, 45.0))
    196
    """
    _positive(crossover_rad_s=crossover_rad_s, phase_margin_deg=phase_margin_deg)
    return float(np.radians(phase_margin_deg)) / crossover_rad_s * 1e3


def phase_lost(delay_ms: Any, crossover_rad_s: float) -> Any:
    """Return the degrees of phase that a delay costs a loop at its crossover frequency."""
    _positive(crossover_rad_s=crossover_rad_s)
    return np.degrees(crossover_rad_s * np.asarray(delay_ms) / 1e3)


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0.0:
            raise ValueError(f"{name} must be greater than 0, not {value!r}")
