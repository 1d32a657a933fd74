"""Which rows stand for a group: the command stream, if several events are pooled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from wsim.analysis.columns import Bools, Codes, Messages, codes, combine, present
from wsim.analysis.tables import in_words


def representative(messages: Messages, groups: Codes, by: Sequence[str], command: str) -> Bools:
    """Return the rows whose streams stand for their group.

    The command's rows where there are any (inbound ones, if it goes both ways), all rows of
    a group with a single event, and none of a group that pools several other events.
    """
    frame = messages.frame
    chosen = np.ones(len(frame), dtype=bool)
    if "event_name" in by or "event_name" not in frame.columns:
        return chosen
    event = codes(frame, "event_name")
    table = np.zeros((len(groups.labels), len(event.labels)), dtype=bool)
    narrow = np.dtype(np.int8 if table.size < 128 else np.int32)
    width = np.asarray(len(event.labels), narrow)
    pairs = groups.codes.astype(narrow) * width + event.codes.astype(narrow)
    seen = np.zeros(table.shape, dtype=bool)
    seen.flat[present(pairs, table.size)] = True
    for g, label in enumerate(groups.labels):
        if command in event.labels and seen[g, event.labels.index(command)]:
            table[g, event.labels.index(command)] = True
        elif np.count_nonzero(seen[g]) == 1:
            table[g] = seen[g]
        else:
            messages.note(
                f"{in_words(label)} pools several events and has no '{command}': age, jitter, "
                "gaps and watchdog are left out; pass command=... or by='event_name'"
            )
    chosen = table.reshape(-1)[pairs]
    return _one_way(messages, chosen, by)


def among(messages: Messages, streams: pd.DataFrame, by: Sequence[str]) -> Bools:
    """Return the rows that belong to one of the `streams`: group, event and direction."""
    keys = [*by, "event_name", "direction"]
    names = [n for n in dict.fromkeys(keys) if n in messages.frame.columns]
    pairs = combine([codes(messages.frame, name) for name in names], len(messages))
    wanted = set(streams[names].itertuples(index=False, name=None))
    hits = np.array([label in wanted for label in pairs.labels], dtype=bool)
    return np.asarray(hits[pairs.codes], dtype=bool)


def _one_way(messages: Messages, chosen: Bools, by: Sequence[str]) -> Bools:
    """Keep the inbound rows of a command that goes both ways."""
    if "direction" in by or "direction" not in messages.frame.columns:
        return chosen
    direction = codes(messages.frame, "direction")
    inbound = direction.where("inbound")
    if np.any(chosen & inbound) and np.any(chosen & ~inbound):
        messages.note("stream metrics are those of the inbound direction (towards the rover)")
        return chosen & inbound
    return chosen
