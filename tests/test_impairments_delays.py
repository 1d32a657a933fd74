"""Delay distributions against theory: quantiles within 1 %, moments within 4 standard errors."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from wsim.errors import ColumnsError, ConditionsError, FormatError
from wsim.impairments import spec_from
from wsim.impairments.netem_table import NetemTable, table_delays
from wsim.impairments.pareto_normal import standard_mixture
from wsim.impairments.quantiles import Quantiles
from wsim.impairments.samples import Samples

COUNT = 1_000_000
STRATIFIED = (np.arange(COUNT) + 0.5) / COUNT
SHARES = np.array([1e-5, 1e-3, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 0.99999])


def pareto(m, s):
    shape = 1 + np.sqrt(1 + (m / s) ** 2)
    return stats.pareto(shape, scale=m * (shape - 1) / shape)


def lognormal(m, s):
    return stats.lognorm(np.sqrt(np.log1p((s / m) ** 2)), scale=m / np.sqrt(1 + (s / m) ** 2))


def gamma(m, s):
    return stats.gamma((m / s) ** 2, scale=s**2 / m)


def shifted(distribution, m, s, floor):
    frozen = distribution(m * (1 - floor), s)
    return lambda q: m * floor + frozen.ppf(q)


THEORY = {
    "normal": lambda m, s: stats.truncnorm(-m / s, np.inf, loc=m, scale=s).ppf,
    "uniform": lambda m, s: lambda q: np.maximum(m + s * (2 * q - 1), 0),
    "clipped_normal": lambda m, s: lambda q: np.maximum(m + s * stats.norm.ppf(q), 0),
    "pareto": lambda m, s: pareto(m, s).ppf,
    "lognormal": lambda m, s: lognormal(m, s).ppf,
    "gamma": lambda m, s: gamma(m, s).ppf,
}
FLOORED = {"pareto": pareto, "lognormal": lognormal, "gamma": gamma}


def quantiles(sample):
    values = np.sort(sample(STRATIFIED))
    return np.quantile(values, SHARES, method="hazen")


@pytest.mark.parametrize(("mean", "spread"), [(50, 10), (10, 20), (1000, 0.5), (1, 30)])
@pytest.mark.parametrize("kind", THEORY)
def test_quantiles_lie_within_one_percent_of_theory(kind, mean, spread):
    got = quantiles(spec_from("jitter", kind).sampler(mean, spread))
    assert got == pytest.approx(THEORY[kind](mean, spread)(SHARES), rel=0.01, abs=1e-3 * mean)


@pytest.mark.parametrize("kind", FLOORED)
def test_a_floor_shifts_the_distribution(kind):
    got = quantiles(spec_from("jitter", {"kind": kind, "floor": 0.6}).sampler(100, 15))
    assert got == pytest.approx(shifted(FLOORED[kind], 100, 15, 0.6)(SHARES), rel=0.01)
    assert got.min() >= 60.0


@pytest.mark.parametrize("kind", ["uniform", "clipped_normal", "lognormal", "gamma", "pareto"])
def test_mean_and_deviation_are_those_asked_for_within_four_standard_errors(kind):
    u = np.random.default_rng(8).random(COUNT)
    values = spec_from("jitter", kind).sampler(200.0, 20.0)(u)
    deviation = 20.0 / np.sqrt(3) if kind == "uniform" else 20.0
    centred = values - 200.0
    assert abs(centred.mean()) < 4 * deviation / np.sqrt(COUNT)
    error = np.std(centred**2) / np.sqrt(COUNT)
    assert abs((centred**2).mean() - deviation**2) < 4 * error


def test_truncated_normal_has_the_mean_of_its_formula():
    a = -10 / 20
    mean = 10 + 20 * stats.norm.pdf(a) / stats.norm.sf(a)
    values = spec_from("jitter", "normal").sampler(10, 20)(STRATIFIED)
    assert values.mean() == pytest.approx(mean, rel=1e-4)
    assert (values == 0.0).mean() < 1e-3


def test_clipping_puts_a_share_at_zero_and_raises_the_mean():
    values = spec_from("jitter", "clipped_normal").sampler(10, 20)(STRATIFIED)
    assert (values == 0.0).mean() == pytest.approx(stats.norm.cdf(-0.5), abs=1e-4)
    assert values.mean() == pytest.approx(13.96, abs=0.01)


def test_pareto_normal_is_standardised():
    def moment(power):
        def density(z):
            return standard_mixture(np.array([stats.norm.cdf(z)]))[0] ** power * stats.norm.pdf(z)

        return sum(integrate.quad(density, a, b)[0] for a, b in [(-8, 0), (0, 4), (4, 6)])

    assert moment(1) == pytest.approx(0.0, abs=0.002)
    values = spec_from("jitter", "pareto_normal").sampler(1000, 10)(STRATIFIED)
    assert values.mean() == pytest.approx(1000.0, abs=0.01)
    assert values.std() == pytest.approx(10.0, rel=0.02)  # the tail has no fourth moment


def test_pareto_normal_quantiles():
    pareto_part = ((1 - SHARES) ** (-1 / 3) - 1.5) / np.sqrt(0.75)
    covariance = 0.6783527895499959
    scale = np.sqrt(0.0625 + 0.5625 + 2 * 0.25 * 0.75 * covariance)
    expected = 100 + 10 * (0.25 * stats.norm.ppf(SHARES) + 0.75 * pareto_part) / scale
    assert quantiles(spec_from("jitter", "pareto_normal").sampler(100, 10)) == pytest.approx(
        expected, rel=0.01
    )


@pytest.mark.parametrize("kind", FLOORED)
def test_skewed_delays_refuse_a_spread_without_a_mean(kind):
    with pytest.raises(ConditionsError, match=r"needs a mean above its floor: latency_ms=0"):
        spec_from("jitter", kind).check(0.0, 5.0)
    assert spec_from("jitter", kind).is_fixed(0.0)


class TestQuantiles:
    spec = Quantiles({0.5: 3, 0.9: 20, 0.99: 250})

    def test_passes_through_its_points_and_ends_at_the_last(self):
        values = self.spec.sampler(0.0, 0.0)(STRATIFIED)
        assert np.quantile(values, [0.5, 0.9, 0.9899]) == pytest.approx([3, 20, 248], rel=0.01)
        assert values.max() == 250.0

    def test_is_lognormal_between_two_points(self):
        median, width = 3.0, np.log(20 / 3) / stats.norm.ppf(0.9)
        q = np.array([0.01, 0.3, 0.7, 0.89])
        expected = median * np.exp(width * stats.norm.ppf(q))
        assert self.spec.sampler(0.0, 0.0)(q) == pytest.approx(expected, rel=0.01)

    def test_adds_the_latency(self):
        q = np.array([0.2, 0.5])
        moved = self.spec.sampler(40.0, 7.0)(q)
        assert moved - self.spec.sampler(0.0, 0.0)(q) == pytest.approx(40.0)

    def test_points_at_0_and_1_bound_it(self):
        spec = Quantiles(((0, 1), (0.5, 3), (0.9, 20), (1, 400)))
        values = spec.sampler(0.0, 0.0)(STRATIFIED)
        assert (values.min(), values.max()) == (1.0, 400.0)
        assert 20 < np.quantile(values, 0.99) < 400

    @pytest.mark.parametrize(
        ("points", "words"),
        [
            (((0.5, 3),), "two or more quantiles"),
            (((0.5, 3), (0.9, 2)), "must ascend"),
            (((0.5, 3), (0.5, 4)), "must ascend"),
            (((0.5, 3), (1.5, 4), (0.9, 5)), "a share and a positive delay"),
            (((0.5, -3), (0.9, 4)), "a share and a positive delay"),
            ("p50", "list of pairs"),
            ({0.5: "slow", 0.9: 4}, "list of pairs"),
            ({"median": 3, 0.9: 4}, "list of pairs"),
            (((0.5, float("nan")), (0.9, 4)), "finite pairs"),
        ],
    )
    def test_refuses_contradictory_points(self, points, words):
        with pytest.raises(ConditionsError, match=words):
            Quantiles(points)


class TestSamples:
    def test_equals_numpy_quantiles(self):
        rng = np.random.default_rng(1)
        values = rng.lognormal(3, 1, 500)
        u = rng.random(2000)
        got = Samples(tuple(values)).sampler(0.0, 0.0)(u)
        assert got == pytest.approx(np.quantile(values, u), rel=1e-12)

    def test_takes_the_delays_of_a_history_and_thins_them(self):
        values = np.random.default_rng(2).gamma(4, 10, 20_000)
        frame = pd.DataFrame({"latency_ms": np.append(values, [np.nan, np.nan])})
        spec = Samples.from_frame(frame)
        assert len(spec.values_ms) == 1001
        assert quantiles(spec.sampler(0.0, 0.0))[3:9] == pytest.approx(
            np.quantile(values, SHARES[3:9]), rel=0.01
        )

    def test_says_what_a_frame_lacks(self):
        with pytest.raises(ColumnsError, match="no column 'latency_ms'"):
            Samples.from_frame(pd.DataFrame({"delay": [1.0]}))
        with pytest.raises(ColumnsError, match="nothing was delivered"):
            Samples.from_frame(pd.DataFrame({"latency_ms": [np.nan]}))

    @pytest.mark.parametrize("values", [(), (1.0, -1.0), (1.0, float("inf")), ("fast",)])
    def test_refuses_what_is_no_delay(self, values):
        with pytest.raises(ConditionsError, match="values_ms"):
            Samples(values)


class TestNetemTable:
    def test_equals_the_kernels_integer_arithmetic_on_random_tables(self):
        rng = np.random.default_rng(4)
        for _ in range(50):
            table = rng.integers(-32768, 32768, 40)
            mean, deviation = int(rng.integers(0, 10**9)), int(rng.integers(1, 10**9))
            stepped = [kernel_delay(mean, deviation, t) for t in table.tolist()]
            assert table_delays(table, mean, deviation).tolist() == stepped

    def test_picks_each_entry_equally_often(self):
        spec = NetemTable((8192, 0, -8192, 16384))
        values, counts = np.unique(spec.sampler(100, 10)(STRATIFIED), return_counts=True)
        assert values.tolist() == [90.0, 100.0, 110.0, 120.0]
        assert (counts == COUNT // 4).all()

    @pytest.mark.parametrize("name", ["normal", "pareto", "paretonormal"])
    def test_built_in_tables_are_those_of_iproute2(self, name):
        found = [p for p in Path("/usr").glob(f"lib*/**/tc/{name}.dist") if p.is_file()]
        if not found:
            pytest.skip("no tables of iproute2 on this machine")
        shipped = NetemTable.from_file(found[0]).entries()
        assert np.sort(NetemTable(name).entries()).tolist() == shipped.tolist()

    def test_built_in_tables_are_nearly_standardised(self):
        assert NetemTable("normal").entries().std() / 8192 == pytest.approx(1.0, rel=0.01)
        assert NetemTable("pareto").entries().max() == 32767  # cut at four deviations

    def test_reads_a_file_and_names_the_line_of_a_bad_word(self, tmp_path):
        path = tmp_path / "mine.dist"
        path.write_text("# made by hand\n -10 0\n 10 20 # the end\n")
        assert NetemTable.from_file(path).table == (-10, 0, 10, 20)
        path.write_text("1 2\n3 four\n")
        with pytest.raises(FormatError, match=r"mine.dist: line 2: 'four' is no integer"):
            NetemTable.from_file(path)

    @pytest.mark.parametrize("table", ["gauss", (), (1, 40_000), (0.5,)])
    def test_refuses_what_is_no_table(self, table):
        with pytest.raises(ConditionsError, match="table"):
            NetemTable(table)


def kernel_delay(mean, deviation, t):
    """Follow the kernel's tabledist with C's integer division, step by step."""
    x = (deviation % 8192) * t
    x = x + 4096 if x >= 0 else x - 4096
    towards_zero = abs(x) // 8192 * (1 if x >= 0 else -1)
    return towards_zero + (deviation // 8192) * t + mean


@pytest.mark.benchmark
def test_speed_of_the_samplers():
    generator = np.random.Generator(np.random.SFC64(1))
    u = generator.random(COUNT)
    base = fastest(lambda: (generator.standard_normal(COUNT), generator.random(COUNT)))
    for kind in (*THEORY, "pareto_normal", "netem_table"):
        sample = spec_from("jitter", kind).sampler(50.0, 10.0)
        assert len(sample(u)) == COUNT
        taken = fastest(lambda sample=sample: sample(u))
        print(f"{kind:15} {taken / COUNT * 1e9:5.1f} ns, {taken / base:.2f} of normal + uniform")


def fastest(work, rounds=3):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
