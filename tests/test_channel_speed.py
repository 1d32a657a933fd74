"""What a channel costs: ratios taken in one run; counts are asserted, times only printed."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
import simpy

from wsim import Channel, NetworkConditions
from wsim.transport import compiled

pytestmark = pytest.mark.benchmark
MS = 1_000_000
COUNT = 1_000_000
PLAIN = NetworkConditions(disconnect_rate=0, bandwidth_mbps=None)


def seconds(job: Callable[[], object], repeats: int = 5) -> float:
    """Return the median processor time of a job."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        job()
        taken.append(time.process_time() - start)
    return float(np.median(taken))


def ratio(ours: Callable[[], object], theirs: Callable[[], object], pairs: int = 9) -> float:
    """Return the median over interleaved pairs, after one of each that warms up."""
    ours(), theirs()
    return float(np.median([seconds(ours, 1) / seconds(theirs, 1) for _ in range(pairs)]))


def draw_a_normal_and_a_uniform() -> None:
    generator = np.random.Generator(np.random.SFC64(1))
    generator.standard_normal(COUNT)
    generator.random(COUNT)


def simpy_messages(count: int) -> int:
    """One new process with one timeout per message, sends paced 1 ms apart."""
    env, done = simpy.Environment(), []

    def message():
        yield env.timeout(50)
        done.append(env.now)

    def sender():
        for _ in range(count):
            env.process(message())
            yield env.timeout(1)

    env.process(sender())
    env.run()
    return len(done)


@pytest.mark.parametrize(
    ("name", "conditions", "goal"),
    [
        ("normal jitter, loss, in order", PLAIN, 2.2),
        (
            "correlated jitter, bursts of loss, rate, in order",
            PLAIN.replace(
                jitter_correlation=0.8,
                loss_model={"kind": "gilbert_elliott", "mean_burst": 5},
                bandwidth_mbps=10,
            ),
            8.0,
        ),
    ],
)
def test_whole_schedules_against_drawing_the_numbers(name, conditions, goal, capsys):
    times = np.arange(COUNT) * 20 * MS
    counts = []

    def send() -> None:
        transits = Channel(conditions).send_many(times, 100)
        counts.append((len(transits), transits.dropped.sum()))

    found = ratio(send, draw_a_normal_and_a_uniform)
    assert all(sent == COUNT and 0.005 < lost / COUNT < 0.02 for sent, lost in counts)
    with capsys.disabled():
        print(f"\nsend_many, {name}: {found:.2f} x (at most {goal}) normal + uniform")


@pytest.mark.parametrize(("way", "goal"), [("plain", 0.3), ("compiled", 0.3 / 20)])
def test_tail_drop_under_overload_against_simpy(way, goal, capsys, monkeypatch):
    monkeypatch.setattr(compiled, "available", lambda: way == "compiled")
    conditions = PLAIN.replace(packet_loss_rate=0, bandwidth_mbps=1, queue_limit_bytes=20_000)
    times = np.arange(COUNT) * MS
    shares, counts = [], []

    def send() -> None:
        shares.append(Channel(conditions).send_many(times, 250).dropped.mean())

    found = ratio(send, lambda: counts.append(simpy_messages(COUNT // 10)), 5) / 10
    assert counts == [COUNT // 10] * 6
    assert all(0.49 < share < 0.51 for share in shares)
    with capsys.disabled():
        print(f"\ntail drop, overload, {way}: {found:.4f} x (at most {goal:.3f}) SimPy")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"jitter_correlation": 0.8, "loss_model": {"kind": "gilbert_elliott"}},
        {"jitter_memory_s": 0.5, "loss_model": {"kind": "gilbert_elliott_time"}},
    ],
    ids=["plain", "chained by message", "chained in time"],
)
def test_stepping_against_simpy(changes, capsys):
    count = COUNT // 10
    delivered = []

    def step() -> None:
        channel = Channel(PLAIN.replace(**changes))
        for now in range(0, count * 20 * MS, 20 * MS):
            channel.send(now, 100)
            delivered.extend(channel.advance(channel.next_event_ns or now))
        delivered.extend(channel.advance(10**15))

    ours = seconds(step, 3)
    theirs = seconds(lambda: simpy_messages(count), 3)
    assert len(delivered) == 3 * count
    with capsys.disabled():
        print(f"\nsend, next_event_ns, advance: {ours / theirs:.2f} x SimPy ({changes or 'plain'})")
