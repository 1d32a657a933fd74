"""Draws: one by one or in blocks, and through changes, the values stay with their numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
        {"loss_model": {"kind": "gilbert_elliott_time", "mean_burst_s": 0.1}},
        {"loss_model": {"kind": "markov4", "p13": 0.1}},
        {"loss_model": {"kind": "rule", "windows_s": [[1, 2]]}},
        {"reorder": True, "reorder_rate": 0.3, "reorder_gap": 3},
    ],
)
def test_one_by_one_equals_a_block(change):
    c = BUSY.replace(**change)
    times = np.arange(1300) * 20_000_000
    block = draws(c).many(0, times).rows()
    single = draws(c)
    assert [single.one(i, t) for i, t in enumerate(times.tolist())] == block


changes = st.fixed_dictionaries(
    {
        "jitter_model": st.sampled_from(["normal", "uniform"]),
        "jitter_correlation": st.sampled_from([0.0, 0.8]),
        "jitter_memory_s": st.sampled_from([0.0, 0.5]),
        "loss_model": st.sampled_from(
            [
                "bernoulli",
                {"kind": "gilbert_elliott", "mean_burst": 4},
                {"kind": "gilbert_elliott_time", "mean_burst_s": 0.1, "loss_in_bad": 0.8},
                {"kind": "markov4", "p13": 0.2, "p31": 0.5, "p32": 0.3},
                {"kind": "rule", "every": 3, "windows_s": [[1, 2]]},
            ]
        ),
        "reorder": st.booleans(),
        "reorder_rate": st.just(0.3),
        "disconnect_rate": st.sampled_from([0.0, 0.1]),
        "transport": st.sampled_from(["datagram", "datagram", "tcp"]),
    }
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("one"), st.integers(1, 300)),
        st.tuples(st.just("many"), st.integers(1, 300)),
        st.tuples(st.just("cuts"), st.integers(1, 300)),
        st.tuples(st.just("skip"), st.integers(1, 700)),
        st.tuples(st.just("change"), changes),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(changes, steps)
def test_reading_ahead_is_the_same_as_reading_when_it_is_sent(first, script):
    ahead, plain = draws(BUSY.replace(**first)), draws(BUSY.replace(**first))
    number, now, rng = 0, 0, np.random.default_rng(3)
    for kind, what in script:
        if kind == "change":
            for side in (ahead, plain):
                side.configure(BUSY.replace(**what))
            continue
        if kind == "skip":  # messages under a rule take their draws elsewhere
            number += what
            continue
        if kind == "cuts":
            assert ahead.will_cut(number, what) == plain.will_cut(number, what)
            continue
        times = now + np.cumsum(rng.integers(0, 40_000_000, what))
        now = int(times[-1])
        expected = [plain.many(number + i, times[i : i + 1]).rows()[0] for i in range(len(times))]
        if kind == "many":
            assert ahead.many(number, times).rows() == expected
        else:
            assert [ahead.one(number + i, t) for i, t in enumerate(times.tolist())] == expected
        number += what


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
