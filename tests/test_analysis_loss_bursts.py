"""Bursts of losses are told from chance, and said where the interval ignores them."""

import numpy as np
import pandas as pd
import pytest
from frames import make

from wsim.analysis.loss_bursts import mean_burst, narrow_note
from wsim.analysis.objectives import Objective, check
from wsim.analysis.report.losses import too_narrow
from wsim.analysis.report.study import Study, entries


def drive(lost, run="run-1"):
    return make(np.arange(len(lost)) / 20.0, lost=lost, run=run)


RECONNECTS = np.arange(4000) % 400 < 8


def test_independent_losses_are_seldom_called_bursts():
    rng = np.random.default_rng(5)
    called = sum(mean_burst([drive(rng.random(1000) < 0.05)]) is not None for _ in range(200))
    assert called <= 4


def test_bursts_are_measured_against_independent_losses():
    found = mean_burst([drive(RECONNECTS)])
    assert found is not None
    assert found == pytest.approx((8.0, 1 / (1 - 0.02)), rel=1e-3)


@pytest.mark.parametrize("lost", [np.zeros(50, bool), np.ones(50, bool), np.zeros(0, bool)])
def test_all_or_nothing_shows_no_bursts(lost):
    assert narrow_note([drive(lost)]) is None


def test_runs_in_one_frame_are_not_interleaved():
    both = pd.concat([drive(RECONNECTS), drive(np.zeros(4000, bool), "run-2")])
    assert mean_burst([both.sort_values("created_s")])[0] == 8.0


@pytest.mark.parametrize(("runs", "notes"), [(1, 1), (4, 1), (5, 0)])
def test_a_report_says_so_below_five_runs(runs, notes):
    study = Study(entries({"field": [drive(RECONNECTS, f"run-{i}") for i in range(runs)]}))
    told = too_narrow(study)
    assert len(told) == notes
    assert all("too narrow; give 5 runs or more" in note for note in told)


def test_a_check_says_so_of_shares_only():
    kinds = {"drop_rate": Objective("drop_rate", limit=0.05),
             "age": Objective("age", share=0.5, limit_ms=300)}  # fmt: skip
    notes = {
        kind: check(drive(RECONNECTS), [one]).attrs["wsim_notes"] for kind, one in kinds.items()
    }
    assert any("losses came in bursts (8.0 in a row" in note for note in notes["drop_rate"])
    assert notes["age"] == []
