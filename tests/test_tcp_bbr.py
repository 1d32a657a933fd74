"""BBR: what it learns of a path, and what that does to thin streams and large frames."""

from __future__ import annotations

import numpy as np
import pytest

from wsim.conditions import NetworkConditions
from wsim.tcp import TcpConnection, tcp_deliveries
from wsim.tcp.bbr import PROBE_BANDWIDTH, Bbr

MS = 1_000_000
S = 1_000_000_000


def conditions(**changes: object) -> NetworkConditions:
    plain = NetworkConditions(
        latency_ms=50.1,
        jitter_ms=0.0,
        packet_loss_rate=0.0,
        bandwidth_mbps=None,
        congestion_control="bbr",
    )
    return plain.replace(**changes)


def waits(count: int, period_ms: int, size: int, **changes: object) -> np.ndarray:
    times = np.arange(count) * period_ms * MS
    return (tcp_deliveries(times, size, conditions(**changes), seed=2) - times) / MS


def test_it_finds_the_rate_of_the_bottleneck() -> None:
    both = conditions(bandwidth_mbps=8.0, queue_limit_messages=200)
    tcp = TcpConnection(both, both, seed=1)
    for i in range(400):
        tcp.send("inbound", i * 10 * MS, i, 20_000)
        tcp.advance(i * 10 * MS)
    control = tcp._halves["inbound"].sender.bbr
    assert isinstance(control, Bbr)
    assert control.mode == PROBE_BANDWIDTH
    packets_per_s = control.bandwidth * 1e9
    assert packets_per_s * 1500 * 8 / 1e6 == pytest.approx(8.0, rel=0.1)
    assert control._min_rtt / MS == pytest.approx(100.2, abs=2.5)


def test_large_frames_are_paced_even_without_loss() -> None:
    frames = waits(300, 100, 30_000)
    assert 55 < np.median(frames) < 75
    cubic = waits(300, 100, 30_000, congestion_control="cubic")
    assert np.median(cubic) < 51


def test_thin_streams_recover_faster_than_with_cubic() -> None:
    late = [
        np.quantile(waits(4000, 20, 200, packet_loss_rate=0.1, congestion_control=cc), 0.99)
        for cc in ("bbr", "cubic")
    ]
    assert late[0] < 450
    assert late[1] > 2 * late[0]


def test_loss_does_not_stop_it() -> None:
    """2.4 Mbit/s at 1 % loss is beyond CUBIC on this path, and easy for BBR."""
    assert np.median(waits(600, 100, 30_000, packet_loss_rate=0.01)[300:]) < 300
    cubic = waits(600, 100, 30_000, packet_loss_rate=0.01, congestion_control="cubic")
    assert np.median(cubic[300:]) > 5_000


def test_everything_arrives() -> None:
    found = waits(1500, 20, 4_000, packet_loss_rate=0.2)
    assert len(found) == 1500
    assert found.min() >= 50
