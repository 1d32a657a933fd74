"""Packets one way: loss, queue, jitter and what may change on the way."""

from __future__ import annotations

import numpy as np
import pytest

from wsim.conditions import NetworkConditions
from wsim.tcp.path import HEADER_BYTES, LOST, Path

MS = 1_000_000
PLAIN = NetworkConditions(latency_ms=50.0, jitter_ms=0.0, packet_loss_rate=0.0, bandwidth_mbps=None)


def path(**changes: object) -> Path:
    return Path(PLAIN.replace(**changes), seed=1, client=0, direction="inbound")


def test_loss_is_drawn_packet_by_packet() -> None:
    way = path(packet_loss_rate=0.1)
    lost = np.array([way.cross(i * MS, 100) == LOST for i in range(50_000)])
    assert lost.mean() == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / 50_000))
    pairs = np.mean(lost[1:] & lost[:-1])
    assert pairs == pytest.approx(0.01, abs=0.003)


@pytest.mark.parametrize(
    "model",
    [
        {"kind": "gilbert_elliott_time", "mean_burst_s": 0.1},
        {"kind": "gilbert_elliott", "mean_burst": 5},
    ],
    ids=["seconds", "messages"],
)
@pytest.mark.parametrize("gap_ms", [2, 20])
def test_bursts_last_a_time_whatever_the_rate(model: dict[str, object], gap_ms: int) -> None:
    way = path(packet_loss_rate=0.1, loss_model=model)
    lost = np.array([way.cross(i * gap_ms * MS, 100) == LOST for i in range(100_000)])
    starts = np.count_nonzero(lost[1:] & ~lost[:-1])
    mean_ms = np.count_nonzero(lost) / starts * gap_ms
    assert lost.mean() == pytest.approx(0.1, abs=0.02)
    assert mean_ms == pytest.approx(100, abs=20)


def test_a_chain_of_four_states_moves_by_the_clock() -> None:
    model = {"kind": "markov4", "p13": 0.05, "p31": 0.5, "p32": 0.0}
    way = path(loss_model=model)
    lost = [way.cross(i * MS, 100) == LOST for i in range(20_000)]
    slots = np.array(lost).reshape(-1, 20)
    assert np.all(slots == slots[:, :1])
    assert 0.03 < slots.mean() < 0.2


def test_a_latency_that_falls_keeps_packets_in_order() -> None:
    way = path()
    first = way.cross(0, 100)
    way.configure(PLAIN.replace(latency_ms=5.0), MS)
    assert way.cross(2 * MS, 100) == first
    assert way.cross(60 * MS, 100) == 65 * MS


def test_jitter_keeps_the_order_unless_reordering_is_on() -> None:
    jitter = {"jitter_ms": 20.0, "jitter_model": "uniform"}
    in_order = path(**jitter)
    times = [in_order.cross(i * 5 * MS, 100) for i in range(500)]
    assert times == sorted(times)
    free = path(**jitter, reorder=True)
    times = [free.cross(i * 5 * MS, 100) for i in range(500)]
    assert times != sorted(times)
    delays = np.array(times) - np.arange(500) * 5 * MS
    assert delays.min() >= 30 * MS
    assert delays.max() <= 70 * MS


def test_the_queue_serves_one_packet_after_another() -> None:
    way = path(bandwidth_mbps=1.0)
    size = 1000 + HEADER_BYTES
    wire = size * 8 * 1000
    arrivals = [way.cross(0, size) for _ in range(3)]
    assert arrivals == [50 * MS + wire * k for k in (1, 2, 3)]
    assert way.details == (2 * wire, wire, 0)


@pytest.mark.parametrize(
    ("limit", "kept"),
    [
        ({"queue_limit_messages": 3}, 4),
        ({"queue_limit_bytes": 3000}, 3),
        ({"queue_limit_ms": 20.0}, 3),
    ],
)
def test_a_full_queue_drops_the_newcomer(limit: dict[str, object], kept: int) -> None:
    """1000 bytes take 8 ms; the packet on the wire is not in the queue."""
    way = path(bandwidth_mbps=1.0, **limit)
    arrivals = [way.cross(0, 1000) for _ in range(8)]
    assert [at != LOST for at in arrivals] == [True] * kept + [False] * (8 - kept)
    assert way.cross(200 * MS, 1000) == 258 * MS


def test_a_change_that_leaves_the_loss_alone_leaves_its_state_alone() -> None:
    model = {"kind": "gilbert_elliott_time", "mean_burst_s": 5.0}
    one, other = (path(packet_loss_rate=0.3, loss_model=model) for _ in range(2))
    seen = []
    for i in range(2000):
        if i % 100 == 0:
            other.configure(other.conditions.replace(latency_ms=50.0 + i), i * 20 * MS)
        pair = (one.cross(i * 20 * MS, 100) == LOST, other.cross(i * 20 * MS, 100) == LOST)
        seen.append(pair)
    assert all(first == second for first, second in seen)
