"""A span of the run's time to look at."""

from __future__ import annotations

import math

from wsim.errors import ConditionsError

Window = tuple[float, float] | None


def check_window(window: Window) -> tuple[float, float]:
    """Return start and end in seconds; everything if `window` is None.

    Raises
    ------
    ConditionsError
        If the start does not lie before the end.
    """
    if window is None:
        return -math.inf, math.inf
    start, end = map(float, window)
    if not start < end:
        raise ConditionsError(
            f"window is ({start}, {end}); give (start, end) in seconds, the start before the end"
        )
    return start, end
