"""The copula: uniform marginals, the correlation asked for, by message and by seconds."""

import time

import numpy as np
import pytest
from scipy import stats

from wsim.impairments import spec_from
from wsim.impairments.correlation import CopulaState
from wsim.impairments.gilbert_elliott import GilbertElliott

COUNT = 1_000_000
U = np.random.Generator(np.random.SFC64(4)).random(COUNT)
TIMES = np.cumsum(np.random.default_rng(1).exponential(20e6, COUNT)).astype(np.int64)


@pytest.mark.parametrize("rho", [0.25, 0.7, 0.95])
def test_the_correlation_is_the_one_asked_for(rho):
    z = stats.norm.ppf(CopulaState(rho, 0.0).apply(TIMES, U))
    for lag in (1, 2, 5):
        expected = rho**lag
        got = np.corrcoef(z[lag:], z[:-lag])[0, 1]
        error = (1 - rho**2) / np.sqrt(COUNT) * np.sqrt((1 + rho**2) / (1 - rho**2)) * lag
        assert abs(got - expected) < 4 * error + 2e-4


@pytest.mark.parametrize(("rho", "memory_s"), [(0.7, 0.0), (0.0, 0.2)])
def test_the_marginal_stays_uniform(rho, memory_s):
    u = CopulaState(rho, memory_s).apply(TIMES, U)
    counts = np.histogram(u, 20, (0, 1))[0] / COUNT
    memory = max(rho, np.exp(-20e-3 / 0.2) if memory_s else 0)
    error = np.sqrt(0.05 * 0.95 / COUNT * (1 + memory) / (1 - memory))
    assert np.abs(counts - 0.05).max() < 4 * error


def test_the_distribution_of_the_delay_is_untouched():
    sample = spec_from("jitter", "lognormal").sampler(50.0, 20.0)
    plain, correlated = sample(U), sample(CopulaState(0.6, 0.0).apply(TIMES, U))
    q = [0.01, 0.1, 0.5, 0.9, 0.99]
    assert np.quantile(correlated, q) == pytest.approx(np.quantile(plain, q), rel=0.01)


def test_memory_in_seconds_follows_the_gaps():
    z = stats.norm.ppf(CopulaState(0.0, 0.05).apply(TIMES, U))
    gaps = np.diff(TIMES) / 1e9
    for low, high in [(0.001, 0.005), (0.02, 0.025), (0.08, 0.1)]:
        chosen = np.flatnonzero((gaps > low) & (gaps < high))
        got = np.mean(z[chosen] * z[chosen + 1])
        assert abs(got - np.exp(-gaps[chosen] / 0.05).mean()) < 6 / np.sqrt(len(chosen))


def test_messages_at_one_instant_share_their_delay():
    u = CopulaState(0.0, 0.2).apply(np.array([5, 5, 5, 10_000_000_000]), U[:4])
    assert u[0] == u[1] == u[2] != u[3]


def test_equals_the_textbook_recursion():
    got = CopulaState(0.8, 0.0).apply(TIMES[:5000], U[:5000])
    z, expected = None, []
    for e in stats.norm.ppf(U[:5000]).tolist():
        z = e if z is None else 0.8 * z + np.sqrt(1 - 0.64) * e
        expected.append(stats.norm.cdf(z))
    assert got == pytest.approx(expected, abs=1e-4)  # the normal quantile is tabulated


@pytest.mark.benchmark
def test_correlated_jitter_with_burst_loss_in_units_of_two_draws():
    generator = np.random.Generator(np.random.SFC64(1))
    sample = spec_from("jitter", "normal").sampler(50.0, 10.0)
    rate = spec_from("rate", "constant")
    numbers, sizes = np.arange(COUNT), np.full(COUNT, 120)

    def work():
        u, v = generator.random(COUNT), generator.random(COUNT)
        delays = np.rint(sample(CopulaState(0.7, 0.0).apply(TIMES, u)) * 1e6).astype(np.int64)
        lost = GilbertElliott(mean_burst=6).start(0.015).lost(numbers, TIMES, v)
        left = rate.start(10.0, 0).finish_many(TIMES, sizes, 0)
        return np.maximum.accumulate(left + delays), lost

    arrivals, lost = work()
    assert len(arrivals) == len(lost) == COUNT
    base = fastest(lambda: (generator.standard_normal(COUNT), generator.random(COUNT)))
    print(f"impairments alone: {fastest(work) / base:.2f} x one normal and one uniform")


def fastest(work, rounds=5):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
