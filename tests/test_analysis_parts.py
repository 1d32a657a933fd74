"""Parts add up: those of two pieces are those of the whole."""

import numpy as np
import pytest

from wsim.analysis.intervals import wilson
from wsim.analysis.parts import Correlation, Greatest, Mean, Proportion, Sum, added, finished


def test_sums_means_extremes_and_shares():
    first = {
        "sum": Sum(np.array([1, 2])),
        "heard": Sum(np.array([0.0, 3.0]), np.array([0, 1])),
        "mean": Mean(np.array([1.0, 0.0]), np.array([2, 0])),
        "greatest": Greatest(np.array([np.nan, 4.0])),
        "or_none": Greatest(np.array([np.nan, np.nan]), none=0.0),
        "share": Proportion(np.array([1, 0]), np.array([10, 0])),
    }
    table = finished(added(first, first))
    assert table["sum"].tolist() == [2, 4]
    assert np.isnan(table["heard"][0])
    assert table["heard"][1] == 6.0
    assert table["mean"][0] == 0.5
    assert np.isnan(table["mean"][1])
    assert np.isnan(table["greatest"][0])
    assert table["or_none"].tolist() == [0.0, 0.0]
    ends = [table[name][0] for name in ("share", "share_low", "share_high")]
    assert ends == list(wilson(2, 20)[:3])
    assert np.isnan(table["share_high"][1])


def moments(values):
    level = np.array([values.mean()])
    apart = values - level

    def one(number):
        return np.array([float(number)])

    return Correlation(
        level, one(len(values)), one(apart.sum()), one((apart**2).sum()), one(len(values) - 1),
        one(apart[:-1].sum()), one(apart[1:].sum()), one((apart[1:] * apart[:-1]).sum()),
    )  # fmt: skip


@pytest.mark.parametrize("offset", [0.0, 750_000.0])
def test_correlations_add_up_far_from_zero(offset):
    rng = np.random.default_rng(4)
    runs = [offset + level + np.cumsum(rng.normal(size=200)) * 0.01 for level in (0.0, 0.3, 5.0)]
    found = moments(runs[0]) + moments(runs[1]) + moments(runs[2])
    level = np.concatenate(runs).mean()
    together = sum(float(((run - level)[1:] * (run - level)[:-1]).sum()) for run in runs)
    spread = sum(float(((run - level) ** 2).sum()) for run in runs)
    assert finished({"r": found})["r"][0] == pytest.approx(together / spread, rel=1e-9)


def test_values_that_are_all_alike_have_no_correlation():
    same = moments(np.full(50, 750_000.1))
    assert np.isnan(finished({"r": same + same})["r"][0])
