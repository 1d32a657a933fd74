"""What a simulator tells of itself."""

from __future__ import annotations

import threading

import pytest

from wsim import create_websocket_simulator, load
from wsim.errors import PayloadError, UsageError

pytestmark = pytest.mark.wsim


async def talked(**settings):
    sim = create_websocket_simulator("default", seed=1, **settings)
    client = await sim.connect()
    for number in range(20):
        await sim.receive("driveCommands", {"linear": float(number)}, client)
    return sim


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".csv", ".parquet"])
async def test_every_format_loads_back(tmp_path, suffix):
    sim = await talked()
    path = sim.export_history(str(tmp_path / f"history{suffix}"))
    again = load(path)
    assert again["message_id"].tolist() == sim.history["message_id"].tolist()
    assert again["latency_ms"].tolist() == pytest.approx(
        sim.history["latency_ms"].tolist(), nan_ok=True
    )
    assert again.attrs["wsim"]["run-1"]["seed"] == 1


async def test_the_history_may_be_read_from_another_thread_while_it_grows():
    sim = create_websocket_simulator("perfect", seed=1, max_history=500)
    client = await sim.connect()
    lengths, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            frame = sim.history
            lengths.append(len(frame))
            assert frame["seq"].is_monotonic_increasing

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(3_000):
        await sim.receive("x", number, client)
    stop.set()
    reader.join()
    assert len(sim.history) == 500
    assert lengths


async def test_statistics_survive_clearing_and_eviction():
    sim = await talked(max_history=5)
    before = sim.stats
    sim.clear_history()
    assert sim.stats == before
    assert before["messages_received"] + before["messages_dropped"] == 20
    assert sim.get_statistics()["message_history_size"] == 0


def test_rover_state_takes_mappings_only():
    sim = create_websocket_simulator("perfect")
    with pytest.raises(PayloadError, match="mapping"):
        sim.update_rover_state([("battery", 5)])
    assert sim.get_rover_state() == {}


async def test_unseen_failures_are_raised_once_and_only_when_strict():
    for strict in (True, False):
        sim = create_websocket_simulator("perfect", seed=1, strict=strict)
        sim.on("x", lambda data: 1 / 0)
        client = await sim.connect()
        sim.receive_nowait("x", 1, client)
        if strict:
            with pytest.raises(UsageError, match="ZeroDivisionError"):
                sim.raise_errors()
        sim.raise_errors()
        assert sim.stats["errors"] == 1
