"""The same run again: under another network, compared with the first, or as code."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pandas as pd

from wsim.dashboard.kept import Kept, commands_of
from wsim.errors import UsageError
from wsim.profiles import Profile

if TYPE_CHECKING:
    from wsim.dashboard.lab import LabSession

REPETITIONS = 10
_LONGEST = 100_000  # messages that are sent again ten times for each kept run
SHOWN = ("compared", "metric", "baseline", "candidate", "difference", "low", "high", "verdict")


def load() -> None:
    """Import what the functions below use, which otherwise their first call does."""
    for name in ("wsim.analysis.comparison", "wsim.analysis.summary", "wsim.batch", "wsim.sweep"):
        importlib.import_module(name)


def repeat(frame: pd.DataFrame, network: Profile, *, seed: int, duration_s: float) -> pd.DataFrame:
    """Return the history of what was sent in `frame`, sent again over another network."""
    from wsim.batch import simulate
    from wsim.traffic import Traffic

    if not len(frame):
        raise UsageError("nothing was sent yet: press Run and let some messages cross")
    traffic = Traffic.from_history(frame)
    with _no_word_of_saturation():
        return simulate(traffic, network, duration_s=duration_s, seed=seed)


@contextmanager
def _no_word_of_saturation() -> Iterator[None]:
    """Keep a warning out of the cell: the table and the pictures show what it would say."""
    from wsim.tcp import SaturationWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SaturationWarning)
        yield


def paired_latency(first: pd.DataFrame, second: pd.DataFrame) -> pd.Series:
    """Return how much longer each message took in the second run, in ms.

    The n-th message of an event and direction in one is the n-th in the other; what did not
    arrive in both is left out.
    """
    left, right = (_by_number(frame) for frame in (first, second))
    difference: pd.Series = (right - left).dropna()
    return difference


def _by_number(frame: pd.DataFrame) -> pd.Series:
    rows = frame[frame["copy"] == 0].sort_values("created_s", kind="stable")
    names = [rows["event_name"].astype(str), rows["direction"].astype(str)]
    number = rows.groupby(names).cumcount()
    latency: pd.Series = rows.set_index([*names, number.rename("number")])["latency_ms"]
    return latency


def paired_words(first: Kept, name: str, repeated: pd.DataFrame) -> str:
    """Say what another network changes, message by message."""
    longer = paired_latency(first.frame, repeated)
    if not len(longer):
        return f"No message arrived under both {first.label} and {name}."
    word = "longer" if longer.median() >= 0 else "less"
    return (
        f"Message by message it took {abs(longer.median()):.0f} ms {word} than {first.label}"
        f" at the median ({len(longer):,} messages that arrived in both)."
    )


def repetitions(kept: Mapping[str, Kept]) -> dict[str, list[pd.DataFrame]]:
    """Send what was sent in the first run again over every kept network, with several seeds.

    Repetitions tell differences of networks from luck, which one run of each cannot. Empty if
    the conditions of a run are not known (it was loaded from a file), or if it is too long.
    """
    from wsim.sweep import replicates
    from wsim.traffic import Traffic

    first = next(iter(kept.values())).frame
    networks = {run.label: run.conditions for run in kept.values() if run.conditions is not None}
    if len(first) > _LONGEST or len(networks) < len(kept):
        return {}
    traffic = Traffic.from_history(first)
    duration_s = float(first["created_s"].max()) + 0.001
    with _no_word_of_saturation():
        return {
            label: replicates(traffic, network, REPETITIONS, duration_s=duration_s)
            for label, network in networks.items()
        }


def compare_kept(kept: Mapping[str, Kept]) -> pd.DataFrame:
    """Return what differs in the commands of every kept run from the first, with verdicts.

    Networks are compared by ten repetitions of what was sent in the first run, where their
    conditions are known; otherwise by the runs as they are.
    """
    from wsim.analysis.comparison import compare

    if len(kept) < 2:
        raise UsageError("comparing takes two kept runs; press Keep this run twice")
    first, *others = kept.values()
    sides = repetitions(kept) or {run.label: [run.frame] for run in kept.values()}
    sides = {label: [commands_of(frame) for frame in frames] for label, frames in sides.items()}
    table = compare(sides[first.label], {other.label: sides[other.label] for other in others})
    told = table.rename(columns={"candidate_name": "compared"})
    told["compared"] = told["compared"].str.split(":").str[0] + f" against {first.name}"
    told["metric"] = told["metric"] + told["unit"].map(lambda unit: f" ({unit})" if unit else "")
    return told[list(SHOWN)]


def as_code(lab: LabSession) -> str:
    """Return Python that makes a panel like the lab's, and the same experiment as a batch."""
    traffic = lab.traffic
    return f"""import wsim
from wsim.dashboard import TrafficSettings

network = {_network(lab)}

# the panel as it is
traffic = {traffic!r}
panel = wsim.Dashboard(network, seed={lab.seed}, traffic=traffic)
panel

# the same experiment at once, without a panel
sends = (
    wsim.Traffic.periodic("driveCommands", {traffic.drive_hz:g}, size_bytes=60)
    + wsim.Traffic.periodic(
        "cameraFeed", {traffic.camera_hz:g}, size_bytes={round(traffic.camera_kb * 1000)},
        direction="outbound",
    )
)
frame = wsim.simulate(sends, network, duration_s={max(lab.now_s, 1.0):.1f}, seed={lab.seed})
wsim.summarize(frame)
"""


def _network(lab: LabSession) -> str:
    changes: dict[str, Any] = {
        name: value
        for name, value in lab.conditions.to_dict().items()
        if value != lab.profile.conditions.to_dict()[name]
    }
    from wsim.profiles import PROFILES

    if lab.profile.name not in PROFILES:
        return f"wsim.NetworkConditions.from_dict({lab.conditions.to_dict(changed_only=True)!r})"
    if not changes:
        return repr(lab.profile.name)
    return f"wsim.PROFILES[{lab.profile.name!r}].conditions.replace(\n    **{changes!r}\n)"
