"""The recorder: every row is with the system at once, and a cut loses one line at most."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from histories import MS, assert_same, histories, rich_history
from hypothesis import given, settings

from wsim.errors import FormatError
from wsim.formats import load
from wsim.formats.jsonl import Recorder
from wsim.history import History


def test_a_recording_equals_the_history(tmp_path: Path) -> None:
    history = History(None, profile="p", about={"started_at": 5.0})
    with Recorder(tmp_path / "a" / "r.jsonl", history):
        for row in rich_history().rows():
            seq = history.append(
                round(row["created_s"] * 1e9), round(row["sent_s"] * 1e9), -1, "inbound",
                row["event_name"], data=row["data"], lateness_ns=123_456_789,
                fate="dropped", cause="loss",
            )  # fmt: skip
        history.set_round_trip(seq, 3 * MS)
        history.note_change(7, {"latency_ms": 1.0}, "q")
        history.note_connection(8, "c", "connected")
    assert_same(history.frame, load(tmp_path / "a" / "r.jsonl"))
    assert history.listeners == []


@settings(deadline=None, max_examples=40)
@given(histories())
def test_what_was_there_before_is_written_first(history: History) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.jsonl"
        with Recorder(path, history):
            pass
        loaded = load(path)
    assert list(loaded["seq"]) == list(history.frame["seq"])
    assert loaded.attrs == history.frame.attrs


def test_each_row_is_in_the_file_before_append_returns(tmp_path: Path) -> None:
    history = History(max_rows=2)
    recorder = Recorder(tmp_path / "r.jsonl", history)
    for number in range(5):
        history.append(number, number, data=number)
        lines = (tmp_path / "r.jsonl").read_text().splitlines()
        assert json.loads(lines[-1])["data"] == number
    recorder.close()
    recorder.close()
    frame = load(tmp_path / "r.jsonl")
    assert list(frame["data"]) == list(range(5))
    assert frame.attrs["wsim"]["run-1"]["evicted"] == 3


def test_a_killed_process_loses_nothing_it_had_recorded(tmp_path: Path) -> None:
    program = (
        "import os, signal\n"
        "from wsim.history import History\n"
        "from wsim.formats.jsonl import Recorder\n"
        "history = History(None)\n"
        f"recorder = Recorder({str(tmp_path / 'r.jsonl')!r}, history)\n"
        "for n in range(500):\n"
        "    history.append(n, n, n + 5, data={'n': n})\n"
        "os.abort() if not hasattr(signal, 'SIGKILL') else os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode != 0
    frame = load(tmp_path / "r.jsonl")
    assert [value["n"] for value in frame["data"]] == list(range(500))
    assert frame.attrs["wsim"]["run-1"]["cut"] is True
    assert frame.attrs["wsim"]["run-1"]["duration_s"] == pytest.approx(504e-9)


def test_a_cut_anywhere_loads_up_to_the_cut(tmp_path: Path) -> None:
    history = History(None)
    path = tmp_path / "r.jsonl"
    with Recorder(path, history):
        for number in range(6):
            history.append(number, number, data="payload")
        history.note_change(0, {}, "x")
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for length in range(first, len(whole), 17):
        path.write_bytes(whole[:length])
        rows = sum(b'"seq"' in line for line in whole[:length].split(b"\n")[:-1])
        last = whole[:length].split(b"\n")[-1]
        if last and not last.endswith(b"}"):
            with pytest.warns(UserWarning, match=r"r.jsonl: cut in line"):
                frame = load(path)
            assert len(frame) == rows
    path.write_bytes(whole[: first - 5])
    with pytest.raises(FormatError, match="no complete header"):
        load(path)


def test_a_second_recording_continues_the_file_even_after_a_cut(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    for _ in range(2):
        history = History()
        with Recorder(path, history):
            history.append(0, 0, 5)
    with path.open("ab") as file:
        file.write(b'{"seq": 7, "cre')
    history = History(run="later")
    with Recorder(path, history):
        history.append(0, 0, 6)
    frame = load(path)
    assert list(frame["run"]) == ["run-1", "run-1-2", "later"]
    assert list(frame.attrs["wsim"]) == ["run-1", "run-1-2", "later"]


def test_a_broken_line_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    with Recorder(path, history := History()):
        history.append(0, 0)
        history.append(0, 0)
    lines = path.read_text().splitlines()
    lines[1] = lines[1][:20]
    path.write_text("\n".join(lines))
    with pytest.raises(FormatError, match="line 2 is not a JSON object"):
        load(path)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (['{"seq": 0}'], "line 1: a message before any header"),
        (['{"wsim": "header", "schema_version": 9}'], "schema version 9"),
        (['{"wsim": "header", "schema_version": 1, "runs": 5}'], "line 1: a header whose 'runs'"),
        (['{"wsim": "header", "schema_version": 1, "runs": {"a": {}}}', '{"wsim": "round_trip"}'],
         "line 2: incomplete"),
        (['{"wsim": "header", "schema_version": 1, "runs": {}}', '{"wsim": "change"}'],
         "line 2: incomplete"),
    ],
)  # fmt: skip
def test_lines_that_make_no_sense_are_named(lines: list[str], words: str, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(FormatError, match=words):
        load(path)


def test_a_full_disk_stops_the_recording_not_the_history(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    history = History()
    recorder = Recorder(tmp_path / "r.jsonl", history)
    real = recorder._file

    class Full:
        closed = False
        close = real.close

        def write(self, _: Any) -> int:
            raise OSError(28, "No space left on device")

    recorder._file = Full()  # type: ignore[assignment]
    with caplog.at_level(logging.ERROR, "wsim"):
        history.append(0, 0)
        history.append(0, 0)
    assert len(history) == 2
    assert recorder.error is not None
    assert caplog.text.count("No space left") == 1
    recorder.close()


def test_a_place_that_cannot_be_recorded_to(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot record to"):
        Recorder(tmp_path, History())
