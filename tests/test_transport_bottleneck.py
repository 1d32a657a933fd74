"""The queue that decides late: it equals the plain one where nothing is special."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from wsim import NetworkConditions
from wsim.impairments.constant_rate import ConstantRateState
from wsim.transport.bottleneck import Bottleneck, CoDel, Item
from wsim.transport.draws import Draw

MS = 1_000_000
DRAW = Draw(0, False, False, None, None)


def item(number: int, at_ns: int, size: int, first: bool = False) -> Item:
    return Item(number, at_ns, 0, at_ns, size, first, DRAW, None)


def queue(**conditions) -> Bottleneck:
    c = NetworkConditions(bandwidth_mbps=1, **conditions)
    return Bottleneck(c, ConstantRateState(1.0), 0)


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 20 * MS), st.integers(0, 3000)), min_size=1, max_size=40),
    st.lists(st.integers(0, 500 * MS), max_size=10),
)
def test_first_in_first_out_equals_lindleys_recursion_whenever_it_is_run(arrivals, looks):
    gaps, sizes = (np.array(column, np.int64) for column in zip(*arrivals, strict=True))
    times = np.cumsum(gaps)
    late, found = queue(), []
    events = sorted([(t, 1, i) for i, t in enumerate(times.tolist())] + [(t, 0, -1) for t in looks])
    for now, _, i in events:
        found += late.run(now)
        if i >= 0:
            late.offer(item(i, now, int(sizes[i])))
    found += late.run(10**15)
    expected = ConstantRateState(1.0).finish_many(times, sizes, 0)
    assert [d.item.number for d in found] == list(range(len(times)))
    assert [d.at_ns for d in found] == expected.tolist()


def test_a_choice_is_open_until_its_instant_has_passed():
    line = queue(priority_events=("stop",))
    line.offer(item(0, 0, 125))
    assert list(line.run(0)) == []
    line.offer(item(1, 0, 125, first=True))
    assert [d.item.number for d in line.run(1)] == [1]
    assert line.next_ns == MS


def test_emptying_gives_everything_back_in_order():
    line = queue()
    for number in range(3):
        line.offer(item(number, number, 1250))
    served = [d.item.number for d in line.run(2)]
    assert [waiting.number for waiting in line.empty()] == [1, 2]
    assert (served, len(line), line.next_ns) == ([0], 0, None)


def test_codel_drops_faster_the_longer_the_wait_stays_high():
    codel = CoDel()
    drops = [at for at in range(0, 2000, 5) if codel.drops(at * MS, 50 * MS, alone=False)]
    gaps = np.diff(drops)
    assert drops[0] == 100
    assert gaps[0] == 100
    assert gaps[-1] < gaps[0] / 2
    assert not codel.drops(3000 * MS, 4 * MS, alone=False)
    assert not codel.drops(3001 * MS, 50 * MS, alone=False)
