"""Options of the commands that listen for real clients."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from wsim.cli.options import add_options, changes_from, whole_number
from wsim.errors import UsageError
from wsim.profiles import Profile, profile


def needs_serve_extra() -> None:
    """Say what to install if python-socketio or aiohttp are missing."""
    for package, name in (("socketio", "python-socketio"), ("aiohttp", "aiohttp")):
        if importlib.util.find_spec(package) is None:
            raise UsageError(f"this needs {name}: pip install 'wsim[serve]'")


def add_listening(parser: argparse.ArgumentParser) -> None:
    """Add the options of a server: its network, where it listens, whom it lets in."""
    add_options(parser, "profile", "set", "seed", "record", "port")
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS",
        help="address to listen on; any but loopback needs --token (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--token", default=None, help="what clients have to send to be let in")
    parser.add_argument(
        "--allow-origin", action="append", default=[], metavar="ORIGIN",
        help="let pages of this origin connect, such as https://console.example; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--timeline", type=Path, default=None, metavar="FILE",
        help="change the network by this timeline, from the start of the server",
    )  # fmt: skip
    parser.add_argument(
        "--max-history", type=whole_number("max-history"), default=10_000, metavar="N",
        help="messages kept in memory; a recording has all (default: %(default)s)",
    )  # fmt: skip


def network_of(args: argparse.Namespace) -> Profile:
    """Return the profile that the options mean."""
    found = profile(args.profile)
    changes = changes_from(args.changes)
    return found.replace(**changes) if changes else found
