"""`compare`: is the candidate worse than the baseline, by how much, and how sure is that?

Latencies of one connection are correlated, so tests on raw messages raise false alarms in
more than half of all comparisons of a thing with itself. What is compared here is one
number per run (five or more replicates a side) or, for single recordings, blocks of time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from wsim.analysis.age import check_pauses
from wsim.analysis.blocks import block_length, cells
from wsim.analysis.deadlines import DEADLINES, Deadlines
from wsim.analysis.estimates import Confidence, Draws, by_blocks, by_runs
from wsim.analysis.intervals import check_confidence, holm
from wsim.analysis.metrics import Metric, choose
from wsim.analysis.omission import omission_notes
from wsim.analysis.one_end import REASON, one_sided
from wsim.analysis.sides import LEAST_RUNS, Runs, Side, make_side, paired, traffic_notes
from wsim.analysis.streams import Limits
from wsim.analysis.verdicts import Finding, needed_messages, sentence, verdict
from wsim.errors import ColumnsError
from wsim.schema import COMMAND_EVENT

_DRAWS = 500


def compare(
    baseline: Runs,
    candidate: Runs | Mapping[str, Runs],
    *,
    metrics: Iterable[str] | None = None,
    event: str | None = None,
    command: str = COMMAND_EVENT,
    confidence: float = 0.95,
    margin_ms: float = 10.0,
    margin_share: float = 0.10,
    watchdog_ms: float = 500.0,
    deadline_ms: Deadlines = DEADLINES,
    stale_ms: float = 500.0,
    pauses: str = "count",
    seed: int = 0,
) -> pd.DataFrame:
    """Compare a candidate with a baseline, metric by metric, with intervals and verdicts.

    Parameters
    ----------
    baseline, candidate : DataFrame or list of DataFrame
        Histories: one recording, or replicate runs (a list, or one frame with several
        ``run`` names). `candidate` may also map names to such histories.
    metrics : names of `wsim.analysis.metrics.METRICS`, or None for all
    event : str, optional
        Compare this event only.
    confidence : float
        Of the intervals; verdicts hold for the whole table at ``1 - confidence`` (Holm).
    margin_ms, margin_share : float
        A difference below ``margin_ms``, or below this share of the baseline, does not
        matter: within the larger of the two the sides are equivalent.
    deadline_ms : float or mapping
        The latency after which a message is late, for all or by event, as in `summarize`.
    pauses : str
        Whether the age counts while the sender pauses: ``count`` or ``skip``.
    seed : int
        Of the block bootstrap.

    Returns
    -------
    DataFrame
        ``metric, baseline, candidate, difference, low, high, effect, method, verdict``, and
        ``candidate_name, unit, p_holm, margin, needed_messages, says``; one row per metric,
        one block of rows per candidate. ``effect`` is Cliff's delta, of the runs' statistics
        or of the latencies. ``verdict`` is ``better``, ``worse``, ``equivalent``,
        ``not distinguishable`` or ``not enough data``. ``attrs["wsim_notes"]`` holds what
        should be known before believing it.

    Notes
    -----
    With five or more runs on each side the statistics of the runs are compared: by paired t
    where both sides have the same seeds and schedule, by Welch's t otherwise (times are
    tested on logarithms too). With fewer, blocks of ``max(5 s, 2 x longest stall)`` are
    resampled; such intervals can be optimistic, and a note says so. Measured: those meant
    for 95 % cover 89 to 95 % on five minutes at 20 Hz with a correlation of 0.9 between
    neighbours, and 80 to 90 % on one minute with 0.98; tables of a thing against itself
    raise an alarm in 5 % of cases, those of replicates in 2 % or fewer.
    """
    check_confidence(confidence)
    chosen = choose(metrics)
    limits = Limits(watchdog_ms, deadline_ms, stale_ms, pauses=check_pauses(pauses))
    stream = event or command
    named = candidate if isinstance(candidate, Mapping) else {"candidate": candidate}
    if not named:
        raise ColumnsError("there is no candidate to compare; pass a history or a mapping of them")
    first = make_side(rows_of(baseline, event), "baseline", stream, limits)
    notes = list(first.notes) + _omissions(first)
    tables = []
    for name, runs in named.items():
        second = make_side(rows_of(runs, event), str(name), stream, limits)
        findings = find(first, second, chosen, confidence, seed, notes)
        tables.append(_table(findings, str(name), confidence, margin_ms, margin_share))
        notes += [n for n in _side_notes(first, second) if n not in notes]
    result = pd.concat(tables, ignore_index=True)
    result.attrs["wsim_notes"] = notes
    return result


def rows_of(runs: Runs, event: str | None) -> Runs:
    """Return the rows of one event; attributes, and with them the seeds, are kept."""
    if event is None:
        return runs
    frames = [runs] if isinstance(runs, pd.DataFrame) else list(runs)
    kept = []
    for frame in frames:
        if "event_name" not in frame.columns:
            raise ColumnsError(f"event='{event}' needs the column 'event_name'; pass event=None")
        rows = frame[frame["event_name"] == event]
        if not len(rows):
            known = ", ".join(sorted(map(str, frame["event_name"].unique()))) or "none"
            raise ColumnsError(f"no rows of the event '{event}'; events of the frame: {known}")
        kept.append(rows)
    return kept


def find(
    first: Side, second: Side, chosen: Sequence[Metric], level: float, seed: int, notes: list[str]
) -> list[Finding]:
    """Return what is known of each metric, by runs if there are enough, else by blocks."""
    found = _found(first, second, chosen, level, seed, notes)
    blind = [side.name for side in (first, second) if all(one_sided(r.frame) for r in side.runs)]
    for finding in found if blind else ():
        finding.why_not = f"the {' and the '.join(blind)} was {REASON}"
    return found


def _found(
    first: Side, second: Side, chosen: Sequence[Metric], level: float, seed: int, notes: list[str]
) -> list[Finding]:
    confidence = Confidence(level)
    if min(len(first.runs), len(second.runs)) >= LEAST_RUNS:
        match = paired(first, second)
        return [by_runs(m, first, match or second, match is not None, confidence) for m in chosen]
    note = _single_note(first, second)
    if note not in notes:
        notes.append(note)
    draws = _draws(first, second, seed)
    return [by_blocks(m, first, second, draws, confidence) for m in chosen]


def _draws(first: Side, second: Side, seed: int) -> Draws:
    length = block_length([*first.runs, *second.runs])
    sides = cells(first.runs, length), cells(second.runs, length)
    return Draws.make(sides, length, _DRAWS, seed)


def _single_note(first: Side, second: Side) -> str:
    runs = f"{len(first.runs)} and {len(second.runs)} runs"
    if len(first.runs) == len(second.runs) == 1:
        runs = "one session each"
    return (
        f"{runs}: the intervals come from blocks of time and may be optimistic; "
        f"{LEAST_RUNS} or more seeded runs a side are compared run by run"
    )


def _side_notes(first: Side, second: Side) -> list[str]:
    return [*second.notes, *_omissions(second), *traffic_notes(first, second)]


def _omissions(side: Side) -> list[str]:
    return [note for run in side.runs[:1] for note in omission_notes(run, side.name)]


def _table(
    findings: list[Finding], name: str, confidence: float, margin_ms: float, margin_share: float
) -> pd.DataFrame:
    usable = [f.p_value if not f.why_not else float("nan") for f in findings]
    for finding, p in zip(findings, holm(usable), strict=True):
        finding.p_holm = p
    return pd.DataFrame(
        [_row(finding, name, 1.0 - confidence, margin_ms, margin_share) for finding in findings]
    )


def _row(
    finding: Finding, name: str, alpha: float, margin_ms: float, margin_share: float
) -> dict[str, Any]:
    margin = finding.margin(margin_ms, margin_share)
    outcome = verdict(finding, margin, alpha)
    needed = needed_messages(finding, margin)
    return {
        "candidate_name": name,
        "metric": finding.metric.name,
        "unit": finding.metric.unit,
        **finding.figures,
        "effect": finding.effect,
        "method": finding.method,
        "verdict": outcome,
        "p_holm": finding.p_holm,
        "margin": margin,
        "needed_messages": float("nan") if finding.why_not else needed,
        "says": sentence(finding, outcome, margin, needed),
    }
