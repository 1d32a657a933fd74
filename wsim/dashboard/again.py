"""The same run again: under another network, compared with the first, or as code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from wsim.errors import UsageError
from wsim.profiles import Profile

if TYPE_CHECKING:
    from wsim.dashboard.kept import Kept
    from wsim.dashboard.lab import LabSession

SHOWN = ("compared", "metric", "baseline", "candidate", "difference", "low", "high", "verdict")


def repeat(frame: pd.DataFrame, network: Profile, *, seed: int, duration_s: float) -> pd.DataFrame:
    """Return the history of what was sent in `frame`, sent again over another network."""
    from wsim.batch import simulate
    from wsim.traffic import Traffic

    if not len(frame):
        raise UsageError("nothing was sent yet: press Run and let some messages cross")
    traffic = Traffic.from_history(frame)
    return simulate(traffic, network, duration_s=duration_s, seed=seed)


def paired_latency(first: pd.DataFrame, second: pd.DataFrame) -> pd.Series:
    """Return how much longer each message took in the second run, in ms.

    The n-th message of an event and direction in one is the n-th in the other; what did not
    arrive in both is left out.
    """
    left, right = (_by_number(frame) for frame in (first, second))
    both = left.join(right, how="inner", lsuffix="_first", rsuffix="_second").dropna()
    difference: pd.Series = both["latency_ms_second"] - both["latency_ms_first"]
    return difference


def _by_number(frame: pd.DataFrame) -> pd.DataFrame:
    rows = frame[frame["copy"] == 0].sort_values("created_s", kind="stable")
    names = [rows["event_name"].astype(str), rows["direction"].astype(str)]
    number = rows.groupby(names).cumcount()
    return rows[["latency_ms"]].set_index([*names, number.rename("number")])


def paired_words(first: Kept, second: Kept) -> str:
    """Say what the second network changes, message by message."""
    longer = paired_latency(first.frame, second.frame)
    if not len(longer):
        return f"No message arrived under both {first.label} and {second.label}."
    word = "longer" if longer.median() >= 0 else "shorter"
    return (
        f"Message by message, {second.label} took {abs(longer.median()):.0f} ms {word} than"
        f" {first.label} at the median ({len(longer):,} messages that arrived in both)."
    )


def compare_kept(kept: Mapping[str, Kept]) -> pd.DataFrame:
    """Return the differences of every kept run from the first, with verdicts."""
    from wsim.analysis.comparison import compare

    if len(kept) < 2:
        raise UsageError("comparing takes two kept runs; press Keep this run twice")
    first, *others = kept.values()
    table = compare(first.frame, {other.label: other.frame for other in others})
    told = table.rename(columns={"candidate_name": "compared"})
    told["compared"] = told["compared"] + f" against {first.label}"
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
