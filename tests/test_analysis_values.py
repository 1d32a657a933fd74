"""Order statistics and ages from files equal those of sorting everything."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsim.analysis import values
from wsim.analysis.age import age_quantile
from wsim.analysis.excess import streamed_age_quantile
from wsim.analysis.intervals import order_statistic
from wsim.analysis.values import Ordered, Values, select


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr("wsim.analysis.values.CHUNK", 50)
    monkeypatch.setattr("wsim.analysis.excess.CHUNK", 50)


def filed(array, parts=7):
    """The same values, appended bit by bit."""
    made = Values(array[:0])
    for part in np.array_split(array, parts):
        made.append(part)
    return made


numbers = st.floats(-1e6, 1e9) | st.sampled_from([0.0, -0.0, 50.0, 1e-300, -1.5])


@settings(max_examples=150, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=300), st.data())
def test_selection_equals_sorting(listed, data):
    array, ordered = np.array(listed), np.sort(np.array(listed))
    ranks = data.draw(st.lists(st.integers(0, len(listed) - 1), min_size=1, max_size=8))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsim.analysis.values.CHUNK", 20)
        made = filed(array)
        assert made.in_memory == (len(listed) <= 20)
        found = select(made.chunks, ranks)
    assert [found[rank] for rank in ranks] == [ordered[rank] for rank in ranks]


def test_many_of_one_value(small):
    array = np.r_[np.full(5_000, 50.0), np.arange(10.0)]
    found = select(filed(array).chunks, [0, 9, 10, 5_009])
    assert found == {0: 0.0, 9: 9.0, 10: 50.0, 5_009: 50.0}


def test_whoever_takes_sorted_values_takes_these(small):
    array = np.random.default_rng(2).lognormal(4, 1, 3_000)
    wanted = order_statistic(np.sort(array), 0.99)
    assert Ordered(filed(array)).answer(lambda some: order_statistic(some, 0.99)) == wanted


@pytest.mark.parametrize("kind", ["spread", "alike", "steps"])
@pytest.mark.parametrize("q", [0.01, 0.5, 0.99, 0.9999])
def test_ages_from_files(small, kind, q):
    rng = np.random.default_rng(3)
    low = {"spread": rng.lognormal(3, 0.5, 4_000), "alike": np.full(4_000, 50.0),
           "steps": rng.integers(1, 5, 4_000) * 10.0}[kind]  # fmt: skip
    high = low + (20.0 if kind == "alike" else rng.exponential(40.0, 4_000))
    found = streamed_age_quantile(filed(low), filed(high), q)
    assert found == pytest.approx(age_quantile(low, high, q), rel=1e-9)


def test_an_age_of_no_length(small):
    same = filed(np.full(500, 3.0))
    assert np.isnan(streamed_age_quantile(same, same, 0.99))


def test_values_stay_as_they_were_given():
    array = np.array([3.0, 1.0, 2.0])
    assert Values(array).sorted().tolist() == [1.0, 2.0, 3.0]
    assert array.tolist() == [3.0, 1.0, 2.0]


def test_the_docstrings_run():
    assert doctest.testmod(values).failed == 0
