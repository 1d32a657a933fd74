"""Exports of other simulators load as far as they go, and no further."""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from histories import NEEDS_PYARROW
from hypothesis import given, settings
from hypothesis import strategies as st

from wsim.errors import FormatError
from wsim.formats import load
from wsim.schema import COLUMN_NAMES, PARTS

MESSAGES: list[dict[str, Any]] = [
    {"message_id": "a", "timestamp": 1700000000.5, "event_name": "driveCommands",
     "data": {"linear": 1}, "direction": "inbound", "latency_ms": 40.0, "dropped": False,
     "client_id": "c1"},
    {"message_id": "b", "timestamp": 1700000001.0, "event_name": "driveCommands", "data": None,
     "direction": "inbound", "latency_ms": 0.0, "dropped": True, "client_id": "c1"},
    {"message_id": "c", "timestamp": 1700000000.0, "event_name": "systemStatus", "data": "x",
     "direction": "outbound", "latency_ms": None, "dropped": False, "client_id": None},
]  # fmt: skip


def write(tmp_path: Path, content: Any, name: str = "old.json") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("key", ["messages", "message_history", None])
def test_the_fields_of_the_family_are_understood(key: str | None, tmp_path: Path) -> None:
    frame = load(write(tmp_path, MESSAGES if key is None else {key: MESSAGES, "statistics": {}}))
    assert list(frame.columns) == list(COLUMN_NAMES)
    assert list(frame["created_s"]) == [0.5, 1.0, 0.0]
    assert list(frame["fate"]) == ["delivered", "dropped", "unknown"]
    assert frame["latency_ms"][0] == 40.0
    assert frame["latency_ms"][1:].isna().all()
    assert frame["delivered_s"][0] == pytest.approx(0.54)
    assert list(frame["client_id"]) == ["c1", "c1", ""]
    assert frame[list(PARTS)].isna().all(axis=None)
    assert list(frame["run"].unique()) == ["old"]
    notes = frame.attrs["wsim"]["old"]
    assert notes["started_at"] == 1700000000.0
    assert notes["duration_s"] == 1.0


def test_clocks_in_milliseconds_and_iso_agree_with_seconds(tmp_path: Path) -> None:
    frames = []
    for stamp in (1700000000.25, 1700000000250, "2023-11-14T22:13:20.250Z",
                  "2023-11-15T00:13:20.250+02:00"):  # fmt: skip
        messages = [{"event": "a", "time": stamp}]
        frames.append(load(write(tmp_path, messages)).attrs["wsim"]["old"]["started_at"])
    assert frames == [1700000000.25] * 4


@NEEDS_PYARROW
def test_a_parquet_file_of_something_else_is_no_empty_history(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    pd.DataFrame({"foo": pd.Series([], dtype=float)}).to_parquet(path)
    with pytest.raises(FormatError, match="found 'foo'"):
        load(path)


@pytest.mark.parametrize("suffix", [".json", ".csv"])
def test_latencies_of_clocks_that_disagree_are_said_not_hidden(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"skewed{suffix}"
    if suffix == ".json":
        late = [{"event": "a", "latency_ms": value} for value in (5, -2.5, None, -1)]
        path.write_text(json.dumps([*late, {"event": "a", "latency_ms": -9, "dropped": True}]))
    else:
        path.write_text("event,latency_ms,dropped\na,5,0\na,-2.5,0\na,,0\na,-1,0\na,-9,1\n")
    with pytest.warns(UserWarning, match=r"2 of 5 latencies are negative \(lowest -2.5 ms\)"):
        frame = load(path)
    assert frame["latency_ms"].tolist()[:2] == [5.0, -2.5]


def test_an_event_name_is_enough(tmp_path: Path) -> None:
    frame = load(write(tmp_path, {"messages": [{"event_name": "a"}, {"event_name": ["odd"]}]}))
    assert list(frame["event_name"]) == ["a", '["odd"]']
    assert list(frame["fate"]) == ["unknown"] * 2
    assert load(write(tmp_path, {"messages": []})).empty


def test_a_table_from_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "theirs.csv"
    path.write_text(
        "timestamp,event_name,direction,latency_ms,dropped,data\n"
        '1700000000,drive,in,12.5,false,"{""x"": 1}"\n1700000001,drive,sent,,true,hello\n'
    )
    frame = load(path)
    assert list(frame["direction"]) == ["inbound", "outbound"]
    assert list(frame["data"]) == [{"x": 1}, "hello"]
    assert frame["latency_ms"][0] == 12.5
    assert list(frame["dropped"]) == [False, True]


def test_somebody_elses_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "theirs.parquet"
    pd.DataFrame(
        {"event_name": ["a", "b"], "timestamp": [1.7e9, 1.7e9 + 1], "latency_ms": [5.0, np.nan]}
    ).to_parquet(path)
    frame = load(path)
    assert list(frame["fate"]) == ["delivered", "unknown"]
    assert list(frame["created_s"]) == [0.0, 1.0]


_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.none(), max_size=1),
    st.sampled_from(["inbound", "2026-01-01T00:00:00", "dropped", "delivered", "loss"]),
)  # fmt: skip
_KEYS = st.sampled_from([
    "event_name", "event", "timestamp", "direction", "latency_ms", "dropped", "client_id", "data",
    "message_id", "seq", "fate", "cause", "run", "created_s", "session", "size_bytes", "profile",
])  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.dictionaries(_KEYS, _VALUES, max_size=6), max_size=3),
    st.sampled_from([".json", ".har"]),
)
def test_any_messages_load_or_are_refused_with_the_file(messages: Any, suffix: str) -> None:
    content: Any = {"messages": messages}
    if suffix == ".har":
        entry = {"request": messages[:1], "_webSocketMessages": messages}
        content = {"log": {"entries": [entry, *messages]}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"theirs{suffix}"
        path.write_text(json.dumps(content))
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*latencies are negative")
                frame = load(path)
        except FormatError as error:
            assert "theirs" in str(error)  # noqa: PT017 - loading is as good
        else:
            assert list(frame.columns) == list(COLUMN_NAMES)
            assert len(frame) == len(messages)
