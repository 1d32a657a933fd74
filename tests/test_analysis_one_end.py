"""Recordings of one end: told from dead networks, and round trips recounted."""

from pathlib import Path

import numpy as np
import pytest
from frames import make

from wsim.analysis.one_end import one_end_note, one_sided, round_trips
from wsim.analysis.report.one_end import answers, one_ended
from wsim.analysis.report.sections import first_screen
from wsim.analysis.report.study import Study, entries
from wsim.formats import load

FIELD = Path(__file__).parent.parent / "data" / "field_log.har"


def test_round_trips_are_those_of_the_rows():
    frame = load(FIELD)
    times = frame["round_trip_ms"].dropna()
    known = round_trips([frame])
    assert (known.asked, known.answered) == (int((frame["ack_id"] >= 0).sum()), len(times))
    assert known.p50_ms == pytest.approx(times.median())
    assert known.max_ms == times.max()


def test_unanswered_questions_count_and_copies_do_not():
    frame = make(np.arange(4.0), ack_id=[0, 1, 2, -1], copy=[0, 0, 1, 0],
                 round_trip_ms=[10.0, np.nan, 90.0, np.nan])  # fmt: skip
    assert round_trips([frame])[:4] == (2, 1, 10.0, 10.0)
    assert round_trips([frame.drop(columns="round_trip_ms")]).answered == 0


def test_only_a_history_without_any_fate_is_of_one_end():
    frame = make(np.arange(3.0), fate="unknown", ack_id=-1)
    assert one_sided(frame)
    assert "no round trip was recorded" in (one_end_note([frame]) or "")
    for other in (make(np.arange(3.0), lost=True), frame.head(0)):
        assert not one_sided(other)
        assert one_end_note([frame, other]) is None
    assert one_end_note([]) is None


def test_a_report_does_not_judge_what_nobody_recorded():
    study = Study(entries({"field": load(FIELD), "dead": make(np.arange(30.0), lost=True)}))
    (field, dead), _ = first_screen(study, None)
    assert field.word == "arrivals unknown"
    assert field.sentence == (
        "arrivals unknown (recorded at one end); 162 of 162 questions acknowledged, "
        "round trip p50 75.3 ms, p99 414 ms."
    )
    assert dead.word == "cut off"
    assert [note.split(":")[0] for note in one_ended(study)] == ["field"]
    section = answers(study)
    assert section is not None
    assert section.tables[0].rows[0] == ("field", "162", "162", "75.3 ms", "414 ms", "691 ms")


def test_round_trips_are_no_chapter_where_arrivals_are_known():
    assert answers(Study(entries({"dead": make(np.arange(30.0), lost=True)}))) is None
