"""Hostile histories: a note or a ColumnsError, never a crash, never a number from nothing."""

import frames
import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsim.analysis.comparison import compare
from wsim.analysis.objectives import Objective, check
from wsim.analysis.omission import omission
from wsim.analysis.shift import shift_function
from wsim.analysis.silences import stale_bursts, watchdog_trips
from wsim.analysis.stops import emergency_stop, stop_reaction
from wsim.analysis.summary import summarize
from wsim.analysis.teleop import teleop
from wsim.analysis.verdicts import VERDICTS
from wsim.errors import ColumnsError
from wsim.schema import CAUSES, FATES

ODD = [np.nan, np.inf, -np.inf, -50.0, 0.0, 1e-9, 50.0, 50.0, 50.0, 1e12]
PROMISES = [
    Objective("latency", share=0.9, limit_ms=100),
    Objective("drop_rate", limit=0.1),
    Objective("age", share=0.9, limit_ms=300),
    Objective("watchdog_trips", limit=1),
]


@st.composite
def hostile(draw):
    """Frames with odd numbers, odd labels, repeated rows, shuffled rows, missing columns."""
    n = draw(st.integers(0, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    created = np.where(rng.random(n) < 0.2, rng.choice(ODD, n), np.sort(rng.random(n) * 60))
    frame = frames.make(
        created if n else [],
        rng.choice(ODD, n) if n else [],
        fate=rng.choice([*FATES, "delivered", "delivered", "lost in space"], n),
        cause=rng.choice(CAUSES, n),
        copy=rng.choice([0, 0, 1, 7], n),
        event_name=rng.choice(["driveCommands", "emergencyStop", "", "<b>x</b>"], n),
        client_id=rng.choice(["a", "b"], n),
        run=rng.choice(["r1", "r2"], n),
        size_bytes=rng.choice([0, 1, 2**40], n),
    )
    frame = frame.iloc[rng.integers(0, n, n)] if n and draw(st.booleans()) else frame
    names = st.sampled_from([*frame.columns])
    return frame.drop(columns=draw(st.lists(names, max_size=4, unique=True)))


def attempt(work):
    """Return what `work` gives; a ColumnsError is an answer too."""
    try:
        return work()
    except ColumnsError:
        return None


calm = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@calm
@given(hostile())
def test_summaries(frame):
    before = frame.copy()
    table = attempt(lambda: summarize(frame))
    pd.testing.assert_frame_equal(frame, before)
    if table is None:
        return
    for row in table.to_dict("records"):
        assert row["sent"] >= row["delivered"] + row["dropped"]
        assert not row["drop_rate"] < 0
        assert not row["drop_rate"] > 1
        assert not row["p50_ms"] > row["p999_ms"]
        assert not row["p50_ms_low"] > row["p50_ms"]
        assert not np.isinf(row["max_ms"])
        if not row["delivered"]:
            assert np.isnan(row["p50_ms"])
            assert not row["watchdog_trips"] > 0


@calm
@given(hostile())
def test_driving(frame):
    for work in (teleop, watchdog_trips, stale_bursts, emergency_stop, stop_reaction, omission):
        attempt(lambda work=work: work(frame))
    table = attempt(lambda: check(frame, PROMISES))
    if table is not None:
        assert set(table["outcome"]) <= {"pass", "fail", "not enough data"}


@calm
@given(hostile(), hostile())
def test_comparisons(first, second):
    for work in (compare, shift_function):
        table = attempt(lambda work=work: work(first, second))
        if table is not None and "verdict" in table:
            assert set(table["verdict"]) <= set(VERDICTS)
            assert not table["says"].str.contains("nan|inf").any()
            known = table["verdict"] != "not enough data"
            assert table.loc[known, ["low", "high"]].notna().all(axis=None)
