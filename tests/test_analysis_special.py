"""Distribution functions equal SciPy's."""

import pytest
from scipy import stats

from wsim.analysis import special


@pytest.mark.parametrize("df", [1, 2, 4.7, 9, 30, 1000])
@pytest.mark.parametrize("p", [0.005, 0.2, 0.5, 0.9, 0.975, 0.9999])
def test_student_quantiles(p, df):
    assert special.student_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("t", [-40.0, -2.1, 0.0, 0.3, 5.0, float("inf"), float("-inf")])
def test_student_distribution(t):
    assert special.student_cdf(t, 7.5) == pytest.approx(stats.t.cdf(t, 7.5), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("n", [1, 7, 100, 12_345, 10_000_000])
@pytest.mark.parametrize("p", [0.5, 0.9, 0.99, 0.999])
@pytest.mark.parametrize("prob", [0.025, 0.3, 0.975])
def test_binomial_quantiles(prob, n, p):
    assert special.binomial_quantile(prob, n, p) == int(stats.binom.ppf(prob, n, p))


@pytest.mark.parametrize("k", [-1, 0, 3, 19, 20, 25])
def test_binomial_distribution(k):
    assert special.binomial_cdf(k, 20, 0.3) == pytest.approx(stats.binom.cdf(k, 20, 0.3), rel=1e-9)


@pytest.mark.parametrize("p", [1e-9, 0.123, 0.5, 0.975])
def test_normal_quantile(p):
    assert special.normal_quantile(p) == pytest.approx(stats.norm.ppf(p), abs=1e-9)


@pytest.mark.parametrize("x", [-0.1, 0.0, 0.2, 0.9, 1.0, 1.1])
def test_beta_distribution(x):
    assert special.beta_cdf(2.5, 0.7, x) == pytest.approx(stats.beta.cdf(x, 2.5, 0.7), rel=1e-9)
