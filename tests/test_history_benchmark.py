"""What recording, reading and exporting cost: figures are printed, counts and sizes hold."""

from __future__ import annotations

import gc
import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from wsim.formats import load, save
from wsim.history import History
from wsim.identifiers import message_ids

pytestmark = pytest.mark.benchmark
MS = 1_000_000
WHOLE = (0, 0, 44_000, 50 * MS, 3 * MS, 0, 120_000, 0)
PAYLOAD = {"linear": 0.5, "angular": 0.1}
Say = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Print past pytest's capture."""

    def print_it(text: str) -> None:
        with capsys.disabled():
            print(f"\n  {text}", end="")

    return print_it


def record(add: Callable[..., Any], ids: Any, start: int = 0) -> float:
    """Record one message per identifier; return CPU seconds."""
    began = time.process_time()
    for number, identifier in enumerate(ids, start):
        now = number * MS
        add(
            now, now, now + 53 * MS, "inbound", "driveCommands", "client-1", 1, "delivered", "", 0,
            96, identifier, "/", -1, -1, -1, WHOLE, PAYLOAD,
        )  # fmt: skip
    return time.process_time() - began


def nothing(*_: Any) -> int:
    return 0


def test_recording_a_message(say: Say) -> None:
    ids = message_ids(1, 0, 100_000)
    spent, idle = [], []
    for _ in range(5):
        history = History(None)
        spent.append(record(history.append, ids))
        idle.append(record(nothing, ids))
        assert history.recorded == len(history.frame) == 100_000
    net = (median(spent) - median(idle)) / 1e5
    say(f"recording: {net * 1e9:.0f} ns a message net of its values (at most 800)")


def test_a_row_in_memory(say: Say) -> None:
    ids = message_ids(1, 0, 200_000)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    history = History(None)
    record(history.append, ids)
    unread = (tracemalloc.get_traced_memory()[0] - before) / len(ids)
    frame = history.frame
    gc.collect()
    read = (tracemalloc.get_traced_memory()[0] - before) / len(ids)
    tracemalloc.stop()
    assert len(frame) == len(ids)
    assert unread <= 140
    say(f"memory: {unread:.0f} B a row beside the payload, {read:.0f} once read (at most 140)")


@pytest.mark.parametrize("size", [10_000, 1_000_000])
def test_a_full_ring(size: int, say: Say) -> None:
    full = History(size)
    full.append_many(np.arange(size), np.arange(size), np.arange(size))
    ids = message_ids(1, 0, 100_000)
    ratios = []
    for _ in range(5):
        unfilled = History(None)
        fresh = record(unfilled.append, ids)
        ratios.append(record(full.append, ids) / fresh)
    assert len(full) == size
    assert full.evicted == full.recorded - size == 500_000
    say(f"full ring of {size}: {median(ratios):.2f} x an unfilled one (at most 1.1)")


def test_reading_after_a_hundred_rows(say: Say) -> None:
    size = 1_000_000
    history = History(None)
    times = np.arange(size) * MS
    history.append_many(
        times, times, times + 53 * MS, event_name="driveCommands", client_id="client-1",
        message_id=message_ids(1, 0, size), parts=np.tile(WHOLE, (size, 1)),
    )  # fmt: skip
    history.frame  # noqa: B018 - the first read is not the subject
    spent = []
    for step in range(101):
        record(history.append, range(100), start=size + 100 * step)
        began = time.perf_counter()
        frame = history.frame
        spent.append(time.perf_counter() - began)
    assert len(frame) == size + 10_100
    say(f"reading 100 new rows on 10^6: {median(spent) * 1e3:.2f} ms (at most 0.2)")


def typical(size: int) -> History:
    """Return a history as the default profile makes it."""
    random = np.random.default_rng(1)
    created = np.arange(size) * 50 * MS
    parts = np.zeros((size, 8), np.int64)
    parts[:, 2], parts[:, 3] = 44_000, 50 * MS
    parts[:, 4] = np.rint(random.normal(0, 10 * MS, size))
    arrival = np.maximum.accumulate(created + parts.sum(axis=1))
    parts[:, 6] = arrival - created - parts.sum(axis=1)
    lost = (random.random(size) < 0.01).astype(int)
    ids = message_ids(1, 0, size)
    speeds = np.round(random.random((size, 2)), 3).tolist()
    history = History(None, about={"started_at": 1.7e9, "seed": 1})
    history.append_many(
        created, created, np.where(lost, -1, arrival), event_name="driveCommands",
        client_id="client-1", fate=(lost, ["delivered", "dropped"]), cause=(lost, ["", "loss"]),
        size_bytes=random.integers(80, 120, size), message_id=ids, parts=parts,
        data=[
            {"linear": a, "angular": b, "timestamp": 1.7e9 + n / 20, "message_id": ids[n]}
            for n, (a, b) in enumerate(speeds)
        ],
    )  # fmt: skip
    return history


def test_exporting_json(tmp_path: Path, say: Say) -> None:
    history = typical(100_000)
    rows, frame = history.rows(), history.frame
    ratios = []
    for _ in range(2):
        began = time.process_time()
        with (tmp_path / "plain.json").open("w") as file:
            json.dump(rows, file, indent=2)
        plain = time.process_time() - began
        began = time.process_time()
        save(frame, tmp_path / "export.json")
        ratios.append(plain / (time.process_time() - began))
    assert len(json.loads((tmp_path / "export.json").read_text())["message_history"]) == 100_000
    say(f"JSON export: {median(ratios):.1f} x faster than json.dump(indent=2) (at least 3)")


def test_the_size_of_parquet(tmp_path: Path, say: Say) -> None:
    pytest.importorskip("pyarrow")
    frame = typical(100_000).frame
    bare = frame.assign(data=None).astype({"data": object})
    bare.attrs = frame.attrs
    size = save(bare, tmp_path / "a.parquet").stat().st_size / len(frame)
    assert len(load(tmp_path / "a.parquet")) == len(frame)
    assert size <= 45
    say(f"Parquet: {size:.1f} B a row beside the payload (at most 45)")
