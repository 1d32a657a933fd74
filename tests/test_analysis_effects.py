"""Cliff's delta by sorting equals counting pairs."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from wsim.analysis.effects import cliffs_delta, cliffs_delta_sorted

values = st.lists(st.integers(0, 20), min_size=1, max_size=40)


@given(values, values)
def test_equals_counting_pairs(a, b):
    pairs = [(y > x) - (y < x) for x in a for y in b]
    assert cliffs_delta(np.array(a), np.array(b)) == pytest.approx(sum(pairs) / len(pairs))


def test_agrees_with_mann_whitney():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=50), rng.normal(0.5, 1, 70)
    u = stats.mannwhitneyu(b, a).statistic
    assert cliffs_delta(a, b) == pytest.approx(2 * u / (50 * 70) - 1)


def test_long_samples_are_thinned_evenly():
    rng = np.random.default_rng(2)
    a, b = np.sort(rng.normal(size=100_000)), np.sort(rng.normal(0.3, 1, 150_000))
    assert cliffs_delta_sorted(a, b) == pytest.approx(
        cliffs_delta_sorted(a, b, most=200_000), abs=1e-3
    )


def test_an_empty_side_has_no_effect():
    assert math.isnan(cliffs_delta(np.array([]), np.array([1.0])))
