"""Smoothed round trips against RFC 6298 written out, and what Linux does differently."""

from __future__ import annotations

import pytest

from wsim.tcp.rtt import MINIMUM_WINDOW_NS, RttEstimator

MS = 1_000_000
FLOOR = 200 * MS


def test_first_sample() -> None:
    rtt = RttEstimator(FLOOR)
    assert rtt.rto_ticks == 250
    rtt.sample(100_000, 0, 0)
    assert rtt.srtt_ns == 100 * MS
    assert rtt.rto_ticks == 75


def test_smoothing_has_a_gain_of_an_eighth() -> None:
    rtt = RttEstimator(FLOOR)
    smooth = 100_000.0
    rtt.sample(100_000, 0, 0)
    for i, sample in enumerate([120_000, 80_000, 95_000, 150_000] * 20):
        rtt.sample(sample, i, i + 5)
        smooth += (sample - smooth) / 8
    assert rtt.srtt_ns / 1000 == pytest.approx(smooth, abs=8)


def test_the_deviation_has_a_floor_and_rises_at_once() -> None:
    rtt = RttEstimator(FLOOR)
    for i in range(50):
        rtt.sample(50_000, i, i + 2)
    assert rtt.rto_ticks == -(-250 // 4)
    rtt.sample(1_050_000, 60, 70)
    assert rtt.srtt_ns == 175 * MS
    assert rtt.rto_ticks * 4 > 175 + 200
    high = rtt.rto_ticks
    for i in range(200):
        rtt.sample(50_000, 100 + 10 * i, 105 + 10 * i)
    assert rtt.rto_ticks < high
    assert rtt.rto_ticks == pytest.approx(250 / 4, abs=2)


def test_back_off_doubles_up_to_two_minutes() -> None:
    rtt = RttEstimator(FLOOR)
    rtt.sample(100_000, 0, 0)
    seen = []
    for _ in range(12):
        rtt.back_off()
        seen.append(rtt.rto_ticks)
    assert seen[:3] == [150, 300, 600]
    assert seen[-1] == 30_000
    rtt.sample(100_000, 1, 2)
    assert rtt.rto_ticks == 75


def test_the_minimum_is_forgotten_after_five_minutes() -> None:
    rtt = RttEstimator(FLOOR)
    rtt.note_minimum(0, 10 * MS)
    rtt.note_minimum(1, 20 * MS)
    assert rtt.min_ns == 10 * MS
    rtt.note_minimum(MINIMUM_WINDOW_NS + 2, 20 * MS)
    assert rtt.min_ns == 20 * MS
