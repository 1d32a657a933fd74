"""The stated accuracy of the impairments, as a table: measured here, asserted here."""

import numpy as np
import pytest
from scipy import stats

from wsim.impairments import spec_from
from wsim.impairments.correlation import CopulaState

pytestmark = pytest.mark.benchmark
COUNT = 1_000_000
STRATIFIED = (np.arange(COUNT) + 0.5) / COUNT
U = np.random.Generator(np.random.SFC64(21)).random(COUNT)
NUMBERS = np.arange(COUNT)
TIMES = NUMBERS * 20_000_000
SHARES = np.array([0.0001, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999])

DELAYS = {
    "normal": stats.truncnorm(-5, np.inf, loc=50, scale=10),
    "uniform": stats.uniform(40, 20),
    "pareto": stats.pareto(1 + 26**0.5, scale=50 * 26**0.5 / (1 + 26**0.5)),
    "lognormal": stats.lognorm(np.log1p(0.04) ** 0.5, scale=50 / 1.04**0.5),
    "gamma": stats.gamma(25, scale=2),
}
LOSSES = [
    ("bernoulli", 0.02, 1.0 / 0.98),
    ({"kind": "gilbert_elliott", "mean_burst": 6}, 0.015, 6.0),
    ({"kind": "gilbert_elliott", "mean_burst": 20}, 0.1, 20.0),
    ({"kind": "gilbert_elliott_time", "mean_burst_s": 0.2}, 0.05, None),
]


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def test_delays():
    print()
    row("delay, 50 +- 10 ms", "worst quantile, 0.01 to 99.99 %", "mean", "deviation")
    for kind, theory in DELAYS.items():
        sample = spec_from("jitter", kind).sampler(50.0, 10.0)
        got = np.quantile(np.sort(sample(STRATIFIED)), SHARES, method="hazen")
        worst = np.abs(got / theory.ppf(SHARES) - 1).max()
        drawn = sample(U)
        mean = (drawn.mean() - theory.mean()) / (theory.std() / COUNT**0.5)
        spread = (drawn - drawn.mean()) ** 2
        deviation = (spread.mean() - theory.var()) / (spread.std() / COUNT**0.5)
        row(kind, f"{worst:.4%}", f"{mean:+.1f} SE", f"{deviation:+.1f} SE")
        assert worst < 0.01
        assert abs(mean) < 4
        assert abs(deviation) < 4


def test_correlation():
    print()
    row("correlation asked for", "found", "error")
    for rho in (0.3, 0.7, 0.95):
        z = stats.norm.ppf(CopulaState(rho, 0.0).apply(TIMES, U))
        found = np.corrcoef(z[1:], z[:-1])[0, 1]
        error = (found - rho) / ((1 - rho**2) ** 0.5 / COUNT**0.5)
        row(rho, f"{found:.4f}", f"{error:+.1f} SE")
        assert abs(error) < 4


def test_losses():
    print()
    row("loss", "asked for", "found", "error", "burst asked for", "found")
    for value, rate, burst in LOSSES:
        spec = spec_from("loss", value)
        lost = spec.start(rate).lost(NUMBERS, TIMES, U)
        edges = np.flatnonzero(np.diff(lost.astype(np.int8), prepend=0, append=0))
        found = (edges[1::2] - edges[::2]).mean()
        memory = np.corrcoef(lost[1:], lost[:-1])[0, 1]
        error = (rate * (1 - rate) / COUNT * (1 + memory) / (1 - memory)) ** 0.5
        away = (lost.mean() - rate) / error
        asked = "-" if burst is None else f"{burst:.2f}"
        row(
            spec.kind, f"{rate:.1%}", f"{lost.mean():.3%}", f"{away:+.1f} SE", asked, f"{found:.2f}"
        )
        assert abs(away) < 4
        if burst is not None:
            runs = len(edges) / 2
            assert abs(found - burst) < 4 * (burst * (burst - 1) / runs) ** 0.5 + 1e-9
