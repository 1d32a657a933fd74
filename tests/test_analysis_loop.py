"""The delay of the whole loop: command, rover, next picture."""

import frames
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsim.analysis.driving import delay_margin, phase_lost
from wsim.analysis.loop import loop_delays
from wsim.analysis.summary import summarize
from wsim.analysis.teleop import teleop
from wsim.errors import ColumnsError


def pictures(created, latency, **columns):
    return frames.make(created, latency, event_name="cameraFeed", direction="outbound", **columns)


def drive(command_ms=40.0, picture_ms=90.0, **columns):
    """Commands every 50 ms, pictures every 200 ms."""
    both = [
        frames.make(np.arange(200) / 20, command_ms, **columns),
        pictures(np.arange(50) / 5, picture_ms, **columns),
    ]
    return pd.concat(both, ignore_index=True)


def test_a_command_waits_for_the_next_picture():
    # commands arrive 40 ms after 0, 50, 100, 150 ms; the next picture is taken at 200 ms
    found = loop_delays(drive())
    assert found["latency_ms"].iloc[1:5].tolist() == pytest.approx([240, 190, 140, 290])
    # the last picture is taken at 9.8 s: what takes effect later cannot be judged
    assert (found["fate"] == "in_flight").sum() == 4
    assert found["created_s"][found["fate"] == "in_flight"].min() == pytest.approx(9.8)


def test_the_rover_takes_its_time():
    slow, quick = loop_delays(drive(), actuation_ms=200.0), loop_delays(drive())
    assert slow["latency_ms"].iloc[10] == pytest.approx(quick["latency_ms"].iloc[10] + 200.0)
    with pytest.raises(ValueError, match="actuation_ms must be 0 or more"):
        loop_delays(drive(), actuation_ms=-1.0)


def plain_delay(created, arrived, shots):
    """The first picture to be shown among those taken after the effect, one by one."""
    if arrived is None:
        return np.inf
    shown = [shown for taken, shown in shots if taken >= arrived - 1e-9 and shown is not None]
    return (min(shown) - created) * 1e3 if shown else np.nan


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_equals_a_recount(seed):
    rng = np.random.default_rng(seed)
    parts, wanted = [], []
    for run in ("one", "two"):
        sent, taken = np.sort(rng.random(12)), np.sort(rng.random(8))
        late = np.where(rng.random(12) < 0.2, np.nan, rng.integers(1, 400, 12))
        shot = np.where(rng.random(8) < 0.3, np.nan, rng.integers(1, 400, 8))
        shots = [
            (t, None if np.isnan(d) else t + d / 1e3) for t, d in zip(taken, shot, strict=True)
        ]
        for created, delay in zip(sent, late, strict=True):
            arrived = None if np.isnan(delay) else created + delay / 1e3
            wanted.append(plain_delay(created, arrived, shots))
        parts += [frames.make(sent, late, run=run), pictures(taken, shot, run=run)]
    found = loop_delays(pd.concat(parts, ignore_index=True))
    delay = np.where(found["fate"] == "dropped", np.inf, found["latency_ms"])
    assert np.allclose(delay, wanted, equal_nan=True)


def test_it_is_a_history_of_its_own():
    frame = pd.concat([drive(run="one"), drive(80.0, run="two", profile="slow")])
    table = summarize(loop_delays(frame))
    assert table["p50_ms"].to_dict() == pytest.approx({"default": 190.0, "slow": 240.0}, abs=51)
    row = teleop(frame).loc["default"]
    assert row.loop_delay_max_ms == table.loc["default", "max_ms"]
    assert row.loop_delay_p50_ms == pytest.approx(table.loc["default", "p50_ms"], abs=51)


def test_lost_commands_are_never_seen():
    row = teleop(drive(np.where(np.arange(200) % 10 == 0, np.nan, 40.0))).iloc[0]
    assert np.isinf(row.loop_delay_p99_ms)
    assert np.isfinite(row.loop_delay_p50_ms)


def test_without_pictures_or_events():
    commands = frames.periodic(20, 2)
    assert (loop_delays(commands)["fate"] == "in_flight").all()
    assert np.isnan(teleop(commands)["loop_delay_p50_ms"].iloc[0])
    assert len(loop_delays(frames.make([]))) == 0
    with pytest.raises(ColumnsError, match="event_name"):
        loop_delays(commands.drop(columns="event_name"))


def test_a_delay_costs_phase():
    assert delay_margin(5.0, np.degrees(1.0)) == pytest.approx(200.0)
    assert phase_lost(delay_margin(3.0, 40.0), 3.0) == pytest.approx(40.0)
    with pytest.raises(ValueError, match="phase_margin_deg must be greater than 0"):
        delay_margin(4.0, 0.0)


def test_the_margin_is_shown_to_whoever_knows_the_loop():
    row = teleop(drive(), crossover_rad_s=4.0, phase_margin_deg=45.0).iloc[0]
    assert row.delay_margin_ms == pytest.approx(196.35, abs=0.01)
    assert row.phase_lost_deg == pytest.approx(np.degrees(4.0 * row.loop_delay_p99_ms / 1e3))
    assert row.delay_margin_kept_share == pytest.approx(0.5, abs=0.01)  # 190 and 140, not more
    assert "delay_margin_ms" not in teleop(drive(), crossover_rad_s=4.0)
