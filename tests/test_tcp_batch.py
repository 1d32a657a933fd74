"""A whole schedule gives what stepping gives, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from wsim.conditions import NetworkConditions
from wsim.errors import ConditionsError
from wsim.tcp import TcpConnection, run_schedule, tcp_deliveries

MS = 1_000_000
LOSSY = NetworkConditions(
    latency_ms=50.1, jitter_ms=0.0, packet_loss_rate=0.05, bandwidth_mbps=None
)


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
@pytest.mark.parametrize("jitter", [0.0, 10.0])
def test_a_schedule_equals_stepping(direction: str, jitter: float) -> None:
    conditions = LOSSY.replace(jitter_ms=jitter)
    times = np.arange(5000) * 20 * MS
    sizes = 100 + np.arange(5000) % 700
    tcp = TcpConnection(conditions, conditions, seed=4)
    stepped = {}
    for i, now in enumerate(times.tolist()):
        stepped.update({n: (at, parts) for _, n, at, parts in tcp.advance(now)})
        tcp.send(direction, now, i, int(sizes[i]))
        stepped.update({n: (at, parts) for _, n, at, parts in tcp.advance(now)})
    while (due := tcp.next_event_ns) is not None:
        stepped.update({n: (at, parts) for _, n, at, parts in tcp.advance(due)})
    fresh = TcpConnection(conditions, conditions, seed=4)
    delivered, parts = run_schedule(fresh, direction, 0, times, sizes)
    assert delivered.tolist() == [stepped[i][0] for i in range(5000)]
    assert parts.tolist() == [list(stepped[i][1]) for i in range(5000)]
    whole = tcp_deliveries(times, sizes, conditions, seed=4, direction=direction)
    assert np.array_equal(whole, delivered)


def test_one_size_serves_for_all() -> None:
    times = np.arange(50) * 20 * MS
    one = tcp_deliveries(times, 200, LOSSY, seed=1)
    assert np.array_equal(one, tcp_deliveries(times, np.full(50, 200), LOSSY, seed=1))


def test_what_can_never_arrive_is_given_up() -> None:
    dead = LOSSY.replace(packet_loss_rate=1.0)
    assert tcp_deliveries(np.arange(3) * MS, 200, dead).tolist() == [-1, -1, -1]


def test_nothing_to_send() -> None:
    assert len(tcp_deliveries(np.zeros(0, np.int64), 200, LOSSY)) == 0


@pytest.mark.parametrize(
    ("times", "size", "says"),
    [([MS, 0], 10, "times_ns must not decrease"), ([0, MS], 0, "1 byte or more")],
)
def test_bad_schedules_are_refused(times: list[int], size: int, says: str) -> None:
    with pytest.raises(ConditionsError, match=says):
        tcp_deliveries(np.array(times), size, LOSSY)
