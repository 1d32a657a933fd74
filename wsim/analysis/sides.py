"""The two sides of a comparison: replicate runs, their seeds, and whether they pair up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from wsim.analysis.columns import check_frame
from wsim.analysis.metrics import run_values
from wsim.errors import ColumnsError

Runs = pd.DataFrame | Sequence[pd.DataFrame]
LEAST_RUNS = 5
"""Fewer replicates than this are compared by blocks of time, not run by run."""


@dataclass
class Side:
    """One side: its runs, their seeds (None: unknown) and the metrics of each run."""

    name: str
    runs: list[pd.DataFrame]
    seeds: list[Any]
    values: list[dict[str, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def of(self, metric: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return `metric` of each run."""
        return np.array([row[metric] for row in self.values], dtype=np.float64)

    def total(self, column: str) -> int:
        """Return a count summed over the runs."""
        return int(np.nansum([row.get(column, 0.0) for row in self.values]))


def make_side(runs: Runs, name: str, options: dict[str, Any]) -> Side:
    """Return a side with the metrics of its runs.

    A frame that holds several runs is split into them, so that concatenated replicates
    serve as well as a list.
    """
    frames = list(_split(runs, name))
    side = Side(name, [frame for frame, _ in frames], [seed for _, seed in frames])
    for frame in side.runs:
        values, notes = run_values(frame, options)
        side.values.append(values)
        side.notes += [note for note in notes if note not in side.notes]
    _note_profiles(side)
    return side


def _split(runs: Runs, name: str) -> Iterator[tuple[pd.DataFrame, Any]]:
    frames = [runs] if isinstance(runs, pd.DataFrame) else list(runs)
    if not frames:
        raise ColumnsError(f"the {name} has no runs; pass a history frame or a list of them")
    for frame in frames:
        about = check_frame(frame).attrs.get("wsim", {})
        about = about if isinstance(about, Mapping) else {}
        names = list(frame["run"].unique()) if "run" in frame.columns else []
        if len(names) <= 1:
            yield frame, _seed(about, names[0] if names else None)
            continue
        for run, rows in frame.groupby("run", observed=True, sort=False):
            yield rows, _seed(about, run)


def _seed(about: Mapping[str, Any], run: Any) -> Any:
    entry = about.get(run)
    if entry is None and len(about) == 1:
        entry = next(iter(about.values()))
    return entry.get("seed") if isinstance(entry, Mapping) else None


def _note_profiles(side: Side) -> None:
    names: dict[str, None] = {}
    for frame in side.runs:
        if "profile" in frame.columns:
            names.update(dict.fromkeys(map(str, frame["profile"].unique())))
    if len(names) > 1:
        listed = ", ".join(names)
        side.notes.append(
            f"the {side.name} mixes the profiles {listed}: filter the frame to compare one of them"
        )


def paired(baseline: Side, candidate: Side) -> Side | None:
    """Return `candidate` in the order of the baseline's seeds, if seeds and traffic are shared.

    Runs of one seed and one schedule meet the same random numbers, so their differences
    vary less than the runs do.
    """
    seeds = baseline.seeds
    if len(seeds) != len(candidate.seeds) or None in seeds or None in candidate.seeds:
        return None
    place = {seed: index for index, seed in enumerate(candidate.seeds)}
    if len(place) != len(seeds) or len(set(seeds)) != len(seeds) or set(place) != set(seeds):
        return None
    order = [place[seed] for seed in seeds]
    runs = [candidate.runs[index] for index in order]
    if not all(_same_traffic(a, b) for a, b in zip(baseline.runs, runs, strict=True)):
        return None
    values = [candidate.values[index] for index in order]
    return Side(candidate.name, runs, list(seeds), values, candidate.notes)


def _same_traffic(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    return np.array_equal(_schedule(first), _schedule(second))


def _schedule(frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    if "created_s" not in frame.columns:
        return np.full(1, np.nan)
    times = frame["created_s"].to_numpy()
    if "copy" in frame.columns:
        times = times[frame["copy"].to_numpy() == 0]
    return np.sort(times)


def traffic_notes(baseline: Side, candidate: Side) -> list[str]:
    """Return what makes two sides hard to compare: other events, other lengths."""
    notes = []
    events = [_events(side) for side in (baseline, candidate)]
    for here, there, side in ((0, 1, baseline), (1, 0, candidate)):
        alone = sorted(events[here] - events[there])
        if alone and events[there]:
            notes.append(
                f"only the {side.name} carries {', '.join(alone)}: the sides have different "
                "traffic; pass event=... to compare one event"
            )
    lengths = [float(np.nanmean(side.of("duration_s"))) for side in (baseline, candidate)]
    if min(lengths) > 0 and max(lengths) / min(lengths) > 1.5:
        notes.append(
            f"the runs last {lengths[0]:.0f} s and {lengths[1]:.0f} s: rare events show up more "
            "often in the longer ones"
        )
    return notes


def _events(side: Side) -> set[str]:
    found: set[str] = set()
    for frame in side.runs:
        if "event_name" in frame.columns:
            found |= set(map(str, frame["event_name"].unique()))
    return found
