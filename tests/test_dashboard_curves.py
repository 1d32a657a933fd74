"""What live pictures draw, against counts and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from frames import make, periodic

from wsim.analysis.intervals import wilson
from wsim.dashboard import curves
from wsim.dashboard.view import window_of


def test_few_points_are_drawn_as_they_are_and_many_keep_their_extremes():
    x = np.linspace(-30, 0, 100_000)
    y = np.sin(x * 50) + np.where(np.arange(len(x)) == 77_777, 9.0, 0.0)
    xs, ys = curves.thin(x, y, -30.0)
    assert len(xs) <= 3 * curves.COLUMNS
    assert np.nanmax(ys) == y.max()
    assert np.nanmin(ys) == y.min()
    few = curves.thin(x[:100], y[:100], -30.0)
    np.testing.assert_array_equal(few[1], y[:100])


def test_points_out_of_view_and_missing_ones_are_left_out():
    x, y = np.array([-31.0, -5.0, -4.0, 1.0]), np.array([1.0, 2.0, np.nan, 4.0])
    assert curves.thin(x, y, -30.0)[1].tolist() == [2.0]


def test_marks_keep_every_occupied_column_of_every_lane():
    rng = np.random.default_rng(0)
    x, lane = rng.uniform(-30, 0, 50_000), rng.integers(0, 3, 50_000).astype(np.int16)
    lane[123] = 3
    xs, lanes = curves.one_per_column(x, lane, -30.0)
    assert len(xs) <= 4 * curves.COLUMNS
    assert set(lanes) == {0.0, 1.0, 2.0, 3.0}
    assert abs(xs[lanes == 3][0] - x[123]) <= 30 / curves.COLUMNS


def test_the_distribution_agrees_with_a_count():
    values = np.random.default_rng(2).exponential(50, 20_000)
    x, share = curves.shares(np.append(values, np.nan))
    for q in (20.0, 50.0, 200.0):
        assert np.interp(q, x, share) == pytest.approx(100 * np.mean(values <= q), abs=1.0)
    assert share[-1] == pytest.approx(100.0)
    assert curves.shares(np.array([np.nan]))[0].size == 0


def test_drop_rates_are_the_wilson_intervals_of_the_last_five_seconds():
    created = np.sort(np.random.default_rng(4).uniform(0, 30, 600))
    lost = np.random.default_rng(3).random(len(created)) < 0.2
    window = window_of(make(created, 0.0, lost=lost))
    x, rate, low, high = curves.drop_rates(window)
    for i in (5, 12, len(x) - 1):
        end = x[i] + window.now_s
        inside = (created >= end - 5) & (created < end)
        expected = wilson(int(lost[inside].sum()), int(inside.sum()))
        got = (rate[i] / 100, low[i] / 100, high[i] / 100)
        assert got == pytest.approx((expected.estimate, expected.low, expected.high), rel=1e-6)


def test_the_age_of_a_steady_stream_is_the_delay_plus_half_the_period_at_the_mean():
    window = window_of(periodic(20, 20, 50.0))
    x, age = curves.ages(window)
    mean = np.trapezoid(age, x) / (x[-1] - x[0])
    assert mean == pytest.approx(0.050 + 0.025, rel=0.01)
    assert age.max() == pytest.approx(0.050 + 0.050)


def test_a_message_that_is_overtaken_does_not_make_the_rover_younger():
    window = window_of(make([0.0, 1.0, 1.1], [100.0, 900.0, 100.0]))
    x, age = curves.ages(window)
    assert x.tolist() == pytest.approx([-1.8, -0.7, -0.7, 0.0])
    assert age.tolist() == pytest.approx([0.1, 1.2, 0.1, 0.8])


def test_nothing_is_drawn_of_nothing():
    window = window_of(make([]))
    assert curves.ages(window)[0].size == 0
    assert curves.drop_rates(window)[0].size == 0
    assert curves.medians(window)[0].size == 0
    assert curves.greatest(np.array([])) == 0.0
    assert curves.greatest(np.array([np.nan])) == 0.0


def test_the_median_of_each_second():
    window = window_of(make([0.1, 0.2, 0.3, 1.1], [10.0, 30.0, 20.0, 50.0]), span_s=5)
    assert curves.medians(window)[1].tolist() == pytest.approx([20.0, 50.0], rel=1)


def test_a_camera_far_behind_does_not_press_the_commands_flat():
    frame = make([0.0, 0.1], [100.0, 9000.0], direction=["inbound", "outbound"])
    assert curves.worth_showing(window_of(frame)) == 100.0
    frame = make([0.0, 0.1], [100.0, 150.0], direction=["inbound", "outbound"])
    assert curves.worth_showing(window_of(frame)) == 150.0
    assert curves.worth_showing(window_of(make([0.0], 70.0, direction="outbound"))) == 70.0
