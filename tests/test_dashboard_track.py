"""The rover moves as it is told, stops when it hears nothing, and obeys a stop."""

from __future__ import annotations

import math

import pytest

from wsim.dashboard.track import WATCHDOG_S, Track


def driven(seconds, every=0.05, **command):
    track = Track()
    for i in range(round(seconds / every)):
        track.hear(command, i * every)
    track.move_to(seconds)
    return track


def test_straight_ahead():
    track = driven(10, linear=0.5)
    assert (track.x, track.y) == pytest.approx((5.0, 0.0))


def test_a_circle_comes_back():
    track = driven(2 * math.pi / 0.5, linear=1.0, angular=0.5)
    assert math.hypot(track.x, track.y) < 0.06
    assert track.points()[:, 1].max() == pytest.approx(4.0, abs=0.05)


def test_the_other_kind_of_command_is_understood():
    track = driven(1, xVel=2.0, rotVel=90.0)
    assert track.heading == pytest.approx(math.pi / 2)


def test_silence_stops_the_rover():
    track = Track()
    track.hear({"linear": 1.0}, 0.0)
    track.move_to(100.0)
    assert track.x == pytest.approx(WATCHDOG_S)
    assert track.linear == 0.0


def test_an_emergency_stop_holds_until_standing_still_was_asked_for():
    track = Track()
    track.hear({"linear": 1.0}, 0.0)
    track.stop(0.1)
    track.hear({"linear": 1.0}, 0.2)
    track.move_to(0.3)
    assert track.x == pytest.approx(0.1)
    track.hear({"linear": 0.0}, 0.3)
    track.hear({"linear": 1.0, "angular": None}, 0.4)
    track.move_to(0.5)
    assert track.x == pytest.approx(0.2)
