"""The driving table: one row per group, from pieces that are tested on their own."""

import frames
import numpy as np
import pandas as pd
import pytest

import wsim
from wsim.analysis.driving import safe_speed
from wsim.analysis.stops import stop_reaction
from wsim.analysis.summary import summarize
from wsim.analysis.teleop import teleop
from wsim.errors import UnknownNameError


@pytest.fixture
def session():
    rng = np.random.default_rng(5)
    commands = frames.periodic(20, 60, rng.lognormal(4, 0.3, 1200), lost=rng.random(1200) < 0.02)
    pictures = frames.periodic(
        5, 60, 120.0, event_name="cameraFeed", direction="outbound", size_bytes=20_000
    )
    pings = frames.periodic(
        1, 60, 30.0, event_name="pingCheck", round_trip_ms=np.arange(60) + 50.0, ack_id=1
    )
    return pd.concat([commands, pictures, pings], ignore_index=True)


def test_agrees_with_the_summary(session):
    row, summary = teleop(session).iloc[0], summarize(session).iloc[0]
    for name in ("age_mean_ms", "age_p99_ms", "watchdog_trips", "gap_max_ms", "stale_share"):
        assert row[name] == summary[name]


def test_distances_take_command_and_picture(session):
    row = teleop(session, speed_mps=2.0, sight_m=8.0).iloc[0]
    delay = row.age_p99_ms + row.video_age_p99_ms
    assert row.video_age_p99_ms == pytest.approx(120 + 0.99 * 200)
    assert row.blind_distance_m == pytest.approx(2.0 * delay / 1e3)
    assert row.safe_speed_mps == pytest.approx(safe_speed(delay, 8.0))


def test_without_pictures_it_says_so(session):
    table = teleop(session[session.event_name == "driveCommands"])
    assert any("no 'cameraFeed'" in note for note in table.attrs["wsim_notes"])
    assert table.safe_speed_mps.iloc[0] > 0


def test_round_trips(session):
    row = teleop(session).iloc[0]
    assert row.round_trips == 60
    assert row.round_trip_p50_ms == pytest.approx(79.5)
    assert row.round_trip_p50_ms_low < 79.5 < row.round_trip_p50_ms_high
    assert row.round_trip_max_ms == 109.0


def test_emergency_stop_by_probes(session):
    row = teleop(session, retries=1).iloc[0]
    probes = stop_reaction(session, retries=1).iloc[0]
    assert row.stop_p99_ms == probes.p99_ms
    assert row.stop_presses == 0


def test_the_rate_a_loop_held():
    created = np.arange(1200) / 20
    latency = np.where((created >= 30) & (created < 36), np.nan, 50.0)
    row = teleop(frames.make(created, latency)).iloc[0]
    assert row.loop_hz == pytest.approx(20.0)
    assert row.loop_worst_hz == 0.0
    assert row.loop_held_share == pytest.approx(52 / 58, abs=0.02)
    assert row.stopped_share == pytest.approx(5.55 / 59.95, abs=0.005)
    assert teleop(frames.make(created, latency), loop_hz=40).loop_held_share.iloc[0] == 0.0


def test_empty_and_lost():
    assert len(teleop(frames.make([]))) == 0
    row = teleop(frames.make([0.0, 1.0], np.nan)).iloc[0]
    assert np.isnan(row.age_mean_ms)
    assert np.isnan(row.safe_speed_mps)


def test_the_public_names():
    assert wsim.teleop is teleop
    assert wsim.safe_speed is safe_speed


def test_pauses_of_the_operator_can_be_left_out_of_the_ages():
    created = np.concatenate([np.arange(100) / 20, 15 + np.arange(100) / 20])
    frame = frames.make(created, np.full(200, 30.0))
    counted, skipped = (teleop(frame, None, pauses=p).iloc[0] for p in ("count", "skip"))
    assert counted.equals(teleop(frame, None).iloc[0])
    assert counted.age_p99_ms > 5_000
    assert skipped.age_p99_ms == pytest.approx(80.0, abs=1.0)
    assert skipped.safe_speed_mps > counted.safe_speed_mps
    assert skipped.watchdog_trips == counted.watchdog_trips == 1
    assert skipped.age_peak_ms == summarize(frame, None, pauses="skip").iloc[0].age_peak_ms
    with pytest.raises(UnknownNameError, match="did you mean 'skip'"):
        teleop(frame, None, pauses="skp")
