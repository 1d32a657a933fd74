"""CUBIC against the curve of RFC 9438, and its integer habits."""

from __future__ import annotations

import math

import pytest

from wsim.tcp.cubic import Cubic

MS = 1_000_000
TICK = 4 * MS


class Window:
    """As much of a sender as CUBIC looks at."""

    def __init__(self, cwnd: int, ssthresh: int = 2) -> None:
        self.cwnd, self.ssthresh = cwnd, ssthresh
        self.cwnd_count = self.phase = self.una = self.nxt = 0


def test_a_loss_cuts_three_tenths_and_never_below_two() -> None:
    assert [Cubic().cut(cwnd) for cwnd in (100, 10, 4, 3, 2)] == [70, 7, 2, 2, 2]


@pytest.mark.parametrize("rtt_ms", [20, 100])
def test_growth_follows_the_cubic_curve(rtt_ms: int) -> None:
    """From 0.7 of the old window back to it after K = cbrt(0.3 W / 0.4) seconds, then beyond."""
    before = 1000
    cubic = Cubic()
    window = Window(cubic.cut(before))
    now, found = 0, {}
    while now < 15_000 * MS:
        for _ in range(max(window.cwnd // 8, 1)):
            cubic.grow(window, now, 8)  # type: ignore[arg-type]
        now += rtt_ms * MS
        found[now // MS] = window.cwnd
    k = (before * 0.3 / 0.4) ** (1 / 3)
    for seconds in (4.0, 8.0, k, 12.0):
        curve = before + 0.4 * (seconds - k) ** 3
        at = min(found, key=lambda ms: abs(ms - 1000 * seconds))
        assert found[at] == pytest.approx(curve, rel=0.04)


def test_slow_start_ends_exactly_at_the_threshold() -> None:
    cubic, window = Cubic(), Window(10, ssthresh=16)
    cubic.grow(window, 0, 4)  # type: ignore[arg-type]
    assert window.cwnd == 14
    cubic.grow(window, TICK, 2)  # type: ignore[arg-type]
    assert window.cwnd == 16
    cubic.grow(window, 2 * TICK, 1)  # type: ignore[arg-type]
    assert window.cwnd == 16


def test_small_windows_grow_like_reno() -> None:
    """At a few segments the curve is flatter than Reno, which CUBIC never falls behind."""
    cubic = Cubic()
    window = Window(cubic.cut(8))
    start = window.cwnd
    for round_trip in range(40):
        for _ in range(window.cwnd):
            cubic.grow(window, round_trip * 20 * MS, 1)  # type: ignore[arg-type]
    reno = math.sqrt(start**2 + 2 * 0.53 * 40 * start)
    assert window.cwnd >= reno * 0.9


def test_fast_convergence_gives_way_to_newcomers() -> None:
    cubic = Cubic()
    cubic.cut(100)
    cubic.cut(80)
    window = Window(68)
    cubic.grow(window, 0, 1)  # type: ignore[arg-type]
    assert cubic._w_max == 80 * 1741 // 2048


def test_idle_time_does_not_count() -> None:
    busy, idle = Cubic(), Cubic()
    for cubic in (busy, idle):
        cubic.cut(100)
        cubic.grow(Window(70), TICK, 1)  # type: ignore[arg-type]
    idle.resume(1000, 900)
    assert idle._epoch == busy._epoch + 900


def test_slow_start_stops_when_the_delay_rises() -> None:
    cubic, window = Cubic(), Window(20, ssthresh=1 << 30)
    for i in range(60):
        cubic.sampled(window, i * 10 * MS, (50 if i < 10 else 80) * MS)  # type: ignore[arg-type]
        window.una, window.nxt = window.una + 1, window.una + 12
    assert window.ssthresh == 20
