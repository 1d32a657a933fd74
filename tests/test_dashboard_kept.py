"""Kept runs get letters, a place in the pictures, and a row in the table."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from frames import make, periodic

from wsim.dashboard.again import paired_latency
from wsim.dashboard.kept import Slots, _letters
from wsim.errors import UnknownNameError, UsageError


def slots():
    made = Slots()
    for latency in (50.0, 90.0):
        frame = periodic(20, 30, latency, lost=np.arange(600) % 10 == 0)
        made.add(frame, 30.0, profile=f"p{latency:.0f}", conditions=None, source="test")
    return made


def test_letters_go_on_after_z():
    assert list(islice(_letters(), 53))[24:28] == ["Y", "Z", "AA", "AB"]
    assert list(islice(_letters(), 53))[52] == "BA"


def test_kept_runs_have_letters_and_labels():
    made = slots()
    assert list(made) == ["A", "B"]
    assert made["B"].label == "B: p90"
    assert [scene.name for scene in made.scenes()] == ["A", "B"]
    assert list(made.frames()) == ["A: p50", "B: p90"]


def test_a_letter_that_was_let_go_is_used_again():
    made = slots()
    made.forget("A")
    assert list(made) == ["B"]
    assert made.add(periodic(1, 5), 30.0, profile="", conditions=None, source="").name == "A"
    with pytest.raises(UnknownNameError, match="no kept run 'Q'"):
        made.forget("Q")


def test_nothing_is_not_kept():
    with pytest.raises(UsageError, match="nothing to keep"):
        Slots().add(make([]), 30.0, profile="", conditions=None, source="")


def test_the_table_has_a_row_for_each():
    table = slots().table()
    assert table["run"].tolist() == ["A", "B"]
    assert table["p50_ms"].tolist() == [50.0, 90.0]
    assert table["drop_rate"].tolist() == pytest.approx([0.1, 0.1])
    assert len(Slots().table()) == 0


def test_the_same_message_is_compared_with_itself():
    first = make([0.0, 1.0, 2.0, 3.0], [10.0, 20.0, np.nan, 40.0])
    second = make([0.0, 1.0, 2.0, 3.0], [15.0, np.nan, 30.0, 60.0])
    assert paired_latency(first, second).tolist() == [5.0, 20.0]
