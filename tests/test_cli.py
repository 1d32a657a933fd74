"""The dispatcher: commands found lazily, errors in one line, exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wsim.cli import COMMANDS, main


def test_no_command_prints_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert all(command in printed for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main([command, "--help"])
    assert leaving.value.code == 0
    assert f"usage: wsim {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compar"], "no command 'compar'; did you mean 'compare'"),
        (["compare", "none.json"], "cannot read none.json"),
        (["compare", "--profile", "mras"], "did you mean 'mars'"),
        (["compare", "--set", "latency_ms=-5"], "latency_ms=-5"),
        (["compare", "--set", "latency_ms"], "not FIELD=VALUE"),
        (["compare", "--profile", "lte", "--profile", "lte"], "lte is named twice"),
        (["compare", "a.json", "b.json", "--profile", "lte"], "add --replay"),
        (["report", "none.parquet"], "cannot read none.parquet"),
        (["profiles", "shwo", "lte"], "profiles show NAME"),
        (["profiles", "show", "ltee"], "did you mean 'lte'"),
    ],
)
def test_errors_are_one_clear_line(
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert words in printed.err
    assert printed.err.startswith("wsim: ")
    assert printed.err.count("\n") == 1
    assert "Traceback" not in printed.err


def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "wsim.cli.profiles", None)
    assert main(["profiles"]) == 2
    assert "needs the package" in capsys.readouterr().err


def test_an_interrupt_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import wsim.cli.profiles

    def interrupt(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(wsim.cli.profiles, "run", interrupt)
    assert main(["profiles"]) == 130
    assert "stopped" in capsys.readouterr().err


def test_a_reader_that_leaves_is_no_traceback() -> None:
    program = f"{sys.executable} -m wsim.cli profiles | head -n 1"
    done = subprocess.run(["sh", "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("profile")
    assert done.stderr == ""


def test_the_dispatcher_loads_no_command() -> None:
    program = "import sys, wsim.cli; print([n for n in sys.modules if n.startswith('wsim.cli.')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("command", ["lab", "dashboard", "serve", "report"])
def test_unknown_options_show_the_usage_of_their_command(command, capsys):
    needed = ["some.json"] if command == "report" else []
    with pytest.raises(SystemExit) as caught:
        main([command, *needed, "--bogus"])
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert f"usage: wsim {command}" in said
    assert "unrecognized arguments: --bogus" in said


@pytest.mark.parametrize("command", ["lab", "dashboard", "serve", "proxy", "set"])
def test_ports_are_a_number_in_every_usage(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert "--port N" in capsys.readouterr().out
