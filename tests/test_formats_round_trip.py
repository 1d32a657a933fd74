"""Every format gives back the frame it was given."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from histories import (
    NEEDS_PYARROW,
    PAYLOADS,
    WRITABLE,
    assert_same,
    histories,
    rich_frame,
    rich_history,
)
from hypothesis import given, settings

from wsim.errors import ColumnsError, FormatError, UsageError
from wsim.formats import concat, load, save
from wsim.formats.payloads import PayloadWriter, restored
from wsim.history import History


@pytest.mark.parametrize("suffix", WRITABLE)
@pytest.mark.parametrize("rows", [0, 1, 40])
def test_a_saved_history_loads_equal(suffix: str, rows: int, tmp_path: Path) -> None:
    frame = rich_frame(rows)
    path = save(frame, tmp_path / "new" / f"history{suffix}")
    assert_same(frame, load(path))


@pytest.mark.parametrize("suffix", WRITABLE)
def test_any_history_survives(suffix: str) -> None:
    @settings(deadline=None, max_examples=40)
    @given(histories())
    def check(history: History) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = save(history.frame, Path(folder) / f"history{suffix}")
            assert_same(history.frame, load(path))

    check()


@settings(deadline=None, max_examples=200)
@given(PAYLOADS)
def test_any_payload_survives(payload: Any) -> None:
    import json

    writer = PayloadWriter()
    assert repr(restored(json.loads(writer.text(payload)))) == repr(payload)
    assert writer.lossy == 0


@pytest.mark.parametrize("suffix", WRITABLE)
def test_a_part_of_a_frame_can_be_saved(suffix: str, tmp_path: Path) -> None:
    part = rich_frame().query("dropped").reset_index(drop=True).assign(mine=1)
    loaded = load(save(part, tmp_path / f"part{suffix}"))
    assert list(loaded["message_id"]) == list(part["message_id"])
    assert "mine" not in loaded.columns
    assert loaded["dropped"].all()


@pytest.mark.parametrize("suffix", WRITABLE)
def test_hostile_payloads_are_written_and_said(suffix: str, tmp_path: Path) -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    circle: list[Any] = []
    circle.append(circle)

    class Bad:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    history = History()
    kept = [10**5000, float("nan"), "<script>", {"a": np.float32(1.5)}, "\ud800\x00\r\n"]
    for payload in [deep, circle, Bad(), {1, 2}, *kept]:
        history.append(0, 0, 1, data=payload)
    with pytest.warns(UserWarning, match="4 payloads"):
        save(history.frame, tmp_path / f"h{suffix}")
    loaded = load(tmp_path / f"h{suffix}")["data"]
    assert "without a repr" in loaded[2]
    assert loaded[3] == "{1, 2}"
    assert [loaded[4], loaded[6], loaded[7], loaded[8]] == [kept[0], kept[2], {"a": 1.5}, kept[4]]


@pytest.mark.parametrize("suffix", WRITABLE)
def test_a_failed_write_leaves_the_old_file(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(rich_frame(5), tmp_path / f"h{suffix}")
    before = path.read_bytes()

    def fail(*_: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PayloadWriter, "texts", fail)
    with pytest.raises((FormatError, OSError), match=r"space"):
        save(rich_frame(10), path)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob(".*.tmp"))


@pytest.mark.parametrize("suffix", WRITABLE)
def test_a_place_that_cannot_be_written_is_named(suffix: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FormatError, match=r"cannot write .*file.*choose a folder"):
        save(rich_frame(1), tmp_path / "file" / f"h{suffix}")


def test_unknown_suffixes_and_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"did you mean '.parquet'"):
        save(rich_frame(1), tmp_path / "a.parqet")
    with pytest.raises(FormatError, match="only be read"):
        save(rich_frame(1), tmp_path / "a.har")
    with pytest.raises(FormatError, match="without suffix"):
        load(tmp_path / "history")
    with pytest.raises(ColumnsError, match="no column seq"):
        save(pd.DataFrame({"x": [1]}), tmp_path / "a.json")
    with pytest.raises(FormatError, match="name at least one"):
        load([])


def test_several_files_become_one_frame(tmp_path: Path) -> None:
    suffixes = (".json", ".jsonl", ".csv", ".json")
    paths = [save(rich_frame(n + 1), tmp_path / f"drive-{n}{s}") for n, s in enumerate(suffixes)]
    frame = load(paths)
    assert list(frame.attrs["wsim"]) == ["run-1", "drive-1", "drive-2", "drive-3"]
    assert frame.groupby("run", observed=True).size().to_dict() == {
        "run-1": 1, "drive-1": 2, "drive-2": 3, "drive-3": 4,
    }  # fmt: skip
    assert frame["run"].dtype == "category"


def test_concat_of_one_is_that_one() -> None:
    assert_same(rich_frame(), concat([rich_frame()]))


def test_concat_fills_what_is_missing_and_merges_categories() -> None:
    other = History(run="b")
    other.append(0, 0, 5, event_name="ping")
    thin = other.frame[["seq", "created_s", "event_name", "run"]]
    joined = concat([rich_frame(3), thin])
    last = joined.iloc[-1]
    assert last["event_name"] == "ping"
    assert last["fate"] == "unknown"
    assert np.isnan(last["latency_ms"])
    assert last["session"] == 1
    assert joined["fate"].dtype == rich_frame()["fate"].dtype
    with pytest.raises(ColumnsError, match="at least one"):
        concat([])


def test_concat_keeps_the_notes_of_renamed_runs() -> None:
    joined = concat([rich_frame(2, seed=1), rich_frame(2, seed=2), rich_frame(2, seed=3)])
    notes = joined.attrs["wsim"]
    assert {run: about["seed"] for run, about in notes.items()} == {
        "run-1": 1, "run-1-2": 2, "run-1-3": 3,
    }  # fmt: skip
    assert list(joined["run"].unique()) == list(notes)


@NEEDS_PYARROW
def test_a_folder_of_parquet_is_one_history(tmp_path: Path) -> None:
    frame = rich_frame(30)
    for n in range(3):
        part = frame.iloc[10 * n : 10 * n + 10].reset_index(drop=True)
        part.attrs = frame.attrs
        save(part, tmp_path / "parts" / f"day={n}" / "part.parquet")
    assert_same(frame, load(tmp_path / "parts"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match=r"without .parquet"):
        load(tmp_path / "empty")


@NEEDS_PYARROW
def test_runs_of_the_same_name_in_a_folder_stay_apart(tmp_path: Path) -> None:
    for seed in (1, 2):
        save(rich_history(3, seed=seed).frame, tmp_path / f"{seed}.parquet")
    assert list(load(tmp_path).attrs["wsim"]) == ["run-1", "run-1-2"]


def test_a_missing_pyarrow_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"pip install 'wsim\[parquet\]'"):
        save(rich_frame(1), tmp_path / "a.parquet")
    assert list(tmp_path.iterdir()) == []
