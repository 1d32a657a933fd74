"""Rows that appear twice, as when a run was loaded two times."""

from __future__ import annotations

import numpy as np
import pandas as pd

from wsim.analysis.columns import Floats, Messages, codes, floats


def note_repeated(messages: Messages) -> None:
    """Note rows that appear twice, as when a run was loaded two times."""
    frame = messages.frame
    columns = [n for n in ("run", "client_id", "seq", "message_id", "copy") if n in frame.columns]
    if "seq" in columns:
        seq = floats(frame, "seq")
        if np.all(seq[1:] > seq[:-1]):
            return
        columns = [name for name in columns if name != "message_id"]
    elif "message_id" not in columns:
        return
    if "run" in columns and "seq" in columns and _rises_by_run(frame, seq):
        return
    repeated = int(frame.duplicated(subset=columns).sum())
    if repeated:
        which = "seq" if "seq" in columns else "message_id"
        messages.note(
            f"{repeated} rows repeat the {which} of another row of their run: counted as "
            "messages of their own; was a file loaded twice?"
        )


def _rises_by_run(frame: pd.DataFrame, seq: Floats) -> bool:
    """Return whether each run is one block of rows with rising numbers."""
    run = codes(frame, "run").codes
    edges = np.flatnonzero(np.concatenate([[True], run[1:] != run[:-1]]))
    if len(np.unique(run[edges])) != len(edges):
        return False
    falls = np.flatnonzero(seq[1:] <= seq[:-1]) + 1
    return bool(np.all(np.isin(falls, edges)))
