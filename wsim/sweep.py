"""Replicates: the same traffic through a network again and again, with seeds that are shared.

`compare` judges profiles by replicates. Replicates of two profiles made with the same `seed`
meet the same random numbers run by run, so they are compared in pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wsim.batch import simulate
from wsim.conditions import NetworkConditions
from wsim.errors import UsageError
from wsim.profiles import Profile, profile
from wsim.traffic import Traffic

if TYPE_CHECKING:
    import pandas as pd

REPLICATES = 10
"""Enough for intervals on the statistics of runs; `compare` needs five."""


def replicates(
    traffic: Traffic,
    conditions_or_profile: NetworkConditions | Profile | str | dict[str, Any],
    k: int = REPLICATES,
    *,
    duration_s: float | None = None,
    seed: int = 0,
    clients: int = 1,
    progress: Callable[[float], object] | None = None,
) -> list[pd.DataFrame]:
    """Simulate `k` runs that differ in their seed only: ``seed, seed + 1, ...``.

    Parameters
    ----------
    traffic, conditions_or_profile, duration_s, clients
        As for `wsim.simulate`.
    k : int
        How many runs.
    seed : int
        Of the first run; give two profiles the same to compare them in pairs.
    progress : callable, optional
        Called with the share that is done, from 0 to 1.

    Returns
    -------
    list of DataFrame
        One history a run, named ``<profile>-<seed>``.

    Examples
    --------
    >>> from wsim import Traffic, compare
    >>> drive = Traffic.periodic("driveCommands", 20, size_bytes=60)
    >>> calm = replicates(drive, "default", 5, duration_s=30)
    >>> storm = replicates(drive, "stressed", 5, duration_s=30)
    >>> table = compare(calm, storm, metrics=["p50_ms"])
    >>> table.loc[0, "verdict"], table.loc[0, "method"]
    ('worse', 'paired t over runs (5)')
    """
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise UsageError(f"k={k!r} is not a whole number from 1; compare needs at least 5 runs")
    network = profile(conditions_or_profile)
    frames = []
    for number in range(seed, seed + k):
        name = f"{network.name}-{number}"
        frames.append(
            simulate(
                traffic, network, duration_s=duration_s, seed=number, clients=clients, run=name
            )
        )
        if progress is not None:
            progress((number - seed + 1) / k)
    return frames
