"""What a million points cost: times and ratios are printed, what is drawn is counted."""

import time

import numpy as np
import pandas as pd
import pytest
from frames import periodic

import wsim.analysis.plots as plots
from wsim.analysis.plots.style import png

ROWS = 1_000_000
MOST_VERTICES = 150_000

PICTURES = {
    "ecdf": plots.plot_latency,
    "ccdf": lambda frame: plots.plot_latency(frame, kind="ccdf"),
    "percentiles": lambda frame: plots.plot_latency(frame, kind="percentiles"),
    "histogram": lambda frame: plots.plot_latency(frame, kind="histogram"),
    "ridge": lambda frame: plots.plot_latency(frame, kind="ridge"),
    "latency over time": plots.plot_latency_over_time,
    "drop rate": plots.plot_drop_rate,
    "drop rate over time": lambda frame: plots.plot_drop_rate(frame, kind="time"),
    "timeline": plots.plot_timeline,
    "age": plots.plot_age,
    "loss runs": plots.plot_loss_runs,
    "delay parts": plots.plot_delay_parts,
    "path": plots.plot_path,
}


@pytest.fixture(scope="module")
def million():
    rng = np.random.default_rng(0)
    share = ROWS // 4
    parts = [
        periodic(1000, share / 1000, rng.gamma(9, mean / 9, share), profile=name, run=name,
                 lost=rng.random(share) < 0.02 * number, data=[{"linear": 0.5}] * share)
        for number, (name, mean) in enumerate({"a": 1, "b": 50, "c": 200, "d": 900}.items())
    ]  # fmt: skip
    frame = pd.concat(parts, ignore_index=True)
    names = ("direction", "event_name", "client_id", "profile", "run", "fate", "cause")
    return frame.astype(dict.fromkeys(names, "category"))


@pytest.mark.benchmark
@pytest.mark.parametrize("name", PICTURES)
def test_a_million_points_are_drawn_by_few(million, name):
    column = million["latency_ms"].to_numpy()
    start = time.perf_counter()
    np.sort(column)
    sorting = time.perf_counter() - start
    start = time.perf_counter()
    ax = PICTURES[name](million)
    png(ax)
    drawing = time.perf_counter() - start
    vertices = sum(len(line.get_xdata()) for line in ax.get_lines())
    print(f"\n{name}: {drawing:.2f} s, {drawing / sorting:.1f} x one sort, {vertices:,} points")
    assert vertices <= MOST_VERTICES


@pytest.mark.benchmark
def test_the_extremes_of_a_million_points_are_drawn(million):
    ax = plots.plot_latency_over_time(million)
    shown = np.concatenate([x.get_ydata() for x in ax.get_lines() if "dots" in str(x.get_gid())])
    assert shown.max() == million["latency_ms"].max()
    assert shown.min() == million["latency_ms"].min()
    ends = np.concatenate([x.get_xdata() for x in plots.plot_latency(million).get_lines()])
    assert ends.max() == million["latency_ms"].max()
