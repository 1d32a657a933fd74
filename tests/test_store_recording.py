"""The short way of recording gives the rows that the long one gives."""

from __future__ import annotations

import pandas as pd
import pytest

from wsim.errors import UsageError
from wsim.history import History
from wsim.store.recording import BLOCK_ROWS

MS = 1_000_000
PARTS = (0, 1 * MS, 2 * MS, 3 * MS, 4 * MS, 0, 0, 0)


def short(history, number, *, session=1, direction="inbound", parts=PARTS):
    at = number * MS
    history.append_plain(
        at, at, at + 10 * MS, direction, "driveCommands", f"client-{number % 3}", session, 48,
        str(number), -1, parts, {"number": number},
    )  # fmt: skip


def long(history, number, *, session=1, direction="inbound", parts=PARTS):
    at = number * MS
    history.append(
        at, at, at + 10 * MS, direction, "driveCommands", f"client-{number % 3}", session,
        "delivered", "", 0, 48, str(number), "/", -1, -1, -1, parts, {"number": number},
    )  # fmt: skip


@pytest.mark.parametrize("max_rows", [None, 100])
def test_both_ways_write_the_same_rows_across_blocks(max_rows):
    ours, theirs = History(max_rows), History(max_rows)
    for number in range(BLOCK_ROWS + 10):
        direction = "outbound" if number % 5 == 0 else "inbound"
        short(ours, number, direction=direction)
        long(theirs, number, direction=direction)
    pd.testing.assert_frame_equal(ours.frame, theirs.frame)
    assert set(ours.frame["direction"]) == {"inbound", "outbound"}
    assert ours.evicted == theirs.evicted


def test_listeners_hear_of_both():
    heard = []
    for record in (short, long):
        history, rows = History(), []
        history.listeners.append(rows.append)
        record(history, 7)
        heard.append(rows)
    assert heard[0] == heard[1] != []


def test_what_does_not_fit_is_met_alike():
    history = History()
    short(history, 0, session=2**40)
    assert history.frame["session"].tolist() == [2**32 - 1]
    with pytest.raises(UsageError, match="eight of them"):
        short(history, 1, parts=(1, 2))
    assert len(history) == 1
