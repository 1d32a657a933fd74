"""Coordinated omission: seen where a sender waits, and only there."""

import frames
import numpy as np
import pytest

from wsim.analysis.omission import back_filled, omission


def waiting(latency, period=0.05):
    """A sender on a schedule that waits for each answer before it sends again."""
    created, now = [], 0.0
    for value in latency:
        created.append(now)
        now += max(period, value / 1e3)
    return frames.make(created, latency)


@pytest.fixture
def latency():
    return np.random.default_rng(1).choice([20.0, 500.0], 2000, p=[0.98, 0.02])


def test_a_waiting_sender_is_recognised(latency):
    found = omission(waiting(latency)).iloc[0]
    slow = int((latency[:-1] == 500).sum())
    assert found.waits == slow
    assert found.never_sent == 9 * slow
    assert found.period_ms == pytest.approx(50.0)
    assert found.p99_corrected_ms >= found.p99_ms
    assert found.stream == ("run-1", "client-1", "driveCommands", "inbound")


def test_a_schedule_that_is_kept_has_none(latency):
    assert len(omission(frames.periodic(20, 100, latency))) == 0


@pytest.mark.parametrize("seed", range(5))
def test_random_traffic_is_not_suspected(seed):
    rng = np.random.default_rng(seed)
    created = np.cumsum(rng.exponential(0.05, 3000))
    assert len(omission(frames.make(created, rng.lognormal(4, 0.5, 3000)))) == 0


def test_pauses_for_other_reasons_are_not_suspected(latency):
    created = np.arange(2000) / 20 + (np.arange(2000) // 100) * 3.0
    assert len(omission(frames.make(created, 60.0))) == 0


def test_back_filling_follows_the_recipe():
    assert sorted(back_filled(np.array([10.0, 250.0]), 100.0)) == [10.0, 50.0, 150.0, 250.0]


def test_the_repair_restores_what_the_schedule_would_have_seen():
    """Stalls of 500 ms every 10 s, seen on schedule and by a sender that waits."""
    created = np.arange(0, 300, 0.05)
    into = created % 10.0
    full = np.where(into < 0.5, (0.5 - into) * 1e3, 0.0) + 20.0
    kept, now = [], 0.0
    while now < 300:
        phase = now % 10.0
        value = (0.5 - phase) * 1e3 + 20.0 if phase < 0.5 else 20.0
        kept.append((now, value))
        now += max(0.05, value / 1e3)
    times, seen = (np.array(column) for column in zip(*kept, strict=True))
    found = omission(frames.make(times, seen)).iloc[0]
    assert found.p99_ms < 0.5 * np.quantile(full, 0.99)
    assert found.p99_corrected_ms == pytest.approx(np.quantile(full, 0.99), rel=0.1)


def test_empty_and_tiny():
    assert len(omission(frames.make([]))) == len(omission(frames.make([0.0]))) == 0
