"""``wsim compare``: one driving session through several networks, or several recordings."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

from wsim.cli.options import add_options, make_folder, profiles_from, short_names, whole_number
from wsim.cli.replays import TCP_SUFFIX, counterpart, each_run, replay_all
from wsim.cli.tables import comparison_table, losses, remarks, saturations, verdicts
from wsim.cli.terminal import Progress, clean
from wsim.errors import UsageError
from wsim.formats import load, save
from wsim.formats.joining import concat
from wsim.profiles import Profile
from wsim.sessions import shipped

_REPEATS = 10


def add_parser(subparsers: Any) -> None:
    """Add ``compare`` to the command line."""
    parser = subparsers.add_parser(
        "compare",
        help="replay a driving session through networks and say what an operator would feel",
        description="Without files, replay the shipped driving session through perfect, default,"
        " stressed and mars. With one file, replay that. With several files, compare them as"
        " they were recorded, or replay each with --replay.",
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="recorded histories")
    add_options(parser, "profiles", "set", "seed", "duration", "out")
    parser.add_argument(
        "--repeats", type=whole_number("repeats", 1), default=_REPEATS, metavar="K",
        help="runs of each network with different seeds (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--replay", action="store_true", help="replay several files instead of comparing them"
    )
    parser.add_argument(
        "--no-report", action="store_true", help="print the table only, write nothing"
    )


def run(args: argparse.Namespace) -> int:
    """Print the comparison, write the report and the histories."""
    as_recorded = len(args.files) > 1 and not args.replay
    if as_recorded and (args.profiles or args.changes):
        raise UsageError(
            "several files are compared as recorded, which takes no --profile or --set;"
            " add --replay to replay them"
        )
    if not args.no_report:
        make_folder(args.out)
    began = time.perf_counter()
    progress = Progress()
    with contextlib.closing(progress):
        named = _recorded(args) if as_recorded else _replayed(args, progress)
        print(_text(named, as_recorded))
        if not args.no_report:
            written = _write(named, args, progress, as_recorded)
            print("\n" + "\n".join(f"Wrote {path}" for path in written))
    print(f"Took {time.perf_counter() - began:.1f} s.")
    return 0


Named = dict[str, list[pd.DataFrame]]


def _recorded(args: argparse.Namespace) -> Named:
    named: Named = {}
    for path, name in zip(args.files, short_names(args.files), strict=True):
        named[name] = each_run(_cut(load(path), args.duration, path))
    return named


def _replayed(args: argparse.Namespace, progress: Progress) -> Named:
    profiles = profiles_from(args.profiles, args.changes)
    if not args.profiles and args.changes:
        profiles = [*profiles_from(["default"], []), *profiles_from(["default"], args.changes)]
    files = args.files or [shipped()]
    named: Named = {}
    for path, name in zip(files, short_names(files), strict=True):
        session = _cut(_one_run(load(path), path), args.duration, path)
        prefix = f"{name}: " if len(files) > 1 else ""
        networks = [network for each in profiles for network in _with_tcp(each)]
        runs = replay_all(session, networks, args.seed, args.repeats, progress)
        named |= {prefix + network: frames for network, frames in runs.items()}
    return named


def _one_run(session: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the longest run of a file; several at once were never one session."""
    runs = each_run(session)
    if len(runs) < 2:
        return session
    longest = max(runs, key=len)
    name = clean(longest["run"].iloc[0])
    print(f"{path} holds {len(runs)} runs; replaying the longest, {name!r}.", file=sys.stderr)
    return longest


def _with_tcp(profile: Profile) -> list[Profile]:
    """Return the profile and, if it loses messages, what TCP would make of the same link."""
    over_tcp = counterpart(profile)
    return [profile] if over_tcp is None else [profile, over_tcp]


def _cut(session: pd.DataFrame, duration: float | None, path: Path) -> pd.DataFrame:
    if duration is not None:
        attrs = session.attrs
        session = session[session["created_s"] < duration].reset_index(drop=True)
        session.attrs = attrs
    if session.empty:
        raise UsageError(f"{path}: no messages to compare; record some, or raise --duration")
    return session


def _text(named: Named, as_recorded: bool) -> str:
    repeats = max(len(frames) for frames in named.values())
    first = "recording" if as_recorded else "network"
    parts = [comparison_table(named, first)]
    parts += [text for text in (remarks(named), saturations(named)) if text]
    if not as_recorded and repeats > 1:
        parts.append(f"Each network was run {repeats} times with different seeds.")
    if any(name.endswith(TCP_SUFFIX) for name in named):
        parts.append("'over TCP' is the same link as a WebSocket meets it: loss becomes delay.")
    why = losses(named)
    if why:
        parts.append(why)
    said = verdicts(named)
    return "\n\n".join(parts + ([said] if said else []))


def _write(
    named: Named, args: argparse.Namespace, progress: Progress, as_recorded: bool
) -> list[Path]:
    from wsim.analysis.report import report

    plain = {name: frames for name, frames in named.items() if not name.endswith(TCP_SUFFIX)}
    over_tcp = {
        name.removesuffix(TCP_SUFFIX): frames
        for name, frames in named.items()
        if name.endswith(TCP_SUFFIX)
    }
    path = report(
        plain,
        args.out / "report.html",
        title="Which network can we drive on?",
        command=_command(args),
        tcp_counterparts=over_tcp or None,
        progress=progress,
    )
    histories = [] if as_recorded else _save_all(named, args.out)
    return [path, *histories]


def _save_all(named: Named, out: Path) -> list[Path]:
    """Save one history per network, all runs in it."""
    suffix = _suffix()
    paths = []
    for name, frames in named.items():
        file = "".join(char if char.isalnum() or char in "._-=" else "_" for char in name)
        paths.append(save(concat(frames), out / f"{file}{suffix}"))
    return paths


def _suffix() -> str:
    import importlib.util

    return ".parquet" if importlib.util.find_spec("pyarrow") else ".jsonl"


def _command(args: argparse.Namespace) -> str:
    """Return the command that makes the report again."""
    words: list[str] = ["wsim", "compare", *(str(path) for path in args.files)]
    for flag, values in (("--profile", args.profiles), ("--set", args.changes)):
        for value in values:
            words += [flag, value]
    words += ["--seed", str(args.seed), "--repeats", str(args.repeats)]
    if args.duration is not None:
        words += ["--duration", f"{args.duration:g}"]
    if args.replay:
        words.append("--replay")
    return clean(shlex.join(words))
