"""What a report says of recordings made at one end: round trips, and why the rest is missing."""

from __future__ import annotations

from wsim.analysis.one_end import one_end_note, round_trips
from wsim.analysis.plots.style import duration
from wsim.analysis.report.document import Section, Table
from wsim.analysis.report.study import Study


def one_ended(study: Study) -> list[str]:
    """Return a note for each network of which one end only was recorded."""
    notes = ((entry.name, one_end_note(entry.runs)) for entry in study.entries)
    return [f"{name}: {note}." for name, note in notes if note]


def answers(study: Study) -> Section | None:
    """Return the round trips of all networks, if of one of them nothing else is known."""
    if not one_ended(study):
        return None
    rows = []
    for entry in study.entries:
        known = round_trips(entry.runs)
        times = (duration(ms) for ms in (known.p50_ms, known.p99_ms, known.max_ms))
        rows.append((entry.name, f"{known.asked:,}", f"{known.answered:,}", *times))
    heads = ("network", "questions", "acknowledged", "p50", "p99", "max")
    lead = (
        "From sending a message that asks for an acknowledgement to its acknowledgement: both "
        "ways, and the time of whoever answers. It is known where one end only was recorded."
    )
    return Section("Round trips", [lead], [Table("Round trips", heads, tuple(rows))])
