"""Draws: one by one or in blocks, and through changes, the values stay with their numbers."""

from __future__ import annotations

import numpy as np
import pytest

from wsim import NetworkConditions
from wsim.transport.draws import Draws

BUSY = NetworkConditions(
    packet_loss_rate=0.2, duplicate_rate=0.1, corrupt_rate=0.1, disconnect_rate=0.05
)


def draws(conditions: NetworkConditions) -> Draws:
    return Draws(conditions, 7, 0, "inbound")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"jitter_correlation": 0.8},
        {"jitter_memory_s": 0.5},
        {"loss_model": {"kind": "gilbert_elliott", "mean_burst": 4}},
        {"reorder": True, "reorder_rate": 0.3, "reorder_gap": 3},
    ],
)
def test_one_by_one_equals_a_block(change):
    c = BUSY.replace(**change)
    times = np.arange(1300) * 20_000_000
    block = draws(c).many(0, times).rows()
    single = draws(c)
    assert [single.one(i, t) for i, t in enumerate(times.tolist())] == block


def test_a_change_in_the_middle_moves_no_draw():
    times = np.zeros(600, np.int64)
    steady, changed = draws(BUSY), draws(BUSY)
    expected = [steady.one(i, 0) for i in range(600)]
    for i in range(600):
        if i in (3, 250, 251):
            changed.configure(BUSY.replace(packet_loss_rate=1.0 if i < 251 else 0.2))
        draw = changed.one(i, 0)
        if 3 <= i < 251:
            assert draw.lost
        assert draw._replace(lost=False) == expected[i]._replace(lost=False)
    assert len(times) == 600


def test_tcp_draws_neither_loss_nor_delay_of_messages():
    draw = draws(BUSY.replace(transport="tcp", jitter_ms=10)).one(0, 0)
    assert (draw.lost, draw.delay_ns) == (False, 50_000_000)


def test_looking_ahead_for_cuts():
    never, often = draws(BUSY.replace(disconnect_rate=0)), draws(BUSY)
    assert not never.will_cut(0, 1000)
    assert often.will_cut(0, 1000)
    assert any(draw.cut for draw in often.many(0, np.zeros(1000, np.int64)).rows())
