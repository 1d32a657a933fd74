"""Shared options: what they accept and how they say no."""

from __future__ import annotations

import argparse
import doctest
from pathlib import Path

import pytest

from wsim.cli import options, terminal
from wsim.cli.options import (
    DEFAULT_PROFILES,
    add_options,
    changes_from,
    make_folder,
    port,
    profiles_from,
    seconds,
    whole_number,
)
from wsim.errors import ConditionsError, UsageError


def test_the_examples_in_the_documentation_hold() -> None:
    for module in (options, terminal):
        assert doctest.testmod(module).failed == 0


def test_values_of_conditions_are_typed() -> None:
    changes = changes_from(
        ["latency_ms=2.5", "enabled=false", "bandwidth_mbps=None", "jitter_model=uniform"]
    )
    assert changes == {
        "latency_ms": 2.5, "enabled": False, "bandwidth_mbps": None, "jitter_model": "uniform",
    }  # fmt: skip
    assert changes_from(["loss_model={kind: gilbert_elliott, mean_burst: 3}"])["loss_model"] == {
        "kind": "gilbert_elliott", "mean_burst": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("latency", "not FIELD=VALUE"),
        ("latncy_ms=1", "did you mean 'latency_ms'"),
        ("latency_ms={", "cannot be read"),
    ],
)
def test_changes_that_make_no_sense_are_refused(text: str, words: str) -> None:
    with pytest.raises((UsageError, ConditionsError), match=words):
        changes_from([text])


def test_profiles_are_the_usual_four_unless_named() -> None:
    assert tuple(each.name for each in profiles_from([], [])) == DEFAULT_PROFILES
    changed = profiles_from(["lte"], ["latency_ms=300"])[0]
    assert changed.conditions.latency_ms == 300.0
    assert changed.name == "lte(latency_ms=300)"


@pytest.mark.parametrize("text", ["-1", "x", "1.5", ""])
def test_whole_numbers(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="whole number from 0"):
        whole_number("seed")(text)
    assert whole_number("seed")("7") == 7


@pytest.mark.parametrize("text", ["0", "-3", "nan", "inf", "soon"])
def test_durations(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="positive number of seconds"):
        seconds(text)
    assert seconds("2.5") == 2.5


def test_ports() -> None:
    assert port("0") == 0
    with pytest.raises(argparse.ArgumentTypeError, match="65535"):
        port("70000")


def test_every_shared_option_has_its_place() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, "profile", "set", "seed", "duration", "record", "port", "out")
    args = parser.parse_args(["--set", "a=1", "--set", "b=2", "--record", "x.jsonl", "--port", "0"])
    assert args.changes == ["a=1", "b=2"]
    assert args.record == Path("x.jsonl")
    assert (args.profile, args.seed, args.duration, args.port) == ("default", 0, None, 0)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="choose another with --out"):
        make_folder(tmp_path / "file" / "out")
