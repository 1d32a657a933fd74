"""Shares of messages with an interval that holds: run by run wherever there are replicates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wsim.analysis.columns import Codes, Messages, codes, combine, constant
from wsim.analysis.intervals import Interval, replicated_share, wilson
from wsim.analysis.segments import ratio
from wsim.analysis.sides import LEAST_RUNS

Counts = npt.NDArray[np.intp]


class DropRate(NamedTuple):
    """Messages of one group whose fate is known, how many were dropped, and the rate.

    ``runs`` is the number of runs behind the interval; 0 where it is Wilson's over messages.
    """

    dropped: int
    sent: int
    share: Interval
    runs: int


def drop_rates(messages: Messages, groups: Codes, confidence: float = 0.95) -> list[DropRate]:
    """Return the drop rate of each group.

    The messages of one run are no independent trials, so that a group of five runs or more
    takes the mean of its runs with Student's interval, as a comparison of replicates does;
    fewer runs take Wilson's over all messages.
    """
    run = codes(messages.frame, "run") if "run" in messages.frame.columns else None
    pairs = combine([groups, run or constant(len(messages), "")], len(messages))
    known = messages.original & ~messages.fate.where("unknown")
    size = len(pairs.labels)
    sent = np.bincount(pairs.codes[known], minlength=size)
    lost = np.bincount(pairs.codes[known & messages.fate.where("dropped")], minlength=size)
    own: dict[object, list[int]] = {label: [] for label in groups.labels}
    for place, (group, _) in enumerate(pairs.labels):
        own[group].append(place)
    return [pooled(lost[mine], sent[mine], confidence) for mine in own.values()]


def pooled(lost: Counts, sent: Counts, confidence: float = 0.95) -> DropRate:
    """Return the drop rate of one group from what each of its runs lost and sent."""
    dropped, known = int(lost.sum()), int(sent.sum())
    whole = wilson(dropped, known, confidence)
    if len(sent) < LEAST_RUNS:
        return DropRate(dropped, known, whole, 0)
    found = replicated_share(ratio(lost, sent).tolist(), whole, confidence)
    return DropRate(dropped, known, found, 0 if found is whole else len(sent))
