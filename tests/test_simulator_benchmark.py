"""What a message costs, as ratios to SimPy taken in one run.

The baseline is one new SimPy process with one timeout (of 50 ms) for each message, sends paced
1 ms apart. Counts are asserted; ratios are printed, for a machine is seldom quiet.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import subprocess
import sys
import time

import pandas as pd
import pytest
import simpy

from wsim import create_websocket_simulator, run
from wsim.schema import COLUMN_NAMES

pytestmark = pytest.mark.benchmark
COUNT = 20_000
ROUNDS = 5
COMMAND = {"linear": 0.5, "angular": 0.2}


def timed(function):
    """Return the result and the CPU time in µs per message."""
    gc.collect()
    begin = time.process_time()
    result = function()
    return result, (time.process_time() - begin) / COUNT * 1e6


def simpy_messages(store=None):
    environment = simpy.Environment()
    arrived = [0]

    def message(number):
        sent = environment.now
        yield environment.timeout(0.05)
        arrived[0] += 1
        if store is not None:
            now = environment.now
            latency_ms = (now - sent) * 1e3
            message_id = f"00000001-{number:012x}"
            store.append((number, sent, sent, now, latency_ms, *_NAMES, message_id, *_REST))

    def source():
        for number in range(COUNT):
            environment.process(message(number))
            yield environment.timeout(0.001)

    environment.process(source())
    environment.run()
    return arrived[0]


_NAMES = (
    "inbound", "driveCommands", "client-1", 1, "default", "run-1", "delivered", "", False, 0, 48,
)  # fmt: skip
_REST = (
    "/", -1, None, None, 0.0, 0.0, 0.0, 50.0, 0.0, 0.0, 0.0, 0.0, COMMAND,
)  # fmt: skip


def simpy_frame():
    store = []
    simpy_messages(store)
    return pd.DataFrame(store, columns=COLUMN_NAMES)


async def receive_all(sim):
    client = next(iter(sim.connected_clients))
    receive = sim.receive
    for _ in range(COUNT):
        await receive("driveCommands", COMMAND, client)


def receiving(max_history, filled=0):
    """Return the µs a message of ``await sim.receive`` with a handler, checked and recorded."""

    async def main():
        sim = create_websocket_simulator("perfect", seed=1, max_history=max_history)
        heard = [0]

        def handler(command):
            heard[0] += 1

        client = await sim.connect()
        for number in range(filled):
            sim.recorder.append(number, number, number, "inbound", "driveCommands", client)
        sim.on("driveCommands", handler)
        begin = time.process_time()
        await receive_all(sim)
        passed = time.process_time() - begin
        assert heard[0] == COUNT
        assert sim.stats["messages_received"] == COUNT
        assert len(sim.recorder) == min(COUNT + filled, max_history or COUNT + filled)
        return passed / COUNT * 1e6

    gc.collect()
    return run(main())


def open_loop():
    """A callback sends each message; channel, handler and record; read as a frame at the end."""

    async def main():
        sim = create_websocket_simulator("default", seed=1, max_history=None, disconnect_rate=0.0)
        heard = [0]

        def handler(command):
            heard[0] += 1

        sim.on("driveCommands", handler)
        client, clock, sent = sim.admit().id, sim.clock, [0]
        done = asyncio.get_running_loop().create_future()

        def send():
            sim.receive_nowait("driveCommands", COMMAND, client)
            sent[0] += 1
            if sent[0] < COUNT:
                clock.call_at(sent[0] * 1_000_000, send)
            else:
                done.set_result(None)

        send()
        await done
        await sim.sleep(1)
        frame = sim.history
        assert len(frame) == COUNT
        assert heard[0] == (frame["fate"] == "delivered").sum() > 0.98 * COUNT
        return frame

    return run(main())


def show(name, ours, theirs, limit):
    ratio = statistics.median(ours) / statistics.median(theirs)
    print(
        f"\n{name}: {statistics.median(ours):.2f} µs against {statistics.median(theirs):.2f} µs,"
        f" {ratio:.2f} (at most {limit})"
    )


def test_receive_against_simpy():
    ours, theirs = [], []
    for _ in range(ROUNDS):
        arrived, cost = timed(simpy_messages)
        assert arrived == COUNT
        theirs.append(cost)
        ours.append(receiving(None))
    show("await sim.receive, perfect, checked and recorded", ours, theirs, 0.7)


@pytest.mark.parametrize("size", [10_000, 200_000])
def test_a_full_ring_costs_what_an_empty_one_does(size):
    full, unfilled = [], []
    for _ in range(ROUNDS):
        full.append(receiving(size, filled=size))
        unfilled.append(receiving(None))
    show(f"receive with a full ring of {size:,}", full, unfilled, 1.1)


def test_the_open_loop_against_simpy_that_stores_the_same_columns():
    ours, theirs = [], []
    for _ in range(ROUNDS):
        frame, cost = timed(simpy_frame)
        assert len(frame) == COUNT
        theirs.append(cost)
        frame, cost = timed(open_loop)
        ours.append(cost)
    show("virtual open loop with a callback producer", ours, theirs, 0.65)


@pytest.mark.parametrize("what", ["import wsim", "import wsim; wsim.WebSocketServerSimulator"])
def test_importing_wsim_adds_little_to_pandas(what):
    code = (
        f"import time, pandas; begin = time.process_time(); {what};"
        "print((time.process_time() - begin) * 1e3)"
    )
    costs = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3)]
    assert all(cost > 0 for cost in costs)
    print(f"\n{what} beyond pandas: {min(costs):.0f} ms of CPU (at most 100)")
