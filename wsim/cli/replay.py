"""``wsim replay``: play a recorded session against a real server, through a network."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

from wsim.cli.listening import needs_serve_extra, network_of
from wsim.cli.options import add_options
from wsim.errors import UsageError


def add_parser(subparsers: Any) -> None:
    """Add ``replay`` to the command line."""
    parser = subparsers.add_parser(
        "replay",
        help="play a recorded session against a real server",
        description="Play what clients sent in a recording as real clients, at the recorded times,"
        " through a simulated network, and record what becomes of it. The server may be any"
        " Socket.IO server (protocol 5), or a plain WebSocket server for a recording of one.",
    )
    parser.add_argument(
        "file", nargs="?", type=Path, default=None, metavar="FILE",
        help="recording to play (default: the session that ships with wsim)",
    )  # fmt: skip
    parser.add_argument(
        "--url", default="http://127.0.0.1:5000", metavar="URL",
        help="the server to play against; ws://HOST:PORT/PATH for plain WebSocket"
        " (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--speed", type=float, default=1.0, metavar="X",
        help="recorded seconds per second (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--token", default=None, help="sent to the server as auth.token")
    add_options(parser, "profile", "set", "seed", "duration", "record")
    parser.set_defaults(run=run, profile="perfect")  # no network that nobody asked for


def run(args: argparse.Namespace) -> int:
    """Play the session; return the exit code."""
    needs_serve_extra()
    from wsim.formats import load
    from wsim.serving.replay import replay
    from wsim.sessions import shipped

    path = args.file or shipped()
    frame = load(path)
    if args.duration is not None:
        frame = frame[frame.created_s < frame.created_s.min() + args.duration]
    if args.record is not None and args.record.suffix != ".jsonl":
        raise UsageError(f"--record {args.record} is not a .jsonl file")
    auth = None if args.token is None else {"token": args.token}
    found = network_of(args)
    played = replay(
        frame, args.url, found, seed=args.seed, speed=args.speed, record=args.record,
        auth=auth, progress=_progress,
    )  # fmt: skip
    outcome = asyncio.run(played)
    _say(outcome, path, args, found.name)
    return 0


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty() and (done % 20 == 0 or done == total):
        print(f"\r{done} of {total} messages", end="\n" if done == total else "", file=sys.stderr)


def _say(outcome: Any, path: Path, args: argparse.Namespace, network: str) -> None:
    sent = outcome[outcome.direction == "inbound"]
    median = sent.latency_ms.median()
    latency = "none arrived" if median != median else f"latency {median:.1f} ms at the median"
    print(
        f"Played {len(sent)} messages of {path.name} against {args.url}"
        f" through the network {network}: {_dropped(sent)}, {latency};"
        f" {len(outcome) - len(sent)} messages came back."
    )
    trouble = _trouble(outcome)
    if trouble:
        print(trouble)
    if args.record is not None:
        print(f"Recorded to {args.record}; look at it with: wsim compare {path} {args.record}")


def _dropped(sent: Any) -> str:
    """Say how many were dropped, and why."""
    causes = sent[sent.dropped].cause.astype(str).value_counts()
    why = ", ".join(f"{count} {cause.replace('_', ' ')}" for cause, count in causes.items())
    return f"{int(sent.dropped.sum())} dropped" + (f" ({why})" if why else "")


def _trouble(outcome: Any) -> str:
    """Say when the server went away, and what became of it."""
    (notes,) = outcome.attrs["wsim"].values()
    found = [note for note in notes["connections"] if note["state"] == "unreachable"]
    if not found:
        return ""
    since_s = found[0]["at_s"] - float(outcome.created_s.min())
    return f"From {since_s:.1f} s on the server could not be reached: {found[0]['cause']}"
