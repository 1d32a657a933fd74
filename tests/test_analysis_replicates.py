"""Drop rates: run by run where there are replicates, over messages where there are not."""

import frames
import numpy as np
import pandas as pd
import pytest

from wsim.analysis.columns import group_codes, read
from wsim.analysis.intervals import mean_t, wilson
from wsim.analysis.plots import plot_drop_rate
from wsim.analysis.replicates import drop_rates


def runs(shares, each=100, **columns):
    """One run a share, the first messages of each lost."""
    made = [
        frames.make(np.arange(each) / 10, lost=np.arange(each) < share * each, run=f"run-{n}")
        for n, share in enumerate(shares)
    ]
    return pd.concat([frame.assign(**columns) for frame in made], ignore_index=True)


def rates(frame, by="profile"):
    messages = read(frame)
    return drop_rates(messages, group_codes(messages, [by]))


def test_five_runs_are_taken_run_by_run():
    shares = [0.01, 0.02, 0.05, 0.02, 0.10]
    (found,) = rates(runs(shares))
    assert (found.dropped, found.sent, found.runs) == (20, 500, 5)
    wanted = mean_t(shares)
    assert found.share.estimate == pytest.approx(0.04)
    assert found.share.high == pytest.approx(wanted.high)
    assert found.share.low == max(0.0, wanted.low)


@pytest.mark.parametrize("shares", [[0.01, 0.02, 0.05, 0.10], [0.02] * 5, [0.0] * 6])
def test_few_runs_or_alike_ones_are_taken_by_messages(shares):
    (found,) = rates(runs(shares))
    assert found.runs == 0
    assert found.share[:3] == wilson(round(100 * sum(shares)), 100 * len(shares))[:3]


def test_messages_of_unknown_fate_do_not_count():
    frame = frames.make(np.arange(4), fate=["delivered", "unknown", "dropped", "delivered"])
    (found,) = rates(frame)
    assert (found.dropped, found.sent) == (1, 3)


def test_groups_keep_their_order_and_their_own_method():
    frame = pd.concat([runs([0.1, 0.2], profile="two"), runs([0.0, 0.1, 0.2, 0.3, 0.4])])
    five, two = rates(frame)
    assert (five.runs, two.runs) == (5, 0)
    ax = plot_drop_rate(frame)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["two", "default"]
    assert [patch.get_height() for patch in ax.patches] == pytest.approx([0.15, 0.2])
    assert "95% interval" in ax.get_ylabel()
    assert "over runs" in plot_drop_rate(runs([0.0, 0.1, 0.2, 0.3, 0.4])).get_ylabel()


def test_no_rows():
    frame = frames.make([])
    messages = read(frame)
    assert drop_rates(messages, group_codes(messages, ["profile"])) == []


def test_steps_of_time_take_their_runs_apart():
    frame = runs([0.0, 0.1, 0.2, 0.3, 0.4], each=10)
    ax = plot_drop_rate(frame, kind="time", bin_s=0.5)
    line, band = ax.patches
    first = mean_t([0.0, 0.2, 0.4, 0.6, 0.8])  # five messages a step, the first ones lost
    assert line.get_data().values[0] == pytest.approx(0.4)
    assert band.get_data().values[0] == pytest.approx(first.high)
