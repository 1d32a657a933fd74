"""``wsim compare``: the main job, end to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wsim.cli import main
from wsim.cli.replays import counterpart, each_run, replay_all
from wsim.cli.terminal import Progress
from wsim.formats import concat, load, save
from wsim.history import History
from wsim.profiles import profile
from wsim.sessions import shipped

MS = 1_000_000

FIELD = Path(__file__).parent.parent / "data" / "field_log.har"


def session(seconds: int = 20, delay_ms: int = 5) -> pd.DataFrame:
    """Return a recorded drive: 20 commands a second, each `delay_ms` late."""
    history = History(None, run="drive", profile="recorded")
    sent = np.arange(20 * seconds) * 50 * MS
    history.append_many(
        sent, sent, sent + delay_ms * MS, event_name="driveCommands", client_id="op", size_bytes=60,
        data=[{"linear": 0.5, "angular": 0.0}] * len(sent),
    )  # fmt: skip
    return history.frame


def test_a_file_is_replayed_through_networks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(session(), tmp_path / "drive.jsonl")
    out = tmp_path / "out"
    arguments = ["compare", str(path), "--profile", "perfect", "--profile", "default", "--repeats",
                 "2", "--seed", "3", "--set", "disconnect_rate=0", "--out", str(out)]  # fmt: skip
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert lines[0].split()[:2] == ["network", "messages"]
    assert [line.split()[0] for line in lines[2:5]] == [
        "perfect(disconnect_rate=0)", "default(disconnect_rate=0)", "default(disconnect_rate=0)",
    ]  # fmt: skip
    assert lines[4].startswith("default(disconnect_rate=0) over TCP")
    assert " 800 " in lines[2]
    assert " 0.00 %" in lines[4]  # TCP turns loss into delay
    page = (out / "report.html").read_text()
    assert "over TCP" in page
    assert "wsim compare" in page
    found = sorted(file.name for file in out.iterdir())
    assert len(found) == 4
    histories = [load(out / name) for name in found if not name.endswith(".html")]
    assert [len(frame) for frame in histories] == [800] * 3
    assert list(histories[0].attrs["wsim"]) == ["run-1", "run-1-2"]


def test_the_same_seed_gives_the_same_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(session(8), tmp_path / "drive.json")
    tables = []
    for seed in ("1", "1", "2"):
        main(["compare", str(path), "--repeats", "1", "--profile", "stressed", "--seed", seed,
              "--no-report"])  # fmt: skip
        tables.append(capsys.readouterr().out.split("\nTook")[0])
    assert tables[0] == tables[1] != tables[2]


def test_several_files_are_compared_as_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fast = save(session(60), tmp_path / "fast.csv")
    slow = save(session(60, delay_ms=205), tmp_path / "slow.json")
    assert main(["compare", str(fast), str(slow), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "recording" in printed.splitlines()[0]
    assert "p99 worse by 200 ms" in printed
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["report.html"]


def test_several_files_can_be_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(save(session(4), tmp_path / f"{name}.jsonl")) for name in ("a", "b")]
    assert main(["compare", *paths, "--replay", "--profile", "mars", "--repeats", "1",
                 "--no-report"]) == 0  # fmt: skip
    printed = capsys.readouterr().out
    assert "a: mars" in printed
    assert "b: mars" in printed
    assert "12.5 min" in printed


def test_nothing_is_written_without_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "--duration", "3", "--repeats", "1", "--no-report"]) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_bad_folder_is_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["compare", "--out", str(tmp_path / "file" / "out")]) == 2
    printed = capsys.readouterr()
    assert "choose another with --out" in printed.err
    assert printed.out == ""


def test_an_empty_session_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save(History().frame, tmp_path / "none.json")
    assert main(["compare", str(path)]) == 2
    assert "no messages to compare" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "has"), [("default", True), ("wifi_home", True), ("mars", False), ("perfect", False)]
)
def test_lossy_datagram_networks_have_a_tcp_counterpart(name: str, has: bool) -> None:
    over_tcp = counterpart(profile(name))
    assert (over_tcp is not None) == has
    if over_tcp is not None:
        assert over_tcp.conditions.transport == "tcp"
        assert counterpart(over_tcp) is None


def test_runs_of_all_networks_share_their_seeds() -> None:
    networks = [profile("perfect"), profile("default")]
    runs = replay_all(session(3), networks, 5, 2, Progress())
    for frames in runs.values():
        assert [next(iter(frame.attrs["wsim"].values()))["seed"] for frame in frames] == [5, 6]


def test_runs_of_a_file_are_told_apart(tmp_path: Path) -> None:
    paths = [save(session(n), tmp_path / f"{n}.json") for n in (1, 2)]
    parts = each_run(load(paths))
    assert [len(part) for part in parts] == [20, 40]
    assert [list(part.attrs["wsim"]) for part in parts] == [["drive"], ["2"]]


@pytest.mark.slow
def test_the_shipped_session_through_the_usual_four(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "--repeats", "2", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for name in ("perfect", "default", "default over TCP", "stressed", "stressed over TCP", "mars"):
        assert f"\n{name} " in printed
    assert f" {2 * len(load(shipped()))} " in printed


def test_one_run_of_several_is_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save(concat([session(2), session(4), session(3)]), tmp_path / "drives.json")
    assert (
        main(["compare", str(path), "--profile", "perfect", "--repeats", "1", "--no-report"]) == 0
    )
    printed = capsys.readouterr()
    assert "holds 3 runs; replaying the longest, 'drive-2'" in printed.err
    assert printed.out.splitlines()[2].split()[:2] == ["perfect", "80"]


def test_files_of_the_same_name_are_kept_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(save(session(n), tmp_path / str(n) / "drive.json")) for n in (2, 3)]
    main(["compare", *paths, "--no-report"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[2:4]] == [[paths[0], "40"], [paths[1], "60"]]


def test_says_why_messages_were_lost(tmp_path, capsys):
    assert (
        main(["compare", "--profile", "default", "--duration", "20", "--out", str(tmp_path)]) == 0
    )
    said = capsys.readouterr().out
    assert "Why messages were lost:" in said
    assert "default: " in said.partition("Why messages were lost:")[2]
    assert "on the way" in said


def test_overloaded_tcp_is_noted_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = History(None, run="drive")
    sent = np.arange(100) * 50 * MS
    history.append_many(
        sent, sent, sent + MS, event_name="driveCommands", client_id="op", size_bytes=20_000
    )
    path = str(save(history.frame, tmp_path / "big.jsonl"))
    base = ["compare", path, "--profile", "default", "--repeats", "2", "--no-report",
            "--set", "packet_loss_rate=0.2"]  # fmt: skip
    for extra, name in (([], " over TCP, inbound"), (["--set", "transport=tcp"], ", inbound")):
        assert main(base + extra) == 0
        printed = capsys.readouterr()
        said = [line for line in printed.out.splitlines() if line.startswith("Note: ")]
        notes = [line for line in said if "losses came in bursts" not in line]
        assert len(notes) == 1
        assert f"){name}: " in notes[0]
        assert notes[0].endswith("clients miss heartbeats and are cut off.")
        assert "SaturationWarning" not in printed.err


def test_a_recording_of_one_end_is_not_compared_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monday = save(session(60), tmp_path / "monday.json")
    assert main(["compare", str(monday), str(FIELD), "--no-report"]) == 0
    printed = capsys.readouterr().out
    assert "Note: field_log: recorded at one end, so nobody knows what arrived" in printed
    assert "162 of 162 questions acknowledged, round trip p50 75.3 ms" in printed
    assert "not enough data (the field_log was recorded at one end" in printed
    assert "Note: monday" not in printed


@pytest.mark.parametrize("repeats", [1, 5])
def test_bursts_of_losses_are_said_where_the_interval_ignores_them(
    repeats: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "--profile", "default", "--repeats", str(repeats), "--no-report"]) == 0
    assert ("Note: default: losses came in bursts (" in capsys.readouterr().out) == (repeats == 1)
