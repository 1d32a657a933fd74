"""Losses that come in bursts: how much less their messages tell than independent ones.

A share of independent messages has Wilson's interval. Where a connection breaks, messages are
lost by the dozen, and that interval is too narrow by about the root of `design_effect`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from wsim.analysis.columns import Bools, codes, read
from wsim.analysis.intervals import Interval, wilson

SURE = 3.0
"""Standard deviations by which runs of losses must be too few to be called bursts."""


def effective_share(failed: Bools, confidence: float) -> Interval:
    """Return the share of failures with Wilson's interval for the effective sample size."""
    n, hits = len(failed), int(np.count_nonzero(failed))
    effect = design_effect(failed)
    return wilson(hits / effect, n / effect, confidence)


def design_effect(failed: Bools) -> float:
    """Return how many messages count as one, because failures come in runs.

    For a two-state Markov chain with mean run of failures L and share p the variance of the
    share is 2 L (1 - p) - 1 times that of independent messages.
    """
    n, hits = len(failed), int(np.count_nonzero(failed))
    runs = _runs(failed)
    return max(1.0, 2.0 * hits / runs * (1.0 - hits / n) - 1.0) if runs else 1.0


def _runs(failed: Bools) -> int:
    """Return the number of runs of failures."""
    return int(np.count_nonzero(np.diff(np.concatenate([[0], failed.astype(np.int8)])) == 1))


def mean_burst(frames: Iterable[pd.DataFrame]) -> tuple[float, float] | None:
    """Return the mean length of runs of losses, and that of independent ones.

    None unless the runs are fewer than chance explains (Wald and Wolfowitz 1940: of h losses
    among n messages, g = n - h good, h (g + 1) / n runs are expected, with the variance
    h (h - 1) g (g + 1) / (n^2 (n - 1))).
    """
    total = runs = count = 0
    expected = variance = 0.0
    for frame in frames:
        lost = _losses(frame)
        n, hits = len(lost), int(np.count_nonzero(lost))
        total, count, runs = total + n, count + hits, runs + _runs(lost)
        if n > 1:
            good = n - hits
            expected += hits * (good + 1) / n
            variance += hits * (hits - 1) * good * (good + 1) / (n**2 * (n - 1))
    if not runs or variance <= 0.0 or expected - runs <= SURE * variance**0.5:
        return None
    return count / runs, count / expected


def _losses(frame: pd.DataFrame) -> Bools:
    """Return which messages of known fate were lost, run by run as they were created."""
    messages = read(frame)
    known = messages.original & ~messages.fate.where("in_flight", "unknown", "refused")
    run = codes(frame, "run").codes if "run" in frame.columns else np.zeros(len(frame), np.intp)
    order = np.lexsort((messages.created[known], run[known]))
    lost: Bools = messages.lost[known][order]
    return lost


def burst_words(frames: Iterable[pd.DataFrame]) -> str | None:
    """Return that losses came in bursts, with the figures; None if chance explains them."""
    found = mean_burst(frames)
    if found is None:
        return None
    return (
        f"losses came in bursts ({found[0]:.1f} in a row on average, "
        f"{found[1]:.1f} if they were independent)"
    )


def narrow_note(frames: Iterable[pd.DataFrame]) -> str | None:
    """Return that an interval over all messages is too narrow for these losses, if it is."""
    words = burst_words(frames)
    if words is None:
        return None
    return (
        f"{words}: the interval of the drop rate takes them as independent and is too narrow; "
        "give 5 runs or more"
    )


__all__ = ["burst_words", "design_effect", "effective_share", "mean_burst", "narrow_note"]
