"""Intervals: equal to SciPy and statsmodels, and covering as often as they promise."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from wsim.analysis import intervals

REPEATS = 2_000
PROMISED = (0.93, 0.97)


def covered(low, high, truth):
    return np.mean((np.asarray(low) <= truth) & (truth <= np.asarray(high)))


@pytest.mark.parametrize(("count", "total"), [(0, 10), (3, 10), (10, 10), (17, 1200), (1, 1)])
def test_wilson_equals_statsmodels(count, total):
    expected = proportion_confint(count, total, method="wilson")
    found = intervals.wilson(count, total)
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-12)
    assert found.estimate == count / total


def test_wilson_of_nothing_is_unknown():
    assert all(math.isnan(value) for value in intervals.wilson(0, 0))


@pytest.mark.parametrize("counts", [(3, 50, 9, 60), (0, 40, 0, 40), (12, 1000, 40, 900)])
def test_newcombe_equals_statsmodels(counts):
    a, n, b, m = counts
    expected = confint_proportions_2indep(b, m, a, n, compare="diff", method="newcomb")
    found = intervals.newcombe(a, n, b, m)
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-9)


def test_student_intervals_equal_scipy():
    rng = np.random.default_rng(1)
    a, b = rng.normal(10, 2, 9), rng.normal(11, 5, 12)
    welch = stats.ttest_ind(b, a, equal_var=False)
    found = intervals.welch_t(a.tolist(), b.tolist())
    bounds = welch.confidence_interval(0.95)
    assert (found.low, found.high, found.p_value) == pytest.approx(
        (bounds.low, bounds.high, welch.pvalue)
    )
    pairs = stats.ttest_rel(b[:9], a)
    found = intervals.paired_t(a.tolist(), b[:9].tolist())
    bounds = pairs.confidence_interval(0.95)
    assert (found.low, found.high, found.p_value) == pytest.approx(
        (bounds.low, bounds.high, pairs.pvalue)
    )


def test_welch_on_logs_is_a_ratio():
    found = intervals.welch_logs([10.0, 20.0, 40.0], [20.0, 40.0, 80.0])
    assert found.estimate == pytest.approx(2.0)
    assert found.low < 1.0 < found.high
    assert math.isnan(intervals.welch_logs([0.0, 1.0], [1.0, 2.0]).estimate)


def test_identical_replicates_have_no_spread():
    assert intervals.paired_t([1.0, 2.0], [1.0, 2.0]) == (0.0, 0.0, 0.0, 1.0)
    assert intervals.mean_t([3.0, 3.0]).p_value == 0.0


def test_one_replicate_has_no_interval():
    assert math.isnan(intervals.mean_t([3.0]).low)
    assert math.isnan(intervals.welch_t([3.0], [4.0, 5.0]).low)
    assert math.isnan(intervals.mean_t([]).estimate)


def test_holm_equals_statsmodels():
    p = [0.01, 0.04, 0.03, 0.005, 0.9]
    assert intervals.holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert math.isnan(intervals.holm([0.01, float("nan")])[1])
    assert intervals.holm([]) == []


@pytest.mark.parametrize("q", [0.01, 0.5, 0.9, 0.99])
def test_quantiles_equal_numpy(q):
    ordered = np.sort(np.random.default_rng(2).lognormal(size=137))
    assert intervals.sorted_quantile(ordered, q) == pytest.approx(np.quantile(ordered, q))


def test_a_small_sample_cannot_bound_its_tail():
    found = intervals.order_statistic(np.arange(50.0), 0.99)
    assert math.isnan(found.high)
    assert found.low == pytest.approx(47.0)


def test_confidence_must_be_a_probability():
    with pytest.raises(ValueError, match=r"between 0 and 1, such as 0\.95, not 95"):
        intervals.check_confidence(95)


@pytest.mark.parametrize("p", [0.02, 0.1, 0.5])
def test_wilson_covers(p):
    hits = np.random.default_rng(3).binomial(500, p, REPEATS)
    found = [intervals.wilson(int(k), 500) for k in hits]
    share = covered([f.low for f in found], [f.high for f in found], p)
    print(f"Wilson, p = {p}: {share:.3f}")
    assert PROMISED[0] <= share <= PROMISED[1]


@pytest.mark.parametrize("p", [(0.02, 0.05), (0.3, 0.3)])
def test_newcombe_covers(p):
    rng = np.random.default_rng(4)
    a, b = rng.binomial(500, p[0], REPEATS), rng.binomial(500, p[1], REPEATS)
    found = [intervals.newcombe(int(x), 500, int(y), 500) for x, y in zip(a, b, strict=True)]
    share = covered([f.low for f in found], [f.high for f in found], p[1] - p[0])
    print(f"Newcombe, p = {p}: {share:.3f}")
    assert PROMISED[0] <= share <= PROMISED[1]


@pytest.mark.parametrize(("q", "n"), [(0.5, 1000), (0.9, 1000), (0.95, 1000), (0.99, 2000)])
def test_order_statistics_cover(q, n):
    samples = np.sort(np.random.default_rng(5).lognormal(size=(REPEATS, n)), axis=1)
    low, high = intervals.quantile_ranks(n, q)
    truth = stats.lognorm.ppf(q, 1.0)
    share = covered(samples[:, low - 1], samples[:, high - 1], truth)
    print(f"order statistics, quantile {q}, n = {n}: {share:.3f}")
    assert PROMISED[0] <= share <= PROMISED[1]


def test_student_intervals_cover():
    rng = np.random.default_rng(6)
    a, b = rng.normal(5, 1, (REPEATS, 10)), rng.normal(7, 3, (REPEATS, 10))
    for method in (intervals.welch_t, intervals.paired_t):
        found = [method(x.tolist(), y.tolist()) for x, y in zip(a, b, strict=True)]
        share = covered([f.low for f in found], [f.high for f in found], 2.0)
        print(f"{method.__name__}, 10 replicates: {share:.3f}")
        assert PROMISED[0] <= share <= PROMISED[1]


def test_welch_on_logs_covers():
    rng = np.random.default_rng(7)
    a, b = rng.lognormal(1, 0.5, (REPEATS, 10)), rng.lognormal(2, 0.9, (REPEATS, 10))
    found = [intervals.welch_logs(x.tolist(), y.tolist()) for x, y in zip(a, b, strict=True)]
    share = covered([f.low for f in found], [f.high for f in found], math.e)
    print(f"Welch on logarithms, 10 replicates: {share:.3f}")
    assert PROMISED[0] <= share <= PROMISED[1]


@pytest.mark.parametrize("rate", [5.0, 20.0])
def test_rates_cover(rate):
    counts = np.random.default_rng(8).poisson(rate * 2.0, REPEATS)
    found = [intervals.poisson_rate(int(k), 2.0) for k in counts]
    share = covered([f.low for f in found], [f.high for f in found], rate)
    print(f"Poisson rate {rate}, 2 units of time: {share:.3f}")
    assert PROMISED[0] <= share <= PROMISED[1]


def test_no_events_bound_a_rate_from_above():
    found = intervals.poisson_rate(0, 10.0)
    assert (found.estimate, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(1.959964**2 / 10)
    assert math.isnan(intervals.poisson_rate(0, 0.0).high)


def test_a_share_of_replicates_is_taken_run_by_run():
    pooled = intervals.Interval(0.05, 0.049, 0.051)
    rates = [0.02, 0.04, 0.05, 0.06, 0.08]
    found = intervals.replicated_share(rates, pooled)
    reference = stats.t.interval(0.95, 4, loc=0.05, scale=stats.sem(rates))
    assert found[:3] == pytest.approx((0.05, *reference))
    assert intervals.replicated_share([0.0, 0.3], pooled).low == 0.0
    assert intervals.replicated_share([1.0, 0.7], pooled).high == 1.0


@pytest.mark.parametrize("shares", [[], [0.1], [0.0, 0.0, 0.0], [0.1, math.nan]])
def test_runs_that_cannot_tell_leave_the_interval_over_messages(shares):
    pooled = intervals.Interval(0.0, 0.0, 0.01)
    assert intervals.replicated_share(shares, pooled) is pooled
