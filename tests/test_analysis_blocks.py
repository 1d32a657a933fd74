"""Resampled figures of blocks equal those of the messages of these blocks."""

import frames
import numpy as np
import pytest

from wsim.analysis.blocks import Resampled, _histogram, block_length, cells
from wsim.analysis.metrics import METRICS
from wsim.analysis.runs import Run
from wsim.analysis.streams import Limits


@pytest.fixture(scope="module")
def run():
    rng = np.random.default_rng(1)
    frame = frames.periodic(20, 300, frames.ar1(6000, 1), lost=rng.random(6000) < 0.02)
    return Run(frame, "driveCommands", Limits()).compute()


def every_block_once(run, block_s=5.0):
    table = cells([run], block_s)
    return Resampled(table, np.ones((1, table.blocks)))


@pytest.mark.parametrize("name", METRICS)
def test_all_blocks_together_are_the_recording(run, name):
    found = every_block_once(run).of(METRICS[name])[0]
    truth = run.value(METRICS[name])
    tolerance = 0.1 if name == "p999_ms" else 0.01  # six messages lie beyond p99.9
    assert found == pytest.approx(truth, rel=tolerance, abs=1e-9), name


@pytest.mark.parametrize("name", ["mean_ms", "p50_ms", "p95_ms", "drop_rate", "late_share"])
def test_some_blocks_are_their_messages(run, name):
    table = cells([run], 5.0)
    weights = np.zeros((1, table.blocks))
    weights[0, [3, 10, 11]] = [2, 1, 1]
    created = run.frame["created_s"].to_numpy()
    block = np.minimum((created / (created[-1] / table.blocks)).astype(int), table.blocks - 1)
    rows = np.concatenate([np.flatnonzero(block == b) for b in (3, 3, 10, 11)])
    part = run.frame.iloc[rows]
    metric = METRICS[name]
    truth = {
        "mean_ms": part["latency_ms"].mean(),
        "drop_rate": part["dropped"].mean(),
        "late_share": np.mean(part["latency_ms"].dropna() > 200),
    }.get(name)
    if truth is None:
        truth = part["latency_ms"].quantile(metric.q)
    assert Resampled(table, weights).of(metric)[0] == pytest.approx(truth, rel=0.02)


def test_block_length_follows_stalls_and_long_recordings(run):
    assert block_length([run]) == 5.0
    stalled = Run(frames.make([0.0, 1.0, 9.0, 10.0]), "driveCommands", Limits()).compute()
    assert block_length([run, stalled]) == pytest.approx(16.0)
    long = Run(frames.periodic(1, 8000), "driveCommands", Limits()).compute()
    assert block_length([long]) == pytest.approx(20.0)


def test_draws_repeat_by_seed(run):
    table = cells([run], 5.0)
    a, b = (Resampled.draw(table, 10, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(a.weights, b.weights)
    assert np.array_equal(a.weights.sum(axis=1), np.full(10, table.blocks))


def test_nothing_to_resample():
    empty = Run(frames.make([]), "driveCommands", Limits()).compute()
    found = Resampled.draw(cells([empty], 5.0), 3, np.random.default_rng(1))
    assert all(np.isnan(found.of(metric)).all() for metric in METRICS.values())


@pytest.mark.parametrize("digits", [9, 1, -1])
@pytest.mark.parametrize("in_time", [True, False])
def test_the_histogram_counts_by_rank_and_splits_equal_latencies(digits, in_time):
    rng = np.random.default_rng(6)
    latency = rng.lognormal(3, 0.5, 3000).round(digits)
    block = rng.integers(0, 7, 3000)
    block = np.sort(block) if in_time else block
    edges, counts = _histogram(latency, block, np.sort(latency), 7)
    order = np.lexsort((block, latency))
    ranks = np.concatenate([[0], np.cumsum(counts.sum(axis=0))]).astype(int)
    assert len(edges) == counts.shape[1] + 1 == len(ranks)
    assert ranks[-1] == 3000
    assert np.all(np.diff(ranks) > 0)
    assert np.array_equal(edges[:-1], latency[order][ranks[:-1]])
    assert (len(np.unique(edges[:-1])) < len(edges) - 1) == (digits < 9)
    for start, end, found in zip(ranks[:-1], ranks[1:], counts.T, strict=True):
        assert np.array_equal(found, np.bincount(block[order[start:end]], minlength=7))
