"""Thinned points are points of the data, and what they leave out could not be seen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsim.analysis.plots.decimate import cloud, envelope, marks, ranks

many = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def columns_of(x, count):
    cell = ((x - x.min()) * (count / (x.max() - x.min()))).astype(int)
    return np.minimum(cell, count - 1)


@settings(deadline=None, max_examples=30)
@given(many, st.integers(10, 60))
def test_envelope_keeps_first_last_least_and_greatest_of_each_column(rng, columns):
    x = np.sort(rng.uniform(0, 100, 3000))
    y = rng.standard_t(2, 3000).round(1)
    kept = envelope(x, y, columns)
    assert len(kept) <= 4 * columns
    cell = columns_of(x, columns)
    for c in np.unique(cell):
        own, left = np.flatnonzero(cell == c), kept[cell[kept] == c]
        assert own[0] in left
        assert own[-1] in left
        assert y[left].min() == y[own].min()
        assert y[left].max() == y[own].max()


@settings(deadline=None, max_examples=30)
@given(many)
def test_cloud_keeps_a_point_of_every_cell_and_the_extremes_of_every_column(rng):
    x, y = rng.uniform(0, 10, 4000), rng.exponential(50, 4000)
    kept = cloud(x, y, columns=30, rows=20)
    assert len(kept) <= 30 * 20 + 2 * 30 + 2

    def cells(at):
        return set(zip(columns_of(x, 30)[at], columns_of(y, 20)[at], strict=True))

    assert cells(kept) == cells(np.arange(4000))
    for c in range(30):
        own = columns_of(x, 30) == c
        assert y[own].max() == y[kept[own[kept]]].max()
        assert y[own].min() == y[kept[own[kept]]].min()
    assert {x.argmin(), x.argmax()} <= set(kept)


@settings(deadline=None, max_examples=30)
@given(many)
def test_marks_keep_the_ends_of_every_step(rng):
    x = np.sort(rng.uniform(0, 10, 5000))
    kept = marks(x, columns=50)
    cell = columns_of(x, 50)
    assert len(kept) <= 100
    for c in np.unique(cell):
        own = np.flatnonzero(cell == c)
        assert {own[0], own[-1]} <= set(kept)


def test_ranks_hold_both_tails_whole_and_leave_no_wide_gap():
    kept = ranks(1_000_000, points=2000, tail=500)
    assert set(range(500)) <= set(kept)
    assert set(range(999_500, 1_000_000)) <= set(kept)
    assert np.diff(kept).max() <= 1_000_000 / 1999 + 1


@pytest.mark.parametrize("n", [0, 1, 2, 40])
def test_few_points_stay_all(n):
    x = np.arange(n, dtype=float)
    for kept in (envelope(x, x), cloud(x, x), marks(x), ranks(n)):
        assert list(kept) == list(range(n))


def test_points_that_are_all_the_same_do_no_harm():
    same = np.full(10_000, 3.0)
    assert len(envelope(same, same)) <= 4
    assert len(cloud(same, same)) <= 4
    assert list(marks(same)) == [0, 9999]
