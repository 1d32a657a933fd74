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
    """Return what is known of every run: seed, length, start, conditions."""
    rows = []
    for entry in study.entries:
        for number, facts in enumerate(entry.facts):
            name = entry.name if number == 0 else f"{entry.name} #{number + 1}"
            rows.append((name, *_facts(facts)))
    heads = ("run", "seed", "started", "length", "evicted", "conditions that differ from defaults")
    return Table("The runs", heads, tuple(rows), words=True)


def _facts(facts: Mapping[str, Any]) -> tuple[str, ...]:
    seed = facts.get("seed")
    length, evicted = facts.get("duration_s"), facts.get("evicted")
    return (
        "–" if seed is None else str(seed),
        _when(facts.get("started_at")),
        f"{length:,.1f} s" if isinstance(length, int | float) else "–",
        "–" if evicted is None else f"{evicted:,}" if isinstance(evicted, int) else str(evicted),
        conditions(facts.get("conditions")),
    )


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
