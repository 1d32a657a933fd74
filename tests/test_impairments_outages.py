"""Outages: lengths and shares against theory, windows by arithmetic, errors by name."""

import numpy as np
import pytest

from wsim.errors import ConditionsError
from wsim.impairments.renewal_outage import RenewalOutage
from wsim.impairments.window_outage import PeriodicOutage, WindowOutage
from wsim.randomness import Stream

S = 1_000_000_000


def stream(seed=1):
    return Stream(seed, 0, "link", "outage")


def spells(state, count):
    """Return the first outages (start, end)."""
    found, now = [], 0
    for _ in range(count):
        start = state.next_start_ns(now)
        found.append(state.window(start))
        now = found[-1][1]
    return np.array(found)


@pytest.mark.parametrize(
    ("distribution", "spread", "variation"),
    [("exponential", 1.0, 1.0), ("fixed", 1.0, 0.0), ("lognormal", 0.5, 0.5329)],
)
def test_spells_have_their_means_within_four_standard_errors(distribution, spread, variation):
    spec = RenewalOutage(5.0, 0.5, up=distribution, down=distribution, spread=spread)
    found = spells(spec.start(stream()), 20_000) / S
    down = found[:, 1] - found[:, 0]
    up = found[1:, 0] - found[:-1, 1]
    assert abs(down.mean() - 0.5) <= 4 * 0.5 * variation / np.sqrt(20_000) + 1e-9
    assert abs(up.mean() - 5.0) <= 4 * 5.0 * variation / np.sqrt(20_000) + 1e-8
    assert down.std() / 0.5 == pytest.approx(variation, abs=0.05)


def test_the_process_does_not_depend_on_who_asks():
    spec = RenewalOutage(1.0, 0.3)
    sparse, dense = spec.start(stream()), spec.start(stream())
    for now in range(0, 100 * S, S // 7):
        dense.window(now)
    for now in (99 * S, 3 * S, 57 * S):
        assert sparse.window(now) == dense.window(now)
        assert sparse.next_start_ns(now) == dense.next_start_ns(now)


def test_a_run_begins_up():
    assert RenewalOutage(5.0, 5.0).start(stream()).window(0) is None


def test_windows_are_half_open_and_repeat():
    state = WindowOutage(((1, 2), (4, 5)), period_s=6).start(stream())
    assert state.window(S - 1) is None
    assert state.window(S) == (S, 2 * S)
    assert state.window(2 * S) is None
    assert state.window(10 * S) == (10 * S, 11 * S)
    assert state.next_start_ns(0) == S
    assert state.next_start_ns(S) == 4 * S
    assert state.next_start_ns(5 * S) == 7 * S


def test_windows_that_touch_over_the_edge_of_a_period_are_one():
    state = WindowOutage(((0, 1), (5, 6)), period_s=6).start(stream())
    assert state.window(0) == (0, S)
    assert state.window(5 * S) == state.window(6 * S) == (5 * S, 7 * S)
    assert state.next_start_ns(S) == 5 * S
    assert state.next_start_ns(5 * S) == 11 * S


def test_windows_come_once_without_a_period():
    state = WindowOutage(((1, 2), (2, 3))).start(stream())
    assert state.window(S) == (S, 3 * S)
    assert state.next_start_ns(S) is None


def test_a_stall_comes_every_period():
    state = PeriodicOutage(4, 1, 2).start(stream())
    assert [state.window(t * S) is not None for t in range(8)] == [
        False, False, True, False, False, False, True, False,
    ]  # fmt: skip
    assert state.next_start_ns(0) == 2 * S
    assert state.next_start_ns(2 * S) == 6 * S
    assert PeriodicOutage().effect == "hold"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: WindowOutage(), "no window; give windows_s"),
        (lambda: WindowOutage(((1, 3), (2, 4))), "starts at 2, before 3"),
        (lambda: WindowOutage(((1, 3),), period_s=2), "ends at 3 s, after period_s=2"),
        (lambda: WindowOutage(((0, 1), (1, 2)), period_s=2), "never up"),
        (lambda: PeriodicOutage(1, 1), "down_s=1.0 is not shorter than every_s=1"),
        (lambda: PeriodicOutage(effect="burn"), "one of drop, hold, close, half_open"),
        (lambda: RenewalOutage(0, 1), "mean_up_s=0 is not a number from 0.001"),
        (lambda: RenewalOutage(1, 1, up="weibull"), "exponential, fixed, lognormal"),
    ],
)
def test_contradictions_are_refused(make, words):
    with pytest.raises(ConditionsError, match=words):
        make()
