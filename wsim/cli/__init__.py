"""The command line: one module per command, loaded when it is called."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any, TextIO

from wsim.errors import UsageError, WsimError, nearest

COMMANDS = {
    "compare": "replay a driving session through networks and say what an operator would feel",
    "profiles": "list the network profiles, or show one",
    "serve": "simulate a Socket.IO server for real clients",
    "proxy": "put a simulated network in front of a real server",
    "set": "change the conditions of a running server or proxy",
    "replay": "play a recorded session against a real server",
    "report": "write a report on recorded histories",
    "check": "check a history against objectives, with an exit code for CI",
    "lab": "open the interactive dashboard in JupyterLab",
    "dashboard": "open the interactive dashboard as a page of its own",
}
"""Commands and what they do; each is a module of this package with ``add_parser`` and ``run``."""

_DESCRIPTION = "A network laboratory for teleoperation over Socket.IO."


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 well, 1 objectives missed, 2 cannot be done.

    Parameters
    ----------
    argv
        The arguments after the program's name; by default those of the process.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a character it lacks must not end the work
            stream.reconfigure(errors="replace")
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _noted
            code = _run(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of the output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (WsimError, OSError, ImportError) as error:
        print(f"wsim: {_said(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("wsim: stopped", file=sys.stderr)
        return 130


def _noted(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning as the commands print what they have to say, without file and line."""
    print(f"wsim: note: {' '.join(str(message).split())}", file=sys.stderr)


def _said(error: BaseException) -> str:
    if isinstance(error, ImportError) and error.name:
        return f"needs the package '{error.name}'; install it with: pip install 'wsim[all]'"
    text = " ".join(str(error).split())
    return text or type(error).__name__


def _run(arguments: list[str]) -> int:
    name = next((text for text in arguments if not text.startswith("-")), None)
    parser, modules = parser_of(name)
    if name is not None and name not in COMMANDS:
        raise UsageError(
            f"no command '{name}'{nearest(name, COMMANDS) or ';'} Known: {', '.join(COMMANDS)}"
        )
    args, unknown = parser.parse_known_args(arguments)
    if unknown:  # the command's own usage helps, the program's does not
        getattr(args, "complain", parser.error)(f"unrecognized arguments: {' '.join(unknown)}")
    if name is None:
        parser.print_help()
        return 0
    code: int = modules[name].run(args)
    return code


def parser_of(name: str | None) -> tuple[argparse.ArgumentParser, dict[str, Any]]:
    """Return a parser that knows the options of one command, and the names of all."""
    from wsim import __version__

    parser = argparse.ArgumentParser(prog="wsim", description=_DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"wsim {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    modules = {}
    for command, purpose in COMMANDS.items():
        if command == name:
            modules[command] = importlib.import_module(f"wsim.cli.{command}")
            modules[command].add_parser(commands)
            own = commands.choices[command]
            own.set_defaults(complain=own.error)
        else:
            commands.add_parser(command, help=purpose)
    return parser, modules


__all__ = ["COMMANDS", "main"]
