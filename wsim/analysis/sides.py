"""The two sides of a comparison: replicate runs, their seeds, and whether they pair up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from wsim.analysis.columns import check_frame, codes, present
from wsim.analysis.metrics import Metric
from wsim.analysis.runs import Run
from wsim.analysis.streams import Limits
from wsim.errors import ColumnsError

Runs = pd.DataFrame | Sequence[pd.DataFrame]
LEAST_RUNS = 5
"""Fewer replicates than this are compared by blocks of time, not run by run."""


@dataclass
class Side:
    """One side of a comparison: its runs, and what should be known of them."""

    name: str
    runs: list[Run]
    notes: list[str] = field(default_factory=list)

    def of(self, column: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return one of the values of each run."""
        return np.array([run.values[column] for run in self.runs], dtype=np.float64)

    def measure(self, metric: Metric) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return `metric` of each run."""
        return np.array([run.value(metric) for run in self.runs], dtype=np.float64)

    def total(self, column: str) -> int:
        """Return a count summed over the runs."""
        return int(np.nansum([run.values.get(column, 0.0) for run in self.runs]))


def make_side(runs: Runs, name: str, command: str, limits: Limits) -> Side:
    """Return a side with the metrics of its runs.

    A frame that holds several runs is split into them, so that concatenated replicates
    serve as well as a list.
    """
    side = Side(name, [Run(rows, command, limits, seed) for rows, seed in _split(runs, name)])
    for run in side.runs:
        run.compute()
        side.notes += [note for note in run.notes if note not in side.notes]
    _note_profiles(side)
    return side


def _split(runs: Runs, name: str) -> Iterator[tuple[pd.DataFrame, Any]]:
    frames = [runs] if isinstance(runs, pd.DataFrame) else list(runs)
    if not frames:
        raise ColumnsError(f"the {name} has no runs; pass a history frame or a list of them")
    for frame in frames:
        about = check_frame(frame).attrs.get("wsim", {})
        about = about if isinstance(about, Mapping) else {}
        names = used(frame, "run")
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
    for run in side.runs:
        names.update(dict.fromkeys(used(run.frame, "profile")))
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
    seeds = [run.seed for run in baseline.runs]
    place = {run.seed: run for run in candidate.runs}
    if None in seeds or len(set(seeds)) != len(seeds) or set(place) != set(seeds):
        return None
    runs = [place[seed] for seed in seeds]
    if len(runs) != len(candidate.runs):
        return None
    pairs = zip(baseline.runs, runs, strict=True)
    if not all(np.array_equal(a.schedule, b.schedule) for a, b in pairs):
        return None
    return Side(candidate.name, runs, candidate.notes)


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
    lengths = [float(np.mean(side.of("duration_s"))) for side in (baseline, candidate)]
    if min(lengths) > 0 and max(lengths) / min(lengths) > 1.5:
        notes.append(
            f"the runs last {lengths[0]:.0f} s and {lengths[1]:.0f} s: rare events show up more "
            "often in the longer ones"
        )
    return notes


def _events(side: Side) -> set[str]:
    return {event for run in side.runs for event in used(run.frame, "event_name")}


def used(frame: pd.DataFrame, name: str) -> list[str]:
    """Return the distinct values of a column that occur, in order; none if it is missing."""
    if name not in frame.columns:
        return []
    column = codes(frame, name)
    return [str(column.labels[i]) for i in present(column.codes, len(column.labels))]
