"""Age of information: closed forms, and a plain integration on random streams."""

import frames
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wsim.analysis import age
from wsim.analysis.summary import summarize
from wsim.errors import UnknownNameError


def ages(frame, **options):
    return summarize(frame, None, sections=["streams"], **options).iloc[0]


@pytest.mark.parametrize(("rate", "mean"), [(50, 60.0), (20, 75.0)])
def test_a_periodic_sender_has_age_d_plus_half_a_period(rate, mean):
    row = ages(frames.periodic(rate, 20, 50.0))
    period = 1e3 / rate
    assert row.age_mean_ms == pytest.approx(mean)
    assert row.age_peak_ms == pytest.approx(50 + period)
    assert row.age_peak_mean_ms == pytest.approx(50 + period)
    assert row.age_p99_ms == pytest.approx(50 + 0.99 * period)


def test_independent_loss_follows_the_closed_form():
    p, period, delay = 0.1, 50.0, 20.0
    lost = np.random.default_rng(8).random(200_000) < p
    row = ages(frames.periodic(20, 10_000, delay, lost=lost))
    assert row.age_mean_ms == pytest.approx(delay + period / 2 * (1 + p) / (1 - p), rel=0.01)
    assert row.age_peak_mean_ms == pytest.approx(delay + period / (1 - p), rel=0.01)


def test_an_old_message_does_not_make_the_rover_younger():
    frame = frames.make([0.0, 0.1, 0.2], [50.0, 500.0, 50.0])  # the second comes last
    row = ages(frame)
    assert row.age_peak_mean_ms == pytest.approx(250.0)
    assert row.age_peak_ms == pytest.approx(400.0)  # at 0.6 s, of the third message
    assert row.reordered == 1


def test_silence_at_the_end_counts():
    frame = frames.make([0.0, 1.0, 2.0, 3.0], [10.0, np.nan, np.nan, np.nan])
    row = ages(frame, watchdog_ms=500)
    assert row.age_peak_ms == pytest.approx(3000.0)
    assert row.watchdog_trips == row.watchdog_trips_stamp == 1
    assert row.age_over_share == pytest.approx(2500 / 2990)


def test_streams_do_not_mix():
    both = frames.make([0.0, 0.1, 0.2, 0.0, 0.1, 0.2], 10.0, client_id=["a"] * 3 + ["b"] * 3)
    one = frames.make([0.0, 0.1, 0.2], 10.0)
    assert ages(both).age_mean_ms == pytest.approx(ages(one).age_mean_ms)


def test_the_watchdog_by_arrival_is_fooled_by_catching_up():
    created = np.arange(200) / 10
    latency = np.full(200, 50.0)
    stall = (created >= 5) & (created < 8)
    latency[stall] = (8 - created[stall]) * 1e3 + np.arange(stall.sum()) * 30
    row = ages(frames.make(created, latency))
    assert row.watchdog_trips == 1
    assert row.catch_up_bursts == 1
    assert row.catch_up_oldest_ms == pytest.approx(3000.0)
    assert row.stale_share > 0


STEP_MS = 0.1


def plain_age(created, delivered, end):
    """Age at the middle of steps of 0.1 ms, of which the span holds a whole number."""
    order = np.argsort(delivered)
    steps = round((end - delivered.min()) * 1e3 / STEP_MS)
    times = delivered.min() + (np.arange(steps) + 0.5) * STEP_MS / 1e3
    newest = np.maximum.accumulate(created[order])
    known = newest[np.searchsorted(delivered[order], times, side="right") - 1]
    return (times - known) * 1e3


def test_pauses_of_the_sender_can_be_left_out():
    first, second = np.arange(100) / 20, 15 + np.arange(100) / 20
    created = np.concatenate([first, second])
    frame = frames.make(created, np.full(200, 30.0))
    counted, skipped = ages(frame), ages(frame, pauses="skip")
    assert counted.age_peak_ms == pytest.approx(10_080.0)
    assert skipped.age_peak_ms == pytest.approx(80.0)
    assert skipped.age_mean_ms == pytest.approx(55.0, abs=0.5)
    assert skipped.watchdog_trips_stamp == counted.watchdog_trips_stamp == 1
    steady = frames.make(np.arange(30.0), np.full(30, 30.0))
    assert ages(steady, pauses="skip").age_mean_ms == ages(steady).age_mean_ms
    with pytest.raises(UnknownNameError, match="did you mean 'skip'"):
        ages(frame, pauses="skp")


@settings(max_examples=30, deadline=None)
@example(58231391, 2)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
def test_equals_a_plain_integration(seed, n):
    rng = np.random.default_rng(seed)
    created = np.sort(rng.integers(0, 2000, n)) / 1e3
    latency = rng.integers(0, 600, n).astype(float)
    row = ages(frames.make(created, latency), watchdog_ms=100)
    delivered = created + latency / 1e3
    end = max(created.max(), delivered.max())
    sampled = plain_age(created, delivered, end)
    if not len(sampled):
        return
    # all times are whole milliseconds, so the age jumps and crosses 100 ms at edges of steps:
    # the middle of each step is then its mean, and mean and share are exact but for rounding
    assert row.age_mean_ms == pytest.approx(sampled.mean(), abs=1e-6)
    assert row.age_over_share == pytest.approx(np.mean(sampled > 100), abs=1e-9)
    # a quantile lies half a step beside a sample, at most one sample up or down the order
    low, high = (np.clip(0.99 + side / len(sampled), 0.0, 1.0) for side in (-1.0, 1.0))
    assert row.age_p99_ms >= np.quantile(sampled, low, method="lower") - STEP_MS
    assert row.age_p99_ms <= np.quantile(sampled, high, method="higher") + STEP_MS


@pytest.mark.parametrize("q", [0.0, 0.5, 0.99, 1.0])
def test_quantile_of_one_piece_is_a_straight_line(q):
    found = age.age_quantile(np.array([10.0]), np.array([110.0]), q)
    assert found == pytest.approx(10 + 100 * q)


def test_quantile_of_nothing_is_unknown():
    assert np.isnan(age.age_quantile(np.array([5.0]), np.array([5.0]), 0.5))
