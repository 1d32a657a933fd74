"""Timers counted in ticks, rounded up by the wheel."""

from __future__ import annotations

import pytest

from wsim.tcp.timers import PHASE_NS, TICK_NS, expiry_ns, ticks

MS = 1_000_000


def test_ticks_round_up() -> None:
    assert [ticks(ms * MS) for ms in (0, 1, 4, 5, 300)] == [0, 1, 1, 2, 75]


@pytest.mark.parametrize(("count", "grain"), [(1, 1), (62, 1), (63, 8), (503, 8), (504, 64)])
@pytest.mark.parametrize("now_ns", [0, 1, TICK_NS - 1, 123_456_789])
@pytest.mark.parametrize("phase_ns", [0, 777_777, PHASE_NS - 1])
def test_a_timer_is_late_by_one_grain_of_the_wheel_at_most(
    count: int, grain: int, now_ns: int, phase_ns: int
) -> None:
    waited = expiry_ns(now_ns, count, phase_ns) - now_ns
    assert count * TICK_NS < waited <= (count + grain) * TICK_NS


def test_long_timers_fire_on_common_edges() -> None:
    """That is why retransmissions after a long outage come at the same times again and again."""
    edges = {expiry_ns(at * MS, 600, 0) for at in range(0, 250, 4)}
    assert len(edges) == 2
    assert all(edge % (64 * TICK_NS) == 0 for edge in edges)
