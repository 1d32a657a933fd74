"""The chapter on losses, and where their intervals promise too much."""

from __future__ import annotations

from functools import partial

from wsim.analysis import plots
from wsim.analysis.loss_bursts import narrow_note
from wsim.analysis.report import tables
from wsim.analysis.report.document import Picture, Section
from wsim.analysis.report.study import Study
from wsim.analysis.sides import LEAST_RUNS


def too_narrow(study: Study) -> list[str]:
    """Return a note for each network with few runs whose losses came in bursts."""
    few = [entry for entry in study.entries if len(entry.runs) < LEAST_RUNS]
    notes = ((entry.name, narrow_note(entry.runs)) for entry in few)
    return [f"{name}: {note}." for name, note in notes if note]


def drops(study: Study) -> Section:
    """Drop rates, and why."""
    causes = tables.cause_table(study)
    return Section(
        "Drop rates",
        tables=[causes] if causes else [],
        pictures=[
            Picture(
                "Share of the messages that never arrived.",
                partial(plots.plot_drop_rate, study.pooled),
            ),
            Picture(
                "How losses cluster: bursts show as a curve above the thin line.",
                partial(plots.plot_loss_runs, study.pooled),
            ),
        ],
        notes=["Intervals in the picture take losses as independent; bursts make them too narrow."]
        if any(len(entry.runs) < LEAST_RUNS for entry in study.entries)
        else [],
    )
