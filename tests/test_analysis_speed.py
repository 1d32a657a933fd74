"""What summaries and comparisons cost, as ratios to NumPy in the same run."""

import time

import numpy as np
import pandas as pd
import pytest

from wsim.analysis.comparison import compare
from wsim.analysis.summary import QUANTILES, summarize
from wsim.schema import CAUSES, FATES, PARTS

pytestmark = pytest.mark.benchmark
EVENTS = ["driveCommands", "cameraFeed", "sensorData", "systemStatus"]
ROWS = 2_000_000


def history(rows, runs=4, seed=0):
    """A history of several runs, each of its own profile, with 1 % loss and all the parts."""
    rng = np.random.default_rng(seed)
    each = rows // runs
    created = np.sort(rng.random((runs, each)) * each / 80, axis=1).ravel()
    latency = rng.lognormal(4, 0.4, rows)
    lost = rng.random(rows) < 0.01
    latency[lost] = np.nan
    run = np.repeat(np.arange(runs), each).astype(np.int8)
    event = rng.integers(0, len(EVENTS), rows).astype(np.int8)

    def named(codes, labels):
        return pd.Categorical.from_codes(codes, list(labels))

    columns = {
        "seq": np.tile(np.arange(each), runs),
        "created_s": created,
        "delivered_s": created + latency / 1e3,
        "latency_ms": latency,
        "direction": named((event > 0).astype(np.int8), ["inbound", "outbound"]),
        "event_name": named(event, EVENTS),
        "client_id": named(np.zeros(rows, np.int8), ["client-1"]),
        "profile": named(run, [f"profile-{i}" for i in range(runs)]),
        "run": named(run, [f"run-{i}" for i in range(runs)]),
        "fate": named(lost.astype(np.int8), FATES),
        "cause": named(lost.astype(np.int8), CAUSES),
        "copy": np.zeros(rows, np.int64),
        "size_bytes": np.full(rows, 100),
    }
    return pd.DataFrame(columns | dict.fromkeys(PARTS, latency / 8))


def best(work, repeats=3):
    """Return the least time of a few, and the result."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - began)
    return min(times), result


@pytest.fixture(scope="module")
def frame():
    return history(ROWS)


def test_summaries_against_partition(frame):
    latency = frame["latency_ms"].to_numpy()
    ranks = [int(len(latency) * q) for q in QUANTILES.values()]
    one, _ = best(lambda: np.partition(latency, ranks))
    quantiles, table = best(lambda: summarize(frame, sections=["latency"]))
    everything, whole = best(lambda: summarize(frame))
    assert len(table) == len(whole) == 4
    assert whole["sent"].sum() == len(frame)
    assert whole["delivered"].sum() == int(np.isfinite(latency).sum())
    print(
        f"{len(frame):,} rows by profile: quantiles {quantiles / one:.1f} x, "
        f"all columns {everything / one:.1f} x NumPy partition ({one * 1e3:.0f} ms)"
    )


def test_comparisons_against_a_sort(frame):
    first, second = frame[frame["run"] == "run-0"], frame[frame["run"] == "run-1"]
    both = pd.concat([first, second])
    rows, _ = best(lambda: both.sort_values("latency_ms"))
    column, _ = best(lambda: np.sort(both["latency_ms"].to_numpy()))
    took, table = best(lambda: compare(first, second))
    assert len(table) == 14
    assert table["low"].notna().all()
    print(
        f"compare of {len(both):,} rows: {took / rows:.1f} x one sort of the rows, "
        f"{took / column:.0f} x NumPy sort of the bare column ({column * 1e3:.0f} ms)"
    )
