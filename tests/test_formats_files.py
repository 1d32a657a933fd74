"""Files that are cut, damaged, empty or something else: always a clear error, never a crash."""

from __future__ import annotations

import gzip
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from histories import NEEDS_PYARROW, WRITABLE, assert_same, rich_frame

from wsim.errors import FormatError
from wsim.formats import files as files_module
from wsim.formats import load, save
from wsim.history import History


@pytest.mark.parametrize("suffix", [*WRITABLE, ".har"])
def test_missing_and_empty_files_are_named(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"drive{suffix}").write_bytes(b"")
    with pytest.raises(FormatError, match=f"drive{suffix}"):
        load(tmp_path / f"drive{suffix}")
    with pytest.raises(FormatError, match=f"cannot read .*driv{suffix}"):
        load(tmp_path / f"driv{suffix}")


@pytest.mark.parametrize("suffix", [".json", pytest.param(".parquet", marks=NEEDS_PYARROW), ".csv"])
def test_a_file_cut_anywhere_is_said(suffix: str, tmp_path: Path) -> None:
    path = save(rich_frame(6), tmp_path / f"h{suffix}")
    whole = path.read_bytes()
    for length in range(1, len(whole) - 3, max(1, len(whole) // 60)):
        path.write_bytes(whole[:length])
        try:
            frame = load(path)
        except FormatError as error:
            assert path.name in str(error)  # noqa: PT017 - a cut CSV may load
        else:  # a table of lines may end between two of them
            assert suffix == ".csv"
            assert len(frame) <= 6


@pytest.mark.parametrize("suffix", WRITABLE)
def test_damaged_bytes_never_crash(suffix: str, tmp_path: Path) -> None:
    path = save(rich_frame(4), tmp_path / f"h{suffix}")
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    random = np.random.default_rng(5)
    for _ in range(80):
        damaged = whole.copy()
        damaged[random.integers(0, len(whole), 3)] = random.integers(0, 256, 3)
        path.write_bytes(damaged.tobytes())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                load(path)
            except FormatError as error:
                assert "h" + suffix in str(error)  # noqa: PT017 - any other error fails


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[1, 2]", "message 0 is '1', not an object"),
        ('{"other": []}', "no list of messages .* found 'other'"),
        ('{"messages": [{"x": 1}]}', "no 'event_name'; found 'x'"),
        ('"text"', "no list of messages"),
        ("hello", "line 1, column 1"),
        ('{"messages": [', "cut short"),
        ('{"messages": [{"event_name": "a", "dropped": "maybe"}]}', "message 0: dropped='maybe'"),
        (
            '{"messages": [{"event_name": "a", "latency_ms": "5"}]}',
            "latency_ms='5' is not a number",
        ),
        ('{"messages": [{"event_name": "a", "direction": "up"}]}', "direction='up' is not one of"),
        ('{"messages": [{"event_name": "a", "timestamp": "noon"}]}', "timestamp='noon'"),
        ('{"messages": [{"event_name": "a", "client_id": {}, "session": 1.5}]}', "session='1.5'"),
        ('{"schema_version": 99, "wsim": {}, "messages": []}', "schema version 99.*update"),
        ('{"schema_version": 1, "wsim": 3, "messages": []}', "does not hold the runs"),
        ("[" * 100_000, "nested too deeply"),
        ('[{"event_name": "a", "data": ' + "[" * 800 + "]" * 800 + "}]", "nested too deeply"),
        ('{"messages": [{"event_name": "a", "size_bytes": ' + "9" * 5000 + "}]}", "cannot be read"),
    ],
)
def test_the_place_and_the_fix_are_named(content: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(content)
    with pytest.raises(FormatError, match=f"export.json.*{words}"):
        load(path)


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'{"messages": "\xff\xfe"}')
    with pytest.raises(FormatError, match="not UTF-8"):
        load(path)


def test_json_too_big_for_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(rich_frame(5), tmp_path / "big.json")
    monkeypatch.setattr(files_module, "MAX_JSON_BYTES", 1000)
    with pytest.raises(FormatError, match=r"big.json: .* GB of JSON .*parquet"):
        load(path)


def test_null_takes_the_place_of_nan(tmp_path: Path) -> None:
    path = save(rich_frame(8), tmp_path / "a.json")

    def refuse(text: str) -> Any:
        raise AssertionError(text)

    content = json.loads(path.read_text(), parse_constant=refuse)
    lost = content["message_history"][3]
    assert lost["dropped"] is True
    assert lost["latency_ms"] is None
    assert list(content)[:4] == [
        "export_time", "schema_version", "statistics", "network_conditions",
    ]  # fmt: skip
    assert content["message_history"][0]["timestamp"] == 1.7e9
    assert content["message_history"][4]["data"] == {"__bytes__": "AP8="}


def test_csv_says_which_line_is_wrong(tmp_path: Path) -> None:
    path = save(rich_frame(5), tmp_path / "a.csv")
    lines = path.read_text().splitlines()
    lines[3] = lines[3].replace(lines[3].split(",")[1], "soon", 1)
    path.write_text("\n".join(lines))
    with pytest.raises(FormatError, match=r"a\.csv: line 4: created_s='soon' is not a number"):
        load(path)


@pytest.mark.parametrize("text", ["just text", "foo,bar\n", "foo,bar\n1,2\n", "latency_ms\n"])
def test_a_table_of_something_else_is_no_empty_history(text: str, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text(text)
    with pytest.raises(FormatError, match="no 'event_name'") as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert text.split(",")[0].strip() in str(caught.value)
    path.write_text("event_name,latency_ms\n")
    assert len(load(path)) == 0


def test_csv_loads_without_its_notes(tmp_path: Path) -> None:
    path = save(rich_frame(5), tmp_path / "a.csv")
    (tmp_path / "a.wsim.json").unlink()
    frame = load(path)
    assert len(frame) == 5
    assert frame.attrs["wsim"] == {"run-1": {}}


def test_zipped_text_loads(tmp_path: Path) -> None:
    path = save(rich_frame(5), tmp_path / "a.jsonl")
    zipped = tmp_path / "a.jsonl.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    assert_same(rich_frame(5), load(zipped))
    zipped.write_bytes(zipped.read_bytes()[:-20])
    with pytest.warns(UserWarning, match="cut in line"):
        assert len(load(zipped)) < 5
    zipped.write_bytes(b"\x1f\x8b" + b"x" * 50)
    with pytest.raises(FormatError, match="damaged gzip data"):
        load(zipped)


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1+1", "@a", '"q', "a\nb", " a", "\x00"])
def test_names_in_csv_cannot_be_formulas_or_break_lines(name: str, tmp_path: Path) -> None:
    history = History()
    history.append(0, 0, event_name=name, message_id=name)
    path = save(history.frame, tmp_path / "a.csv")
    assert len(path.read_text().splitlines()) == 2
    assert f",{name}," not in path.read_text()
    assert_same(history.frame, load(path))
