"""Tables of results: one row per group, keys first, counts whole, notes attached."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wsim.analysis.columns import Codes

_COUNTED = (
    *("negative_latencies", "reordered", "watchdog_trips", "watchdog_trips_stamp"),
    *("catch_up_bursts", "catch_up_max", "loss_bursts", "loss_burst_longest"),
    *("loss_run_longest", "late_bursts", "late_run_longest", "round_trips"),
)


def assemble(
    columns: dict[str, Any], names: Sequence[str], groups: Codes, notes: list[str]
) -> pd.DataFrame:
    """Return `columns` as a frame: keys first, indexed by group, with the notes as attribute."""
    labels = groups.labels
    keys: dict[Hashable, Any] = {
        name: [label[i] for label in labels] for i, name in enumerate(names)
    }
    clash = [name for name in names if name in columns]
    kept = {name: value for name, value in columns.items() if name not in clash}
    if len(names) == 1:
        index = pd.Index([label[0] for label in labels], dtype=object)
    elif names:
        index = pd.MultiIndex.from_tuples(labels) if labels else pd.Index([])
    else:
        index = pd.Index(["all"] * len(labels), dtype=object)
    result = pd.DataFrame(keys | {n: _whole(n, v) for n, v in kept.items()}, index=index)
    if not len(labels):
        notes.append("the frame has no rows: nothing to summarise")
    result.attrs["wsim_notes"] = list(notes)
    return result


def stacked(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return tables of different groups as one, with the notes of all."""
    if len(tables) == 1:
        return tables[0]
    notes = [note for table in tables for note in table.attrs["wsim_notes"]]
    result = pd.concat([table.copy() for table in tables])
    if result.index.nlevels == 1:
        result.index = pd.Index(result.index.tolist(), dtype=object)
    result.attrs = {"wsim_notes": list(dict.fromkeys(notes))}
    return result


def _whole(name: str, values: Any) -> Any:
    """Return counts as integers where every group has one."""
    if name in _COUNTED and np.all(np.isfinite(values)):
        return np.asarray(values).astype(np.int64)
    return values


def in_words(label: object) -> str:
    """Return the label of a group for a sentence."""
    parts = label if isinstance(label, tuple) else (label,)
    return " / ".join(f"'{part}'" for part in parts) or "the frame"
