"""Sessions replayed through networks: several seeds each, in batch, without waiting."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import pandas as pd

from wsim.batch import simulate
from wsim.cli.terminal import Progress
from wsim.profiles import Profile
from wsim.tcp import SaturationWarning
from wsim.traffic import Traffic

TCP_SUFFIX = " over TCP"


def counterpart(profile: Profile) -> Profile | None:
    """Return the same link with TCP on it, if the profile loses messages; None otherwise."""
    conditions = profile.conditions
    loses = conditions.packet_loss_rate > 0 or conditions.loss.kind != "bernoulli"
    if not conditions.enabled or conditions.transport == "tcp" or not loses:
        return None
    return profile.replace(name=profile.name + TCP_SUFFIX, transport="tcp")


def replay_all(
    session: pd.DataFrame,
    profiles: Sequence[Profile],
    seed: int,
    repeats: int,
    progress: Progress,
) -> dict[str, list[pd.DataFrame]]:
    """Replay a session through each network `repeats` times, with the same seeds for all."""
    traffic = Traffic.from_history(session)
    duration_s = float(session["created_s"].max()) + 1.0
    total = len(profiles) * repeats
    result: dict[str, list[pd.DataFrame]] = {}
    for place, profile in enumerate(profiles):
        frames = []
        for number in range(repeats):
            progress(place * repeats + number, total, profile.name)
            frames.append(_replay(traffic, profile, duration_s, seed + number))
        result[profile.name] = frames
    progress(total, total, "summarising")
    return result


def _replay(traffic: Traffic, profile: Profile, duration_s: float, seed: int) -> pd.DataFrame:
    """Replay once; a connection that cannot keep up is told of once, below the table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SaturationWarning)
        return simulate(traffic, profile, duration_s=duration_s, seed=seed)


def each_run(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the runs of a history one by one, each with its own notes."""
    frames = []
    notes = frame.attrs.get("wsim", {})
    for run, rows in frame.groupby("run", observed=True, sort=False):
        part = rows.reset_index(drop=True)
        part.attrs = {"wsim": {run: notes[run]}} if run in notes else {}
        frames.append(part)
    return frames
