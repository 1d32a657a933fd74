"""Emergency stops: presses with retries, the watchdog behind them, and probes."""

import frames
import numpy as np
import pandas as pd
import pytest

from wsim.analysis.stops import emergency_stop, stop_reaction
from wsim.errors import ColumnsError


def drive(latency=50.0, seconds=20, **columns):
    return frames.periodic(20, seconds, latency, **columns)


def presses(times, latency):
    return frames.make(times, latency, event_name="emergencyStop")


def test_retries_belong_to_one_press():
    frame = pd.concat([drive(), presses([5.0, 5.2, 5.4, 15.0], [np.nan, 80.0, 60.0, 40.0])])
    row = emergency_stop(frame).iloc[0]
    assert (row.presses, row.attempts, row.undelivered, row.unstopped) == (2, 4, 0, 0)
    assert row.max_ms == pytest.approx(280.0)  # 0.2 s to the retry, 80 ms across
    assert row.p50_ms == pytest.approx(40.0)
    assert row.over_150ms == 0.5
    assert row.over_300ms == 0.0


def test_the_watchdog_stops_the_rover_when_nothing_arrives():
    created = np.arange(400) / 20
    latency = np.where((created >= 5) & (created < 8), np.nan, 50.0)
    frame = pd.concat([frames.make(created, latency), presses([5.1], [np.nan])])
    row = emergency_stop(frame).iloc[0]
    assert (row.stopped_by_watchdog, row.undelivered) == (1, 1)
    assert row.max_ms == pytest.approx(400.0)  # last command at 5.0 s, stopped at 5.5 s


def test_a_lost_press_while_commands_flow_stops_nothing():
    row = emergency_stop(pd.concat([drive(), presses([5.0], [np.nan])])).iloc[0]
    assert row.unstopped == 1
    assert row.max_ms == np.inf
    assert row.over_500ms == 1.0


def test_no_press_is_said():
    table = emergency_stop(drive())
    assert table.presses.iloc[0] == 0
    assert np.isnan(table.p50_ms.iloc[0])
    assert "no 'emergencyStop' was sent" in table.attrs["wsim_notes"][0]


def test_presses_need_event_names():
    with pytest.raises(ColumnsError, match="emergency stops needs the column 'event_name'"):
        emergency_stop(drive().drop(columns="event_name"))


def test_probes_without_retries_are_latencies():
    latency = np.random.default_rng(1).lognormal(4, 0.4, 400)
    row = stop_reaction(drive(latency)).iloc[0]
    assert row.probes == 400
    assert row.max_ms == pytest.approx(latency.max())
    assert row.over_150ms == pytest.approx(np.mean(latency > 150))


def test_retries_beat_loss():
    lost = np.random.default_rng(2).random(4000) < 0.2
    frame = drive(50.0, 200, lost=lost)
    once, thrice = stop_reaction(frame), stop_reaction(frame, retries=2, retry_ms=100)
    assert once.never_share.iloc[0] == pytest.approx(np.mean(lost))
    assert thrice.never_share.iloc[0] == pytest.approx(0.2**3, abs=0.004)
    assert once.p95_ms.iloc[0] == np.inf
    assert thrice.p95_ms.iloc[0] == pytest.approx(150.0)


def test_retries_equal_a_plain_search():
    rng = np.random.default_rng(3)
    created = np.sort(rng.random(80) * 5)
    latency = np.where(rng.random(80) < 0.3, np.nan, rng.lognormal(4, 0.6, 80))
    row = stop_reaction(frames.make(created, latency), retries=1, retry_ms=130).iloc[0]
    found = []
    for i, t in enumerate(created):
        later = [j for j in range(80) if created[j] >= t + 0.13 - 1e-9]
        if later:
            tries = [created[j] + latency[j] / 1e3 - t for j in (i, later[0])]
            found.append(np.nanmin([*tries, np.inf]) * 1e3)
    assert row.probes == len(found)
    assert row.never_share == pytest.approx(np.mean(np.isinf(found)))
    assert row.p50_ms == pytest.approx(sorted(found)[int(np.ceil(0.5 * len(found))) - 1])


def test_impossible_retries():
    with pytest.raises(ValueError, match="retries must be 0 or more"):
        stop_reaction(drive(), retries=-1)
