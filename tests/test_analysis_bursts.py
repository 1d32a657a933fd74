"""Bursts of losses by the grammar of RFC 3611."""

import frames
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsim.analysis.bursts import run_lengths
from wsim.analysis.summary import summarize


def table(lost):
    frame = frames.make(np.arange(len(lost)) / 10, 50.0, lost=lost)
    return summarize(frame, None, sections=["streams"]).iloc[0]


def losses(text):
    return np.array([letter == "x" for letter in text])


def test_losses_close_together_are_one_burst():
    row = table(losses("." * 20 + "x..xx.x" + "." * 20))
    assert row.loss_bursts == 1
    assert row.loss_burst_longest == 7
    assert row.loss_run_longest == 2
    assert row.loss_burst_density == pytest.approx(4 / 7)
    assert row.loss_gap_density == 0.0
    assert row.loss_burst_duration_ms == pytest.approx(600.0)


@pytest.mark.parametrize(("good", "bursts"), [(15, 1), (16, 0)])
def test_sixteen_good_messages_end_a_burst(good, bursts):
    row = table(losses("." * 20 + "x" + "." * good + "x" + "." * 20))
    assert row.loss_bursts == bursts


def test_a_lonely_loss_belongs_to_the_gap():
    row = table(losses("." * 20 + "x" + "." * 20))
    assert row.loss_bursts == 0
    assert row.loss_gap_density == pytest.approx(1 / 41)
    assert np.isnan(row.loss_burst_density)


def test_late_messages_take_the_same_grammar():
    latency = np.full(60, 50.0)
    latency[[20, 21, 25]] = 900.0
    frame = frames.make(np.arange(60) / 10, latency)
    row = summarize(frame, None, sections=["streams"]).iloc[0]
    assert row.late_bursts == 1
    assert row.late_run_longest == 2
    assert row.loss_bursts == 0


def plain_bursts(lost, gmin=16):
    """Scan one message after the other."""
    bursts, current, good = [], [], 0
    for index, gone in enumerate(lost):
        if gone:
            if current and good >= gmin:
                bursts.append(current)
                current = []
            current.append(index)
            good = 0
        else:
            good += 1
    if current:
        bursts.append(current)
    return [burst for burst in bursts if len(burst) > 1]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([False] * 9 + [True]), min_size=1, max_size=300))
def test_equals_a_plain_scan(lost):
    row, expected = table(np.array(lost)), plain_bursts(lost)
    assert row.loss_bursts == len(expected)
    assert row.loss_burst_longest == max((b[-1] - b[0] + 1 for b in expected), default=0)
    assert row.loss_run_longest == max(run_lengths(np.array(lost)), default=0)


def test_run_lengths():
    assert run_lengths(losses("xx.x...xxx")).tolist() == [2, 1, 3]
    assert run_lengths(losses("....")).tolist() == []
