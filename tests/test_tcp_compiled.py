"""The compiled model gives the readable model's results to the last bit."""

from __future__ import annotations

import time

import numpy as np
import pytest

from wsim.channel import Channel
from wsim.conditions import NetworkConditions
from wsim.tcp import TcpConnection, batch, compile_tcp, run_compiled, run_schedule, tcp_deliveries

pytest.importorskip("numba", reason="needs numba, of the extra wsim[fast]")
pytestmark = pytest.mark.slow
MS = 1_000_000
PLAIN = NetworkConditions(
    latency_ms=50.1, jitter_ms=0.0, packet_loss_rate=0.0, bandwidth_mbps=None, disconnect_rate=0.0
)


@pytest.fixture(scope="module", autouse=True)
def machine_code() -> None:
    compile_tcp()


@pytest.fixture(autouse=True)
def short_schedules_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "WORTH_IT", 1)


def same(conditions: NetworkConditions, period_ms: int, size: int, seed: int, count: int) -> bool:
    times = np.arange(count) * period_ms * MS
    sizes = np.full(count, size)
    pair = [TcpConnection(conditions, conditions, seed=seed) for _ in range(2)]
    fast = run_compiled(pair[0], "inbound", times, sizes)
    slow = run_schedule(pair[1], "inbound", 0, times, sizes)
    assert fast is not None
    return all(np.array_equal(a, b) for a, b in zip(fast, slow, strict=True))


@pytest.mark.parametrize("loss", [0.0, 0.01, 0.05, 0.1, 0.3])
@pytest.mark.parametrize("latency", [0.0, 10.1, 50.0, 100.1])
def test_commands_give_the_same(loss: float, latency: float) -> None:
    conditions = PLAIN.replace(latency_ms=latency, packet_loss_rate=loss)
    assert all(same(conditions, 20, 200, seed, 10_000) for seed in (1, 2))


@pytest.mark.parametrize(
    ("changes", "period_ms", "size"),
    [
        ({"packet_loss_rate": 0.05}, 5, 200),
        ({"packet_loss_rate": 0.02, "latency_ms": 10.1}, 100, 30_000),
        ({"packet_loss_rate": 0.03, "mss_bytes": 500, "initial_window": 3}, 10, 900),
        ({"packet_loss_rate": 0.05, "rto_min_ms": 20.0}, 40, 1500),
    ],
    ids=["coalesced", "frames", "small segments", "short timeouts"],
)
def test_other_streams_give_the_same(changes: dict[str, object], period_ms: int, size: int) -> None:
    assert same(PLAIN.replace(**changes), period_ms, size, 3, 10_000)


def test_a_short_lossy_stream_gives_the_same() -> None:
    assert same(PLAIN.replace(packet_loss_rate=0.05), 20, 200, 1, 10_000)


@pytest.mark.parametrize(
    "changes",
    [
        {"congestion_control": "bbr"},
        {"jitter_ms": 5.0},
        {"bandwidth_mbps": 1.0},
        {"loss_model": {"kind": "gilbert_elliott_time"}, "packet_loss_rate": 0.1},
    ],
    ids=["bbr", "jitter", "rate", "bursts"],
)
def test_what_is_not_plain_is_left_to_the_readable_model(changes: dict[str, object]) -> None:
    conditions = PLAIN.replace(**changes)
    tcp = TcpConnection(conditions, conditions)
    times = np.arange(10_000) * 20 * MS
    assert run_compiled(tcp, "inbound", times, np.full(10_000, 100)) is None


def test_a_connection_in_use_is_left_to_the_readable_model() -> None:
    tcp = TcpConnection(PLAIN, PLAIN)
    tcp.send("inbound", 0, 0, 100)
    times = np.arange(10_000) * 20 * MS
    assert run_compiled(tcp, "inbound", times, np.full(10_000, 100)) is None


def test_a_channel_goes_on_as_if_it_had_stepped(monkeypatch: pytest.MonkeyPatch) -> None:
    conditions = PLAIN.replace(transport="tcp", packet_loss_rate=0.05)
    times = np.arange(12_000) * 20 * MS
    found = []
    for least in (10_000, 1 << 40):
        monkeypatch.setattr(batch, "WORTH_IT", least)
        channel = Channel(conditions, seed=5)
        first = channel.send_many(times, 200)
        second = channel.send_many(times[-1] + 20 * MS + times[:2000], 200)
        found.append((first.delivered_ns.tolist(), second.delivered_ns.tolist()))
    assert found[0] == found[1]


@pytest.mark.benchmark
def test_a_million_messages(capsys: pytest.CaptureFixture[str]) -> None:
    conditions = PLAIN.replace(packet_loss_rate=0.01)
    times = np.arange(1_000_000) * 20 * MS
    taken = []
    for count in (1_000_000, 100_000):
        tcp = TcpConnection(conditions, conditions, seed=1)
        start = time.process_time()
        if count == len(times):
            fast = run_compiled(tcp, "inbound", times, np.full(count, 200))
        else:
            slow = run_schedule(tcp, "inbound", 0, times[:count], np.full(count, 200))
        taken.append((time.process_time() - start) / count)
    assert fast is not None
    assert np.array_equal(fast[0][:99_000], slow[0][:99_000])
    assert len(tcp_deliveries(times, 200, conditions, seed=1)) == 1_000_000
    with capsys.disabled():
        print(f"\nTCP compiled: {taken[1] / taken[0]:.0f} x (at least 20) the readable model")
