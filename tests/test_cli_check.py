"""``wsim check``: exit codes that CI can gate on."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_cli_compare import session

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
