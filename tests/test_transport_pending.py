"""Pending fates come out by time, and in order of entry where times are equal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wsim.transit import dropped
from wsim.transport.pending import Pending
from wsim.transport.session import NEVER


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(0, 5))
def test_stable_by_time(times, until):
    pending = Pending()
    for number, at in enumerate(times):
        pending.push(at, dropped(number, 0, "loss", None, at))
    expected = sorted((at, number) for number, at in enumerate(times))
    out = [(t.decided_ns, t.number) for t in pending.pop(until)]
    assert out == [pair for pair in expected if pair[0] <= until]
    rest = [pair for pair in expected if pair[0] > until]
    assert pending.next_ns == (rest[0][0] if rest else NEVER)
    assert len(pending) == len(rest)


def test_taking_out_leaves_the_rest_in_order():
    pending = Pending()
    for number in range(10):
        pending.push(number % 3, dropped(number, 0, "loss", None, number % 3))
    taken = pending.take(lambda entry: entry[2].number % 2 == 0)
    assert [entry[2].number for entry in taken] == [0, 2, 4, 6, 8]
    assert [t.number for t in pending.pop(5)] == [3, 9, 1, 7, 5]
