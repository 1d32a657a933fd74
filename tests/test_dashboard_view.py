"""The window of the last seconds equals what one would cut out of the whole history."""

from __future__ import annotations

import numpy as np
import pytest
from frames import make

from wsim.dashboard.view import View, window_of


def history(n, seed=1):
    rng = np.random.default_rng(seed)
    latency = rng.normal(80, 20, n)
    latency[rng.random(n) < 0.1] = np.nan
    return make(
        np.sort(rng.uniform(0, 100, n)),
        latency,
        event_name=rng.choice(["driveCommands", "cameraFeed", "emergencyStop"], n),
        direction=rng.choice(["inbound", "outbound"], n),
    )


def cut(frame, now, span):
    start = now - span
    return frame[(frame["created_s"] >= start) | (frame["delivered_s"] >= start)]


@pytest.mark.parametrize("chunk", [1, 7, 500, 5000])
def test_taking_rows_in_any_portions_gives_the_same_window(chunk):
    frame = history(5000 if chunk > 1 else 300)
    view = View(span_s=10)
    for stop in range(chunk, len(frame) + chunk, chunk):
        part = frame.iloc[:stop]
        now = float(part["created_s"].iloc[-1])
        window = view.take(part, len(part), now)
    expected = cut(frame, now, 10)
    inside = window.created_s >= now - 10
    np.testing.assert_array_equal(
        window.created_s[inside], expected["created_s"][expected["created_s"] >= now - 10]
    )
    assert window.lost[inside].sum() == expected["dropped"][expected["created_s"] >= now - 10].sum()
    assert set(expected["seq"]) <= set(frame["seq"].tail(len(window)))


def test_rows_that_a_ring_has_let_go_are_not_missed_twice():
    frame = history(1000)
    view = View(span_s=200)
    view.take(frame.iloc[:400], 400, 100.0)
    window = view.take(frame.iloc[600:1000], 1000, 100.0)  # 200 were evicted unseen
    assert len(window) == 800


def test_a_new_run_starts_afresh():
    view = View(span_s=200)
    view.take(history(100), 100, 100.0)
    assert len(view.take(history(10), 10, 100.0)) == 10


def test_events_asked_for_come_first_and_keep_their_codes():
    view = View(events=("emergencyStop", "driveCommands"))
    window = view.take(make([1.0, 2.0], event_name=["cameraFeed", "driveCommands"]), 2, 3.0)
    assert window.events == ("emergencyStop", "driveCommands", "cameraFeed")
    assert window.event.tolist() == [2, 1]
    assert window.commands().tolist() == [False, True]


def test_refused_messages_count_as_lost():
    frame = make([1.0, 2.0], fate=["refused", "delivered"])
    assert View().take(frame, 2, 3.0).lost.tolist() == [True, False]


def test_a_finished_run_is_seen_at_its_end():
    window = window_of(make([0.0, 50.0], [10.0, 2000.0]), span_s=30)
    assert window.now_s == 52.0
    assert len(window) == 1
    assert len(window_of(make([]))) == 0


@pytest.mark.benchmark
def test_a_window_on_a_million_messages():
    import time

    from wsim.history import History

    history, second = History(None), 1_000_000_000
    now_ns = 0

    def send(count):
        nonlocal now_ns
        for _ in range(count):
            now_ns += 300_000  # 3,333 a second: 100,000 in view
            history.append(
                now_ns, now_ns, now_ns + 50_000_000, "inbound", "driveCommands", "client-1", 1,
                "delivered", "", 0, 60, "id", "/", -1, -1, -1, None, None,
            )  # fmt: skip

    send(1_000_000)
    view = View()
    view.take(history.frame, history.recorded, now_ns / second)
    took = []
    for _ in range(20):
        send(100)
        began = time.perf_counter()
        window = view.take(history.frame, history.recorded, now_ns / second)
        took.append(1000 * (time.perf_counter() - began))
    print(f"\n{np.median(took):.1f} ms for a window of {len(window):,} on {len(history.frame):,}")
    assert len(window) == pytest.approx(100_000, rel=0.01)
    assert history.recorded == 1_002_000


def test_a_view_does_not_grow_with_the_run():
    view = View(span_s=5)
    for start in range(0, 200, 2):
        frame = make(np.arange(start, start + 2, 0.01))
        view.take(frame, 200 * (start // 2 + 1), start + 2.0)
    assert len(view._arrays[0]) < 4000
