"""Summaries of Parquet files and folders equal those of the loaded frame."""

import tracemalloc

import frames
import numpy as np
import pandas as pd
import pytest

import wsim
from wsim.analysis.sources import ParquetColumns
from wsim.analysis.summary import summarize
from wsim.errors import ColumnsError, FormatError
from wsim.formats import save
from wsim.sweep import replicates
from wsim.traffic import Traffic

pytest.importorskip("pyarrow")
TRAFFIC = Traffic.periodic("driveCommands", 20, size_bytes=100) + Traffic.periodic(
    "cameraFeed", 5, size_bytes=20_000, direction="outbound"
)


@pytest.fixture
def folder(tmp_path):
    for profile in ("default", "stressed"):
        for frame in replicates(TRAFFIC, profile, 3, duration_s=20):
            run = next(iter(frame.attrs["wsim"]))
            (tmp_path / profile).mkdir(exist_ok=True)
            save(frame, tmp_path / profile / f"{run}.parquet")
    return tmp_path


@pytest.mark.parametrize("by", ["profile", "run", None, ["profile", "event_name"]])
def test_a_folder_gives_the_same_numbers(folder, by):
    expected = summarize(wsim.load(folder), by)
    found = summarize(folder, by)
    pd.testing.assert_frame_equal(found.sort_index(), expected.sort_index())
    assert bool(found.attrs["wsim_notes"]) == bool(expected.attrs["wsim_notes"])


def test_groups_are_taken_one_after_the_other(folder):
    source = ParquetColumns.open(folder)
    assert [job.pieces[0].label for job in source.jobs(["run"])] == sorted(
        (f"{profile}-{seed}",) for profile in ("default", "stressed") for seed in range(3)
    )
    by_profile = [job.pieces[0] for job in source.jobs(["profile"])]
    assert [len(selection.files) for selection in by_profile] == [3, 3]
    assert set(by_profile[0].frame()["profile"]) == {"default"}


@pytest.fixture
def small(monkeypatch):
    """Memory for one run, and for a hundred values of a quantile."""
    monkeypatch.setattr("wsim.analysis.sources.MOST_ROWS", 500)
    monkeypatch.setattr("wsim.analysis.sources._BATCH", 170)
    monkeypatch.setattr("wsim.analysis.values.CHUNK", 100)
    monkeypatch.setattr("wsim.analysis.excess.CHUNK", 100)


@pytest.mark.parametrize(
    "by", ["profile", "run", "event_name", "direction", None, ["profile", "event_name"]]
)
def test_a_group_larger_than_memory_gives_the_same_numbers(folder, small, by):
    names = [by] if isinstance(by, str) else list(by or ())
    pieces = [piece for job in ParquetColumns.open(folder).jobs(names) for piece in job.pieces]
    assert max(len(piece.frame()) for piece in pieces) <= 500 + 3
    assert len(pieces) == 6
    expected, found = summarize(wsim.load(folder), by), summarize(folder, by)
    pd.testing.assert_frame_equal(found.sort_index(), expected.sort_index())
    assert bool(found.attrs["wsim_notes"]) == bool(expected.attrs["wsim_notes"])


def test_one_file_of_many_runs_and_clients(tmp_path, small):
    parts = []
    for seed in range(4):
        frame = wsim.simulate(TRAFFIC, "stressed", duration_s=10, seed=seed, clients=2)
        parts.append(frame.assign(run=pd.Categorical([f"run-{seed}"] * len(frame))))
    mixed = pd.concat(parts).sort_values("created_s", kind="stable", ignore_index=True)
    for name in ("run", "client_id", "event_name", "direction", "profile"):
        mixed[name] = mixed[name].astype("category")
    path = save(mixed, tmp_path / "all.parquet")
    (job,) = ParquetColumns.open(path).jobs(["profile"])
    assert [len(piece.runs) for piece in job.pieces] == [1, 1, 1, 1]
    pd.testing.assert_frame_equal(summarize(path), summarize(wsim.load(path)))


def test_the_command_stands_for_a_group_even_where_a_run_has_none(tmp_path, small):
    quiet = frames.periodic(20, 30, event_name="sensorData", run="run-1")
    driven = frames.periodic(20, 30, 80.0, run="run-2")
    for number, frame in enumerate((quiet, driven)):
        save(frame, tmp_path / f"{number}.parquet")
    found = summarize(tmp_path)
    assert found.age_mean_ms.iloc[0] == pytest.approx(80.0 + 25.0, abs=0.5)
    pd.testing.assert_frame_equal(found, summarize(wsim.load(tmp_path)))


def test_memory_holds_the_longest_run_only(tmp_path, monkeypatch):
    each, runs = 4_000, 12
    rng = np.random.default_rng(1)
    for number in range(runs):
        frame = frames.periodic(100, each / 100, rng.lognormal(4, 0.4, each), run=f"run-{number}")
        save(frame, tmp_path / f"{number}.parquet")

    def peak():
        tracemalloc.start()
        summarize(tmp_path)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    whole = peak()
    for name in ("sources.MOST_ROWS", "values.CHUNK", "excess.CHUNK"):
        monkeypatch.setattr(f"wsim.analysis.{name}", each)
    pieces = peak()
    print(f"peak: {whole / 1e6:.1f} MB at once, {pieces / 1e6:.1f} MB in pieces of a run")
    assert pieces < 0.4 * whole


def test_a_run_that_changes_its_profile_is_taken_whole(tmp_path):
    created = np.arange(600) / 10
    profile = np.where((created >= 20) & (created < 40), "storm", "calm")
    path = save(frames.make(created, 50.0, profile=profile), tmp_path / "run.parquet")
    found = summarize(path)
    assert found.loc["calm", "watchdog_trips"] == 0
    pd.testing.assert_frame_equal(found, summarize(wsim.load(path)))


def test_a_file_given_as_text(folder):
    file = next(folder.rglob("*.parquet"))
    pd.testing.assert_frame_equal(summarize(str(file)), summarize(wsim.load(file)))


def test_runs_of_one_name_are_kept_apart(tmp_path):
    for seed in (1, 2):
        frame = wsim.simulate(TRAFFIC, "default", duration_s=10, seed=seed)
        save(frame, tmp_path / f"{seed}.parquet")
    found = summarize(tmp_path)
    assert found.duration_s.iloc[0] == pytest.approx(20.0, rel=0.01)
    assert len(summarize(tmp_path, "run")) == 2


def test_it_takes_less_memory_than_loading(tmp_path):
    n = 10_000
    rng = np.random.default_rng(1)
    frame = frames.periodic(100, n / 100, rng.lognormal(4, 0.4, n))
    frame["data"] = [{"linear": i / n, "angular": 0.0} for i in range(n)]
    path = save(frame, tmp_path / "run.parquet")
    peaks = []
    for work in (lambda: summarize(path), lambda: summarize(wsim.load(path))):
        tracemalloc.start()
        work()
        peaks.append(tracemalloc.get_traced_memory()[1] / n)
        tracemalloc.stop()
    print(f"peak: {peaks[0]:.0f} bytes a row by columns, {peaks[1]:.0f} by loading")
    assert peaks[0] < 0.5 * peaks[1]


def test_foreign_parquet(tmp_path):
    bare = pd.DataFrame({"sent_s": [0.0, 0.1], "delivered_s": [0.05, 0.2], "who": ["a", "b"]})
    bare.to_parquet(tmp_path / "x.parquet")
    assert summarize(tmp_path, "who").p50_ms.tolist() == pytest.approx([50.0, 100.0])
    with pytest.raises(ColumnsError, match="needs the column 'whom'; did you mean 'who'"):
        summarize(tmp_path, "whom")


def test_what_is_no_parquet(tmp_path):
    with pytest.raises(FormatError, match=r"a folder without \.parquet files"):
        summarize(tmp_path)
    with pytest.raises(FormatError, match="no such file"):
        summarize(tmp_path / "none.parquet")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 cut short")
    with pytest.raises(FormatError, match="not a whole Parquet file"):
        summarize(tmp_path)
