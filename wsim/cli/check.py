"""``wsim check``: does a history keep its objectives? The exit code says so to CI."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from wsim.cli.terminal import clean
from wsim.formats import load

PASSED, MISSED, UNSURE = 0, 1, 3


def add_parser(subparsers: Any) -> None:
    """Add ``check`` to the command line."""
    parser = subparsers.add_parser(
        "check",
        help="check a history against objectives, with an exit code for CI",
        description="Check a history against objectives. Exit code 0: all are kept; 1: at least"
        " one is missed; 3: none is missed, but for some there is not enough data; 2: the check"
        " could not be made.",
    )
    parser.add_argument("history", type=Path, metavar="HISTORY", help="a recorded history")
    parser.add_argument(
        "--objectives", type=Path, required=True, metavar="FILE",
        help="YAML file with a list 'objectives', such as"
        " {kind: latency, event: driveCommands, share: 0.99, limit_ms: 150}",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Print one line per objective; return the exit code."""
    from wsim.analysis.objectives import check

    checked = check(load(args.history), args.objectives)
    marks = {"pass": "PASS", "fail": "FAIL"}
    for outcome, says in zip(checked["outcome"], checked["says"], strict=True):
        print(f"{marks.get(outcome, '????')}  {clean(says)}")
    outcomes = set(checked["outcome"])
    if "fail" in outcomes:
        return MISSED
    return PASSED if outcomes <= {"pass"} else UNSURE
