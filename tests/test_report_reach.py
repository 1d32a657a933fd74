"""How soon commands reached the rover: losses count, the operator's pauses do not."""

import math

import numpy as np
import pandas as pd
import pytest
from frames import make
from hypothesis import given, settings
from hypothesis import strategies as st

from wsim.analysis.report.bursts import stale_bursts
from wsim.analysis.report.reach import reaches
from wsim.analysis.report.words import grade

drives = st.lists(
    st.tuples(st.integers(1, 900), st.one_of(st.none(), st.integers(0, 2000))),
    min_size=1, max_size=40,
)  # fmt: skip


def reach_of(frame):
    return reaches(frame, "driveCommands")["default"]


@settings(deadline=None, max_examples=30)
@given(drives)
def test_it_equals_a_recount_in_plain_python(drive):
    created = np.cumsum([gap for gap, _ in drive]) / 1e3
    latency = [math.nan if late is None else float(late) for _, late in drive]
    arrival = [
        math.inf if math.isnan(x) else t + x / 1e3 for t, x in zip(created, latency, strict=True)
    ]
    delays = [(min(arrival[i:]) - created[i]) * 1e3 for i in range(len(created))]
    got = reach_of(make(created, latency))
    ordered = sorted(delays)
    for share, value in ((0.9, got.p90_ms), (0.99, got.p99_ms)):
        wanted = ordered[max(0, math.ceil(share * len(ordered)) - 1)]
        assert value == pytest.approx(wanted, abs=1e-6)
    assert got.freeze_share == pytest.approx(sum(d > 500 for d in delays) / len(delays), abs=0.05)


def test_a_pause_of_the_operator_is_no_delay():
    created = np.concatenate([np.arange(0, 5, 0.05), np.arange(15, 20, 0.05)])
    got = reach_of(make(created, 50.0))
    assert got.p99_ms == pytest.approx(50)
    assert got.freeze_share == 0
    assert got.pauses == 1
    assert got.longest_pause_s == pytest.approx(10.05)


def test_a_loss_waits_for_the_next_command():
    got = reach_of(make([0.0, 0.1, 0.2], [50, np.nan, 50]))
    assert got.p99_ms == pytest.approx(150)


def test_what_never_arrives_is_infinitely_late():
    assert math.isinf(reach_of(make([0.0, 1.0], np.nan)).p90_ms)
    assert grade(reach_of(make([0.0, 1.0], np.nan))) == (4, "plans only")


def test_runs_do_not_help_each_other():
    frame = pd.concat([make([0.0], np.nan, run="a"), make([0.1], 10.0, run="b")])
    assert reach_of(frame).freeze_share == 0.5


def test_short_freezes_are_said_beside_a_good_grade():
    lost = np.zeros(2000, dtype=bool)
    lost[100:160] = True
    level, word = grade(reach_of(make(np.arange(2000) / 20, 50.0, lost=lost)))
    assert (level, word) == (2, "direct, freezes")


def test_commands_after_a_pause_are_no_burst_however_late():
    created = np.concatenate([np.arange(0, 5, 0.05), np.arange(15, 20, 0.05)])
    assert stale_bursts(make(created, 750_000.0), "driveCommands") == []


def test_other_events_and_directions_do_not_count():
    assert reaches(make([0.0], event_name="ping"), "driveCommands") == {}
    assert reaches(make([0.0], direction="outbound"), "driveCommands") == {}
