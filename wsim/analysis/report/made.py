"""How a report was made: what somebody needs who wants to make it again."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
import pandas as pd

from wsim.analysis.report.document import Table
from wsim.analysis.report.study import Study


def run_table(study: Study) -> Table:
    """Return what is known of the runs of every network; runs made alike share a row."""
    rows = []
    for entry in study.entries:
        alike: dict[str, list[Mapping[str, Any]]] = {}
        for facts in entry.facts:
            alike.setdefault(conditions(facts.get("conditions")), []).append(facts)
        rows += [(entry.name, *_row(runs), text) for text, runs in alike.items()]
    heads = (
        *("network", "runs", "seeds", "started", "length", "evicted rows"),
        "conditions that differ from the defaults",
    )
    return Table("The runs", heads, tuple(rows), words=True)


def _row(runs: list[Mapping[str, Any]]) -> tuple[str, ...]:
    seeds = [str(facts["seed"]) for facts in runs if facts.get("seed") is not None]
    lengths = [facts["duration_s"] for facts in runs if _is_number(facts.get("duration_s"))]
    evicted = [facts["evicted"] for facts in runs if _is_number(facts.get("evicted"))]
    span = sorted({f"{length:,.1f}" for length in (min(lengths), max(lengths))} if lengths else ())
    return (
        str(len(runs)),
        ", ".join(seeds) or "–",
        _when(runs[0].get("started_at")),
        f"{' to '.join(span)} s" if span else "–",
        f"{sum(evicted):,.0f}" if evicted else "–",
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _when(stamp: Any) -> str:
    if not isinstance(stamp, int | float) or not 0 <= stamp < 1e11:
        return "–"
    moment = datetime.datetime.fromtimestamp(stamp, datetime.UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def conditions(given: Any) -> str:
    """Return conditions as ``field=value`` pairs, those that differ from the defaults."""
    if not isinstance(given, Mapping):
        return "not recorded"
    usual = _defaults()
    pairs = [f"{k}={v}" for k, v in given.items() if k not in usual or usual[k] != v]
    return ", ".join(pairs) or "all defaults"


def _defaults() -> dict[str, Any]:
    from wsim.conditions import NetworkConditions

    return dict(NetworkConditions().to_dict())


def versions(study: Study) -> list[str]:
    """Return the versions that the numbers may depend on: of the runs and of this report."""
    from wsim import __version__

    here = {
        "wsim": __version__,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "pandas": pd.__version__,
        "matplotlib": matplotlib.__version__,
    }
    said = ["report: " + ", ".join(f"{name} {value}" for name, value in here.items())]
    recorded: dict[str, list[str]] = {}
    for entry in study.entries:
        for facts in entry.facts:
            found = facts.get("versions")
            if isinstance(found, Mapping) and found:
                text = ", ".join(f"{name} {value}" for name, value in found.items())
                names = recorded.setdefault(text, [])
                names.extend([entry.name] if entry.name not in names else [])
    said += [f"recorded by ({', '.join(names)}): {text}" for text, names in recorded.items()]
    return said


def made(study: Study, command: str | None) -> list[tuple[str, str]]:
    """Return names and values for the last chapter."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    facts = [("written", now), ("networks", ", ".join(study.names))]
    if command:
        facts.append(("command", command))
    return facts + [("versions", text) for text in versions(study)]
