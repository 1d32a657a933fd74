"""The shift function: by how much does each quantile of the latency move?

Doksum (1974, Annals of Statistics 2:267), with the deciles and the upper tail. The intervals
come from the same methods as those of `compare`.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from wsim.analysis.comparison import find, rows_of
from wsim.analysis.intervals import check_confidence
from wsim.analysis.metrics import quantile_metric
from wsim.analysis.sides import Runs, make_side
from wsim.analysis.streams import Limits
from wsim.schema import COMMAND_EVENT

PROBABILITIES = (*(i / 10 for i in range(1, 10)), 0.95, 0.99, 0.999)
"""Deciles and the tail."""


def shift_function(
    baseline: Runs,
    candidate: Runs,
    *,
    probabilities: Sequence[float] = PROBABILITIES,
    event: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the difference of each latency quantile, with its interval.

    Parameters
    ----------
    baseline, candidate : DataFrame or list of DataFrame
        As for `wsim.compare`.
    probabilities : sequence of float
        Quantiles between 0 and 1.
    event : str, optional
        Take this event only.

    Returns
    -------
    DataFrame
        ``quantile``, ``baseline``, ``candidate``, ``difference``, ``low``, ``high`` in ms
        (limits are NaN where there is not enough data), ``method`` and ``why_not``.
        Each interval has `confidence` by itself.
    """
    check_confidence(confidence)
    for q in probabilities:
        if not 0.0 < q < 1.0:
            raise ValueError(f"probabilities must lie between 0 and 1, not {q!r}")
    stream = event or COMMAND_EVENT
    first = make_side(rows_of(baseline, event), "baseline", stream, Limits())
    second = make_side(rows_of(candidate, event), "candidate", stream, Limits())
    notes = [*first.notes, *second.notes]
    chosen = [quantile_metric(q) for q in probabilities]
    rows = [
        {
            "quantile": finding.metric.q,
            **finding.figures,
            "method": finding.method,
            "why_not": finding.why_not,
        }
        for finding in find(first, second, chosen, confidence, seed, notes)
    ]
    table = pd.DataFrame(rows)
    table.attrs["wsim_notes"] = notes
    return table
