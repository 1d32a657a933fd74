"""Formulas: connecting under loss, and the rate TCP saturates at."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wsim.batch import simulate
from wsim.conditions import NetworkConditions
from wsim.tcp import (
    SaturationWarning,
    connect_time_ns,
    saturated,
    saturation_rate_bytes,
    saturation_warning,
    syn_retry_s,
    tcp_deliveries,
)
from wsim.traffic import Traffic

MS = 1_000_000


def test_retries_are_linear_for_four_then_double() -> None:
    waits = [syn_retry_s(n) for n in range(8)]
    assert np.diff(waits) == pytest.approx([1.03] * 4 + [2.06, 4.12, 8.24])


def test_connecting_takes_a_round_trip_without_loss() -> None:
    assert connect_time_ns(80 * MS, 0.0, 0.0, lambda: 0.5) == 80 * MS


def test_connecting_gives_up() -> None:
    assert connect_time_ns(80 * MS, 1.0, 0.0, lambda: 0.5) is None


def test_a_server_that_heard_the_client_repeats_its_answer() -> None:
    rng = np.random.default_rng(1)
    loss = 0.2
    drawn = [connect_time_ns(0, 0.0, loss, rng.random) for _ in range(20_000)]
    first = np.mean([at == 0 for at in drawn])
    second = np.mean([at == round(1.03e9) for at in drawn])
    assert first == pytest.approx(1 - loss, abs=0.01)
    assert second == pytest.approx(loss * (1 - loss**2), abs=0.01)


def test_saturation() -> None:
    assert saturation_rate_bytes(1448, 0.1, 0.01) == pytest.approx(1.22 * 1448 / 0.1 / 0.1)
    assert saturation_rate_bytes(1448, 0.1, 0.0) == math.inf
    assert saturation_warning(10_000, 1448, 0.1, 0.01) is None
    text = saturation_warning(300_000, 1448, 0.1, 0.01)
    assert text is not None
    assert "300 kB/s" in text
    assert "176.7 kB/s" in text
    assert "bbr" in text


@pytest.mark.parametrize(("share", "grows"), [(0.4, False), (2.0, True)])
def test_latency_grows_without_bound_beyond_saturation(share: float, grows: bool) -> None:
    limit = saturation_rate_bytes(1448, 0.1, 0.02)
    size = round(limit * share / 20)
    conditions = NetworkConditions(
        latency_ms=50.1, jitter_ms=0.0, packet_loss_rate=0.02, bandwidth_mbps=None
    )
    times = np.arange(1200) * 50 * MS
    waits = (tcp_deliveries(times, size, conditions, seed=3) - times) / MS
    first, last = np.median(waits[200:400]), np.median(waits[-200:])
    assert bool(last > 3 * first) is grows


def test_a_run_beyond_saturation_warns() -> None:
    lossy = NetworkConditions(packet_loss_rate=0.05, transport="tcp", disconnect_rate=0.0)
    video = Traffic.periodic("video", 10, size_bytes=30_000, direction="outbound")
    with pytest.warns(SaturationWarning, match="outbound: 300 kB/s is more than TCP carries"):
        simulate(video, lossy, duration_s=2)


def test_only_cubic_over_lossy_tcp_saturates() -> None:
    lossy = NetworkConditions(packet_loss_rate=0.05, transport="tcp")
    assert saturated(lossy, 1e6) is not None
    for changes in (
        {"packet_loss_rate": 0.0},
        {"transport": "datagram"},
        {"congestion_control": "bbr"},
        {"enabled": False},
    ):
        assert saturated(lossy.replace(**changes), 1e6) is None
