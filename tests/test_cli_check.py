"""``wsim check``: exit codes that CI can gate on."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from test_cli_compare import FIELD, session

from wsim.analysis.objectives import objectives_from
from wsim.cli import main
from wsim.formats import save


@pytest.mark.parametrize(
    ("objective", "code", "mark"),
    [
        ("{kind: latency, event: driveCommands, share: 0.99, limit_ms: 150}", 0, "PASS"),
        ("{kind: latency, event: driveCommands, share: 0.99, limit_ms: 4}", 1, "FAIL"),
        ("{kind: latency, event: emergencyStop, share: 0.99, limit_ms: 4}", 3, "????"),
    ],
)
def test_the_exit_code_is_the_outcome(
    objective: str, code: int, mark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = save(session(60), tmp_path / "drive.json")
    promises = tmp_path / "slo.yaml"
    promises.write_text(f"objectives:\n  - {objective}\n")
    assert main(["check", str(history), "--objectives", str(promises)]) == code
    assert capsys.readouterr().out.startswith(mark)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("objectives: []", "no objectives"),
        ("objectives:\n  - {kind: speed}", "speed"),
        ("[", "not YAML"),
    ],
)
def test_bad_objectives_are_named(
    content: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = save(session(2), tmp_path / "drive.json")
    promises = tmp_path / "slo.yaml"
    promises.write_text(content)
    assert main(["check", str(history), "--objectives", str(promises)]) == 2
    assert words in capsys.readouterr().err
    assert main(["check", str(history), "--objectives", str(tmp_path / "none.yaml")]) == 2


def test_a_mistyped_event_gets_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = save(session(2), tmp_path / "drive.json")
    promises = tmp_path / "slo.yaml"
    promises.write_text("objectives:\n  - {kind: drop_rate, event: driveComands, limit: 0.1}\n")
    assert main(["check", str(history), "--objectives", str(promises)]) == 3
    assert "did you mean 'driveCommands'?" in capsys.readouterr().out


def test_the_objectives_in_the_help_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    example = capsys.readouterr().out.split("all events:")[1].split("latency: at least")[0]
    promises = tmp_path / "slo.yaml"
    promises.write_text(example)
    assert [each.kind for each in objectives_from(promises)] == [
        "latency", "age", "drop_rate", "watchdog_trips",
    ]  # fmt: skip


@pytest.mark.filterwarnings("default:.*cut in line:UserWarning")
def test_a_recording_that_was_cut_is_told_of_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = save(session(60), tmp_path / "drive.jsonl")
    history.write_bytes(history.read_bytes()[:-20])
    promises = tmp_path / "slo.yaml"
    promises.write_text("objectives:\n  - {kind: drop_rate, limit: 0.9}\n")
    assert main(["check", str(history), "--objectives", str(promises)]) == 0
    said = capsys.readouterr().err
    assert said.startswith(f"wsim: note: {history}: cut in line")
    assert said.count("\n") == 1


def test_what_is_odd_about_the_history_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = session(60)
    frame["latency_ms"] -= 1_000.0
    history = save(pd.concat([frame, frame], ignore_index=True), tmp_path / "drive.json")
    promises = tmp_path / "slo.yaml"
    promises.write_text("objectives: [{kind: latency, share: 0.99, limit_ms: 150}]\n")
    assert main(["check", str(history), "--objectives", str(promises)]) == 0
    said = capsys.readouterr().out
    assert "latencies are negative" in said
    assert "was a file loaded twice?" in said


def test_a_recording_of_one_end_says_why_nothing_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    promises = tmp_path / "slo.yaml"
    kinds = ("drop_rate, limit: 0.02", "latency, share: 0.9, limit_ms: 100",
             "age, share: 0.9, limit_ms: 300")  # fmt: skip
    promises.write_text("objectives:\n" + "".join(f"  - {{kind: {kind}}}\n" for kind in kinds))
    assert main(["check", str(FIELD), "--objectives", str(promises)]) == 3
    *outcomes, note = capsys.readouterr().out.splitlines()
    assert len(outcomes) == 3
    assert all("nothing to measure: recorded at one end" in line for line in outcomes)
    assert note.startswith("Note: recorded at one end")
    assert "162 of 162 questions acknowledged, round trip p50 75.3 ms, p99 414 ms" in note
