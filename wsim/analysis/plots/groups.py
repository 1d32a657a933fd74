"""Split a history into the series of a picture, without copying it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from wsim.analysis.columns import Codes, Messages, group_codes

By = str | Sequence[str] | None
MOST_GROUPS = 12
"""More series than this make a picture unreadable; the rest is named, not drawn."""


class Group(NamedTuple):
    """One series: its name and the positions of its rows in the frame."""

    name: str
    rows: npt.NDArray[np.intp]


def columns_of(by: By) -> list[str]:
    """Return the columns of a grouping as a list."""
    return [by] if isinstance(by, str) else list(by or ())


def groups(messages: Messages, by: By) -> list[Group]:
    """Return the groups of a history in the order in which they first appear.

    Parameters
    ----------
    messages
        Any history, read.
    by
        A column, several columns, or None for one group of all rows.

    Raises
    ------
    ColumnsError
        If the frame lacks a column of `by`.
    """
    found = group_codes(messages, columns_of(by))
    if not len(messages):
        return []
    return [Group(name, np.flatnonzero(found.codes == code)) for code, name in in_order(found)]


def in_order(grouping: Codes) -> list[tuple[int, str]]:
    """Return the code and the name of each group, in the order in which they first appear."""
    codes = pd.unique(np.asarray(grouping.codes)).tolist()
    return [(code, name_of(grouping.labels[code])) for code in codes]


def name_of(label: tuple[object, ...]) -> str:
    """Return the name of a group for people."""
    return " · ".join(str(part) for part in label if str(part)) or "all messages"


def drawn(found: list[Group]) -> tuple[list[Group], str]:
    """Return the groups to draw and a remark on those that are left out."""
    if len(found) <= MOST_GROUPS:
        return found, ""
    largest = sorted(range(len(found)), key=lambda i: -len(found[i].rows))[:MOST_GROUPS]
    remark = f"the {MOST_GROUPS} largest of {len(found)} groups are drawn"
    return [found[i] for i in sorted(largest)], remark


def skew_note(messages: Messages) -> str:
    """Return a remark on negative latencies; empty if there are none."""
    negative = int(np.count_nonzero(messages.latency[messages.arrived] < 0))
    return f"{negative:,} latencies are negative: the clocks disagree" if negative else ""
