"""Deadlines: one for all, or one for each event."""

import frames
import numpy as np
import pandas as pd
import pytest

from wsim.analysis.comparison import compare
from wsim.analysis.plots import plot_timeline
from wsim.analysis.summary import summarize


def mixed(n=100, **columns):
    """Commands, pictures and telemetry in turn, each 250 ms late."""
    event = np.resize(["driveCommands", "cameraFeed", "sensorData"], n)
    return frames.make(np.arange(n) / 10, 250.0, event_name=event, **columns)


def shares(frame, **options):
    return summarize(frame, "event_name", **options)["late_share"].to_dict()


def test_pictures_may_take_longer_by_default():
    assert shares(mixed()) == {"cameraFeed": 0.0, "driveCommands": 1.0, "sensorData": 1.0}


def test_one_number_holds_for_all():
    assert set(shares(mixed(), deadline_ms=240).values()) == {1.0}
    assert set(shares(mixed(), deadline_ms=250).values()) == {0.0}


def test_each_event_has_its_own():
    own = {"driveCommands": 251.0, "sensorData": 100}
    assert shares(mixed(), deadline_ms=own) == {
        "cameraFeed": 1.0, "driveCommands": 0.0, "sensorData": 1.0,
    }  # fmt: skip
    pooled = summarize(mixed(99), deadline_ms=own).iloc[0]
    assert pooled.late_share == pytest.approx(2 / 3)
    assert pooled.late_share_low < 2 / 3 < pooled.late_share_high


def test_bursts_of_late_messages_keep_to_them():
    table = summarize(mixed(), "event_name", deadline_ms={"cameraFeed": 500})
    assert table["late_run_longest"].to_dict() == {
        "cameraFeed": 0, "driveCommands": 34, "sensorData": 33,
    }  # fmt: skip


def test_comparisons_and_timelines_keep_to_them():
    sides = [[mixed(run=f"run-{n}") for n in range(5)] for _ in range(2)]
    table = compare(*sides, metrics=["late_share"], deadline_ms={"driveCommands": 300.0})
    assert table["baseline"].iloc[0] == pytest.approx(0.66)
    single = compare(mixed(), mixed(), metrics=["late_share"], deadline_ms={"sensorData": 300.0})
    assert single["candidate"].iloc[0] == pytest.approx(0.67)
    ax = plot_timeline(mixed(), by="event_name", late_ms={"cameraFeed": 200.0})
    late = [line for line in ax.get_lines() if str(line.get_gid()).startswith("late")]
    assert [len(line.get_xdata()) for line in late] == [34, 33, 33]


def test_what_is_no_deadline_is_named():
    with pytest.raises(ValueError, match="driveCommands is 'soon'"):
        summarize(mixed(), deadline_ms={"driveCommands": "soon"})
    for wrong in (0, -1.0, float("nan"), True, None):
        with pytest.raises(ValueError, match="number of milliseconds"):
            summarize(mixed(), deadline_ms=wrong)


def test_an_event_that_is_not_there_is_named():
    table = summarize(mixed(), deadline_ms={"driveComands": 100})
    notes = table.attrs["wsim_notes"]
    assert any("'driveComands', which is no event here" in note for note in notes)
    assert not [note for note in summarize(frames.make([0.0])).attrs["wsim_notes"]
                if "deadline" in note]  # fmt: skip


def test_frames_without_events_take_the_usual_one():
    frame = pd.DataFrame({"created_s": [0.0, 0.1], "latency_ms": [199.0, 201.0]})
    assert summarize(frame)["late_share"].iloc[0] == 0.5
