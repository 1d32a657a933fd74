"""``wsim report``: one page on recorded histories."""

from __future__ import annotations

import argparse
import contextlib
import shlex
from pathlib import Path
from typing import Any

from wsim.cli.options import short_names
from wsim.cli.terminal import Progress, clean
from wsim.errors import UsageError
from wsim.formats import load


def add_parser(subparsers: Any) -> None:
    """Add ``report`` to the command line."""
    parser = subparsers.add_parser(
        "report",
        help="write a report on recorded histories",
        description="Write one self-contained HTML page on histories in any of the formats"
        " .json, .jsonl, .csv, .parquet and .har.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="recorded histories")
    parser.add_argument(
        "--out", type=Path, default=Path("wsim-output"), metavar="DIR",
        help="folder for report.html, or the file itself (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--objectives", type=Path, metavar="FILE",
        help="YAML file of promises to check, as 'wsim check --help' shows",
    )  # fmt: skip
    parser.add_argument("--title", default="Network report", metavar="TEXT", help="its heading")


def run(args: argparse.Namespace) -> int:
    """Read the histories and write the report."""
    from wsim.analysis.objectives import objectives_from
    from wsim.analysis.report import report
    from wsim.cli.replays import each_run

    promised = None if args.objectives is None else objectives_from(args.objectives)
    named: dict[str, Any] = {}
    progress = Progress()
    with contextlib.closing(progress):
        for number, name in enumerate(short_names(args.files)):
            progress(number, len(args.files), f"reading {name}")
            named[name] = each_run(load(args.files[number]))
            if not named[name]:
                raise UsageError(f"{args.files[number]}: no messages to report on; record some")
        target = args.out if args.out.suffix else args.out / "report.html"
        words = ["wsim", "report", *map(str, args.files), "--out", str(args.out)]
        words += [] if promised is None else ["--objectives", str(args.objectives)]
        path = report(
            named[next(iter(named))] if len(named) == 1 else named, target,
            title=args.title, command=clean(shlex.join(words)), objectives=promised,
            progress=progress,
        )  # fmt: skip
    print(f"Wrote {path}")
    return 0
