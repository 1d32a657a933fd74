"""What TCP costs, against SimPy with one process and one timeout for each message."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
import simpy

from wsim.conditions import NetworkConditions
from wsim.tcp import TcpConnection, tcp_deliveries

pytestmark = pytest.mark.benchmark
COUNT = 150_000  # fewer than machine code would be used for
PERIOD_NS = 20_000_000
LOSSY = NetworkConditions(
    latency_ms=50.1, jitter_ms=0.0, packet_loss_rate=0.01, bandwidth_mbps=None
)


def simpy_messages() -> int:
    env, done = simpy.Environment(), []

    def message():
        yield env.timeout(50)
        done.append(env.now)

    def sender():
        for _ in range(COUNT):
            env.process(message())
            yield env.timeout(1)

    env.process(sender())
    env.run()
    return len(done)


def step() -> int:
    tcp = TcpConnection(LOSSY, LOSSY, seed=1)
    got = 0
    for number in range(COUNT):
        tcp.send("inbound", number * PERIOD_NS, number, 200)
        got += len(tcp.advance(number * PERIOD_NS))
    return got


def whole() -> int:
    delivered = tcp_deliveries(np.arange(COUNT) * PERIOD_NS, 200, LOSSY, seed=1)
    return int(np.count_nonzero(delivered >= 0))


@pytest.mark.parametrize("job", [step, whole])
def test_a_lossy_stream_against_simpy(
    job: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = [], []
    for _ in range(3):
        for work, taken in ((job, ours), (simpy_messages, theirs)):
            start = time.process_time()
            count = work()
            taken.append(time.process_time() - start)
            assert COUNT - 10 < count <= COUNT
    with capsys.disabled():
        ratio = np.median(ours) / np.median(theirs)
        print(f"\nTCP, 50 Hz, 1 % loss, {job.__name__}: {ratio:.2f} x (at most 2.4) SimPy")
