"""The TCP model against 0.9 million messages over real kernel TCP, family by family.

The measurements are in data/kernel_tcp_quantiles.csv (data/README.md tells how they were made).
Two real runs of one configuration differ by about 0.02 in the median of this distance.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from kernel_tcp import Measured, distance, read_grid, recoveries_s, simulate

from wsim.tcp import connect_time_ns, syn_retry_s

SEEDS = range(1, 33)
GRID = read_grid()


def configurations(family: str, stationary: bool | None = None) -> list[list[Measured]]:
    """Return the streams of each configuration of a family."""
    names = dict.fromkeys(m.name for m in GRID if m.family == family)
    groups = [[m for m in GRID if m.name == name] for name in names]
    return [g for g in groups if stationary is None or g[0].stationary is stationary]


def compare(streams: list[Measured], seeds: Iterable[int]) -> list[tuple[float, float]]:
    """Return (distance, error of the share of late messages) of each stream."""
    runs = [simulate(streams, seed) for seed in seeds]
    found = []
    for stream in streams:
        latency = np.concatenate([run[stream.row["stream"]][1] for run in runs])
        late = float(np.mean(latency > stream.late_ms))
        error = abs(late - stream.number("late_share"))
        found.append((distance(latency, stream.quantiles_ms), error))
    return found


def report(capsys: pytest.CaptureFixture[str], family: str, figures: list[tuple[float, float]]):
    """Print one row of the accuracy table."""
    apart, late = np.array(figures).T
    with capsys.disabled():
        print(
            f"\n{family:24s} {len(figures):3d} streams: distance median {np.median(apart):.3f}"
            f" max {apart.max():.3f}, late messages {100 * late.mean():.1f} points off"
        )


@pytest.mark.slow
def test_main_grid(capsys: pytest.CaptureFixture[str]) -> None:
    lossy = [g for g in configurations("main", True) if g[0].number("loss")]
    assert len(lossy) == 24
    figures = [figure for streams in lossy for figure in compare(streams, SEEDS)]
    report(capsys, "main grid", figures)
    apart, late = np.array(figures).T
    assert np.median(apart) <= 0.025
    assert apart.max() <= 0.12
    assert late.mean() <= 0.02


def test_main_grid_without_loss(capsys: pytest.CaptureFixture[str]) -> None:
    clean = [g for g in configurations("main") if not g[0].number("loss")]
    figures = [figure for streams in clean for figure in compare(streams, [101])]
    report(capsys, "main grid, no loss", figures)
    assert len(figures) == 9
    assert max(apart for apart, _ in figures) <= 0.005


@pytest.mark.slow
def test_outages(capsys: pytest.CaptureFixture[str]) -> None:
    figures = []
    for streams in configurations("out"):
        runs = [simulate(streams, seed)["stream"] for seed in SEEDS]
        latency = np.concatenate([run[1] for run in runs])
        late = float(np.mean(latency > streams[0].late_ms))
        error = abs(late - streams[0].number("late_share"))
        figures.append((distance(latency, streams[0].quantiles_ms), error))
        waits = np.concatenate([recoveries_s(streams[0], *run) for run in runs])
        measured = streams[0].number("recovery_median_s")
        assert abs(float(np.median(waits)) - measured) <= 0.1, streams[0].name
    report(capsys, "outages", figures)
    assert max(apart for apart, _ in figures) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "stationary", "worst"),
    [
        ("jit", None, 0.08),
        ("reo", None, 0.05),
        ("bidir", None, 0.07),
        ("bbr", None, 0.05),
        ("cam", True, 0.15),
        ("cam", False, 0.25),
        ("camr10", None, 0.25),
        ("mix", None, 0.15),
    ],
)
def test_other_families(
    family: str, stationary: bool | None, worst: float, capsys: pytest.CaptureFixture[str]
) -> None:
    groups = configurations(family, stationary)
    figures = [figure for streams in groups for figure in compare(streams, SEEDS[:8])]
    kind = {True: " (stationary)", False: " (overloaded)", None: ""}[stationary]
    report(capsys, family + kind, figures)
    assert max(apart for apart, _ in figures) <= worst


@pytest.mark.parametrize("streams", configurations("connect"), ids=lambda s: s[0].name)
def test_connecting_follows_the_law(streams: list[Measured]) -> None:
    measured = streams[0]
    rng = np.random.default_rng(1)
    loss, rtt = measured.number("loss"), round(2e6 * measured.number("owd_ms"))
    drawn = [connect_time_ns(rtt, loss, loss, rng.random) for _ in range(20_000)]
    times = np.array([at / 1e6 for at in drawn if at is not None])
    shares = [
        np.mean(np.abs(ms - measured.number("owd_ms") * 2 - 1000 * syn_retry_s(lost)) < 60)
        for ms in (times, measured.quantiles_ms)
        for lost in range(4)
    ]
    assert shares[:4] == pytest.approx(shares[4:], abs=0.02)
    assert sum(shares[:4]) > 0.97
