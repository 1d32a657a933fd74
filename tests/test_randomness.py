"""Streams: the same values one by one or at once, independent by name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsim.randomness import Stream


def stream(**changes) -> Stream:
    key = {"seed": 1, "client": 0, "direction": "inbound", "purpose": "loss", **changes}
    return Stream(**key)


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(1, 1500)), max_size=8))
def test_blocks_of_any_size_and_skips_give_the_same_values(reads):
    whole = stream().many(0, 40_000)
    other, at = stream(), 0
    for skip, count in reads:
        at += skip
        assert np.array_equal(other.many(at, count), whole[at : at + count])
        assert other.one(at) == whole[at]
        at += count


def test_reading_again_from_the_last_place_is_allowed_and_no_further():
    s = stream()
    first = s.many(100, 700)
    assert np.array_equal(s.many(300, 20), first[200:220])
    s.many(2000, 5)
    with pytest.raises(ValueError, match="cannot go back"):
        s.many(10, 1)


def test_every_part_of_the_name_makes_another_stream():
    names = [
        {},
        {"seed": 2},
        {"client": 1},
        {"direction": "outbound"},
        {"purpose": "delay"},
    ]
    firsts = {stream(**name).one(0) for name in names}
    assert len(firsts) == len(names)


def test_uniforms_fill_the_unit_interval():
    u = stream().many(0, 100_000)
    assert 0 <= u.min() < 1e-4
    assert 1 - 1e-4 < u.max() < 1
    assert abs(u.mean() - 0.5) < 4 * np.sqrt(1 / 12 / len(u))
