"""Replicates of profiles, and what comparing them gives."""

import doctest

import numpy as np
import pytest

import wsim
from wsim import sweep
from wsim.analysis.comparison import compare
from wsim.conditions import NetworkConditions
from wsim.errors import UsageError
from wsim.sweep import replicates
from wsim.traffic import Traffic

DRIVE = Traffic.periodic("driveCommands", 20, size_bytes=100)


def test_runs_differ_in_their_seed_only():
    seen = []
    frames = replicates(DRIVE, "default", 3, duration_s=5, seed=7, progress=seen.append)
    assert [next(iter(frame.attrs["wsim"])) for frame in frames] == [
        "default-7",
        "default-8",
        "default-9",
    ]
    assert seen == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert not np.array_equal(frames[0]["latency_ms"], frames[1]["latency_ms"], equal_nan=True)
    alone = wsim.simulate(DRIVE, "default", duration_s=5, seed=8)
    assert np.array_equal(frames[1]["latency_ms"], alone["latency_ms"], equal_nan=True)


def test_the_docstring_runs():
    assert doctest.testmod(sweep).failed == 0


def test_pairs_resolve_small_differences():
    base = NetworkConditions(disconnect_rate=0.0)
    calm = replicates(DRIVE, base, 6, duration_s=30)
    near = replicates(DRIVE, base.replace(latency_ms=50.5), 6, duration_s=30)
    table = compare(calm, near, metrics=["p50_ms", "drop_rate"], margin_ms=0.1, margin_share=1e-3)
    p50 = table.iloc[0]
    assert p50.method == "paired t over runs (6)"
    assert p50.verdict == "worse"
    assert p50.difference == pytest.approx(0.5, abs=0.02)
    assert table.iloc[1].difference == 0.0


@pytest.mark.parametrize("k", [0, -1, 2.5, True])
def test_how_many(k):
    with pytest.raises(UsageError, match="is not a whole number from 1"):
        replicates(DRIVE, "default", k, duration_s=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "conditions"),
    [
        ("datagram, 10 % loss", {"packet_loss_rate": 0.1, "disconnect_rate": 0.0}),
        ("tcp, 5 % loss", {"packet_loss_rate": 0.05, "disconnect_rate": 0.0, "transport": "tcp"}),
    ],
)
def test_a_profile_seldom_differs_from_itself(name, conditions):
    """A/A: tables with any verdict of better or worse, over 80 pairs of sets of 5 runs."""
    network = NetworkConditions(**conditions)
    found = []
    for i in range(80):
        runs = replicates(DRIVE, network, 10, duration_s=40, seed=10 * i)
        table = compare(runs[:5], runs[5:])
        found.append(table["verdict"].isin(["better", "worse"]).any())
    print(f"A/A, {name}: {np.mean(found):.3f} of tables with an alarm")
    assert np.mean(found) <= 0.06
