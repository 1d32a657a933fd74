"""``wsim check``: does a history keep its objectives? The exit code says so to CI."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from wsim.cli.options import Layout
from wsim.cli.terminal import clean
from wsim.errors import nearest
from wsim.formats import load

PASSED, MISSED, UNSURE = 0, 1, 3
_EXAMPLE = """\
FILE has one entry per promise; without 'event' it is about all events:

  objectives:
    - {kind: latency, event: driveCommands, share: 0.99, limit_ms: 150}
    - {kind: age, event: driveCommands, share: 0.95, limit_ms: 300}
    - {kind: drop_rate, event: driveCommands, limit: 0.02}
    - {kind: watchdog_trips, event: driveCommands, limit: 1, limit_ms: 500}

latency: at least 'share' of the messages arrive within 'limit_ms'. age: the newest command is
younger than 'limit_ms' for 'share' of the time. drop_rate: at most the share 'limit' is dropped.
watchdog_trips: at most 'limit' a minute of silences over 'limit_ms' (500). Any may have a 'name'.
"""


def add_parser(subparsers: Any) -> None:
    """Add ``check`` to the command line."""
    parser = subparsers.add_parser(
        "check",
        help="check a history against objectives, with an exit code for CI",
        description="Check a history against objectives. Exit code 0: all are kept; 1: at least"
        " one is missed; 3: none is missed, but for some there is not enough data; 2: the check"
        " could not be made.",
        epilog=_EXAMPLE,
        formatter_class=Layout,
    )
    parser.add_argument("history", type=Path, metavar="HISTORY", help="a recorded history")
    parser.add_argument(
        "--objectives", type=Path, required=True, metavar="FILE",
        help="YAML file with a list 'objectives', see below",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Print one line per objective; return the exit code."""
    from wsim.analysis.objectives import check

    frame = load(args.history)
    checked = check(frame, args.objectives)
    events = set(frame["event_name"]) if "event_name" in frame else set()
    marks = {"pass": "PASS", "fail": "FAIL"}
    for outcome, says, event in checked[["outcome", "says", "event"]].itertuples(index=False):
        hint = nearest(event, events) if event and event not in events else ""
        print(f"{marks.get(outcome, '????')}  {clean(says + hint)}")
    for note in checked.attrs["wsim_notes"]:
        print(f"Note: {clean(note)}")
    outcomes = set(checked["outcome"])
    if "fail" in outcomes:
        return MISSED
    return PASSED if outcomes <= {"pass"} else UNSURE
