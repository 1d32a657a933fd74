"""Distances and speeds on the ground."""

import doctest

import numpy as np
import pytest

from wsim.analysis import driving
from wsim.analysis.driving import blind_distance, safe_speed, stopping_distance


def test_blind_distance():
    assert blind_distance(20.0, 50 / 3.6) == pytest.approx(0.278, abs=1e-3)
    assert blind_distance([100.0, 200.0], 2.0).tolist() == [0.2, 0.4]


@pytest.mark.parametrize("delay", [0.0, 100.0, 2500.0, 750_000.0])
def test_at_the_safe_speed_the_rover_stops_in_sight(delay):
    speed = safe_speed(delay, 5.0, deceleration=1.5, reaction_s=0.3)
    stop = stopping_distance(delay, speed, deceleration=1.5, reaction_s=0.3)
    assert stop == pytest.approx(5.0)


def test_safe_speed_falls_with_delay():
    assert np.all(np.diff(safe_speed(np.arange(0, 3000, 100))) < 0)


@pytest.mark.parametrize("name", ["deceleration", "sight_m"])
def test_impossible_values_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be greater than 0, not 0"):
        safe_speed(100.0, **{name: 0})


def test_the_docstrings_run():
    assert doctest.testmod(driving) == (0, 2)
