"""Closed forms against a plain reading of what they stand for."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsim import Channel, NetworkConditions
from wsim.transport.closed_form import Windows, has_closed_form, tail_drop

S = 1_000_000_000
PLAIN = NetworkConditions(disconnect_rate=0)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 20), st.integers(0, 900)), min_size=1),
    st.sampled_from([None, 500, 1500]),
    st.sampled_from([None, 1, 3]),
    st.sampled_from([None, 1e-5]),
    st.booleans(),
)
def test_tail_drop_equals_a_queue_kept_by_hand(rows, most_bytes, most_messages, most_ms, fast):
    gaps, service, sizes = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    times = np.cumsum(gaps)
    c = PLAIN.replace(
        bandwidth_mbps=8000.0,  # one byte a nanosecond
        queue_limit_bytes=most_bytes,
        queue_limit_messages=most_messages,
        queue_limit_ms=most_ms,
    )
    half = len(times) // 2
    finishes, full, waiting = tail_drop(times[:half], service[:half], sizes[:half], c, 0, fast=fast)
    free = int(finishes[-1]) if half else 0
    more = tail_drop(times[half:], service[half:], sizes[half:], c, free, waiting, fast=fast)
    finishes, full = np.append(finishes, more[0]), np.append(full, more[1])
    waiting = more[2]
    queue: deque[tuple[int, int]] = deque()
    free = 0
    for i, (now, serve, size) in enumerate(zip(times, service, sizes, strict=True)):
        while queue and queue[0][0] <= now:
            queue.popleft()
        backlog = max(0, free - now)
        refused = (
            (most_bytes is not None and backlog + size > most_bytes)
            or (most_messages is not None and len(queue) >= most_messages)
            or (most_ms is not None and backlog > most_ms * 1e6)
        )
        assert full[i] == refused
        if not refused:
            free = now + backlog + serve
            queue.append((free, size))
        assert finishes[i] == free
    assert list(waiting) == [pair for pair in queue if pair[0] > times[-1]]


@pytest.mark.parametrize(
    "outage",
    [
        {"kind": "windows", "windows_s": [(0, 2), (5, 6)]},
        {"kind": "windows", "windows_s": [(1, 2)], "period_s": 3},
        {"kind": "periodic", "every_s": 4, "down_s": 1},
        {"kind": "renewal", "mean_up_s": 3, "mean_down_s": 1},
    ],
)
def test_windows_of_a_span_equal_asking_for_each_time(outage):
    channel = Channel(PLAIN.replace(outage=outage), seed=2)
    times = np.arange(0, 60 * S, S // 7)
    ends, out = Windows(channel, int(times[-1])).hold(times)
    windows = [channel.session.outage(t) for t in times.tolist()]
    assert out.tolist() == [w is not None for w in windows]
    assert ends.tolist() == [t if w is None else w[1] for t, w in zip(times, windows, strict=True)]
    assert 0 < out.mean() < 1


@pytest.mark.parametrize(
    ("change", "closed"),
    [
        ({}, True),
        ({"outage": {"kind": "periodic"}}, True),
        ({"bandwidth_mbps": 1, "queue_limit_bytes": 1000}, True),
        ({"disconnect_rate": 0.5}, False),
        ({"duplicate_rate": 0.1}, False),
        ({"transport": "tcp"}, False),
        ({"priority_events": ("stop",)}, False),
        ({"queue_policy": "codel"}, False),
        ({"outage": {"kind": "periodic", "effect": "close"}}, False),
    ],
)
def test_which_conditions_have_a_closed_form(change, closed):
    assert has_closed_form(Channel(PLAIN.replace(**change)), 100) is closed
