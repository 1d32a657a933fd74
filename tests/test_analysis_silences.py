"""Silences and the bursts behind them, one row each."""

import frames
import numpy as np
import pandas as pd
import pytest

from wsim.analysis.silences import stale_bursts, watchdog_trips
from wsim.analysis.summary import summarize


def stalled(begin, end, delay=50.0, **columns):
    """10 Hz for 20 s; what is created in a stall arrives right after it."""
    created = np.arange(200) / 10
    latency = np.full(200, delay)
    stall = (created >= begin) & (created < end)
    latency[stall] = (end - created[stall]) * 1e3 + delay
    return frames.make(created, latency, **columns)


def test_a_stall_is_one_trip_and_one_burst():
    frame = stalled(5.0, 8.0)
    trip = watchdog_trips(frame).iloc[0]
    assert trip.start_s == pytest.approx(4.95)
    assert trip.trip_s == pytest.approx(5.45)
    assert trip.end_s == pytest.approx(8.05)
    assert trip.silence_ms == pytest.approx(3100.0)
    burst = stale_bursts(frame).iloc[0]
    assert burst.at_s == pytest.approx(8.05)
    assert burst["size"] == 26  # created from 5.0 to 7.5 s, delivered at 8.05 s
    assert burst.oldest_ms == pytest.approx(3050.0)


def test_runs_are_kept_apart():
    both = pd.concat([stalled(5.0, 8.0, run="one"), stalled(2.0, 4.0, run="two")])
    assert watchdog_trips(both)["run"].tolist() == ["one", "two"]
    assert stale_bursts(both)["silence_ms"].tolist() == pytest.approx([3100.0, 2100.0])


def test_the_lists_agree_with_the_counts():
    frame = pd.concat([stalled(5.0, 8.0), stalled(9.0, 11.0, run="two")])
    row = summarize(frame).iloc[0]
    assert row.watchdog_trips == len(watchdog_trips(frame)) == 2
    assert row.catch_up_bursts == len(stale_bursts(frame))
    assert row.catch_up_max == stale_bursts(frame)["size"].max()


def test_a_pause_on_a_slow_link_is_no_burst():
    created = np.concatenate([np.arange(40) / 20, 10.0 + np.arange(40) / 20])
    frame = frames.make(created, 4_000.0)  # all are old, and keep the pace of the operator
    row = summarize(frame).iloc[0]
    assert row.watchdog_trips == 1
    assert row.stale_share == 1.0
    assert row.catch_up_bursts == row.catch_up_max == len(stale_bursts(frame)) == 0


def test_a_burst_after_a_pause_counts_what_piled_up():
    created = np.concatenate([np.arange(40) / 20, 10.0 + np.arange(40) / 20])
    latency = np.full(80, 50.0)
    latency[40:60] = (11.0 - created[40:60]) * 1e3 + 50.0  # the link is out when driving goes on
    frame = frames.make(created, latency)
    row = summarize(frame).iloc[0]
    assert row.catch_up_bursts == len(stale_bursts(frame)) == 1
    assert row.catch_up_max == stale_bursts(frame)["size"].iloc[0] == 11


def test_nothing_happened():
    frame = frames.periodic(10, 5)
    assert len(watchdog_trips(frame)) == len(stale_bursts(frame)) == 0
    assert len(watchdog_trips(frames.make([]))) == 0


def test_silence_to_the_end():
    latency = np.where(np.arange(50) < 20, 50.0, np.nan)
    trip = watchdog_trips(frames.periodic(10, 5, latency)).iloc[0]
    assert trip.end_s == pytest.approx(4.9)
