"""The README: its commands exist, its code runs, its pictures and links are there."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from wsim import Traffic, save, simulate
from wsim.cli import parser_of

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
PYTHON = [code for language, code in BLOCKS if language == "python"]
COMMANDS = [
    line.split("#")[0].strip()
    for language, code in BLOCKS[1:]
    if language == "bash"
    for line in code.splitlines()
]


def test_the_first_block_is_two_commands():
    language, code = BLOCKS[0]
    assert language == "bash"
    run, check = code.splitlines()
    assert run.startswith("python3 -m venv .venv && ")
    assert run.endswith(".venv/bin/wsim compare")
    assert check.startswith("python3 -m venv .venv && ")
    assert check.endswith(".venv/bin/python -m pytest")


@pytest.mark.parametrize("code", PYTHON, ids=range(len(PYTHON)))
def test_python_runs(code, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    frame = simulate(Traffic.periodic("driveCommands", 20, size_bytes=60), "lte", duration_s=5)
    save(frame, "console.json")
    save(frame, "bench.parquet")
    shutil.copy(ROOT / "data" / "field_log.har", "field.har")
    exec(compile(code, "README.md", "exec"), {"pytest": pytest, "__name__": "readme"})


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_understood(command):
    program, *words = shlex.split(command)
    assert program == "wsim"
    parser, _ = parser_of(words[0])
    assert parser.parse_args(words)


def test_pictures_and_links_are_there():
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / target).exists(), target


def test_it_stays_short():
    assert len(TEXT.splitlines()) <= 170
