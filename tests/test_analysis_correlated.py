"""What the intervals are worth on correlated data: measured, and held to what is stated."""

import frames
import numpy as np
import pytest

from wsim.analysis.comparison import compare
from wsim.analysis.summary import summarize

pytestmark = pytest.mark.slow
RHO = 0.9
"""Correlation of neighbours: at 20 Hz half of it is gone after a third of a second."""


def recording(seed, n=6000):
    return frames.periodic(20, n / 20, frames.ar1(n, seed, rho=RHO))


def losses(seed, n=6000, share=0.02, run=3):
    """Losses of a two-state chain with mean runs of `run` messages."""
    rng = np.random.default_rng(seed)
    good, bad = rng.geometric(share / (1 - share) / run, n), rng.geometric(1 / run, n)
    states = np.repeat(np.tile([False, True], n), np.column_stack([good, bad]).ravel())[:n]
    return frames.periodic(20, n / 20, 50.0, lost=states)


def truths():
    level = np.exp(0.3 * np.random.default_rng(0).normal(size=4_000_000)) * 60.0
    return {"p50_ms": 60.0, "p95_ms": np.quantile(level, 0.95)}


def test_intervals_of_one_summary_are_too_narrow():
    """Stated in `summarize`: on correlated messages they cover far less than 95 %."""
    truth = truths()
    hits = {name: [] for name in (*truth, "drop_rate")}
    for seed in range(200):
        row = summarize(recording(seed), None, sections=["latency"]).iloc[0]
        for name, value in truth.items():
            hits[name].append(row[f"{name}_low"] <= value <= row[f"{name}_high"])
        lost = summarize(losses(seed), None, sections=["counts"]).iloc[0]
        hits["drop_rate"].append(lost["drop_rate_low"] <= 0.02 <= lost["drop_rate_high"])
    shares = {name: float(np.mean(values)) for name, values in hits.items()}
    print(f"coverage of 95 % intervals of one correlated recording: {shares}")
    assert 0.3 < shares["p50_ms"] < 0.55
    assert 0.4 < shares["p95_ms"] < 0.65
    assert 0.55 < shares["drop_rate"] < 0.75


def test_blocks_come_close():
    """Stated in `compare`: the block bootstrap covers 85 to 96 % where 95 % is meant."""
    names = ["mean_ms", "p50_ms", "p95_ms", "p99_ms", "age_mean_ms", "age_p99_ms"]
    inside = {name: [] for name in names}
    for seed in range(150):
        table = compare(recording(2 * seed), recording(2 * seed + 1), metrics=names)
        for row in table.itertuples():
            if np.isfinite(row.low):
                inside[row.metric].append(row.low <= 0.0 <= row.high)
    shares = {name: float(np.mean(values)) for name, values in inside.items()}
    print(f"coverage of 95 % block bootstrap intervals: {shares}")
    assert all(0.85 <= share <= 0.98 for share in shares.values())
