"""``wsim dashboard``: the panel as a page of its own, for those without notebooks.

Voila serves the same notebook that ``wsim lab`` opens, without cells or menus; every visitor
gets a kernel, and so a simulation, of their own.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Any

from wsim.cli.lab import NOTEBOOK, refuse_taken, template, wait_for_page
from wsim.errors import UsageError


def add_parser(subparsers: Any) -> None:
    """Add ``dashboard`` to the command line."""
    parser = subparsers.add_parser(
        "dashboard",
        help="open the interactive dashboard as a page",
        description="Serve the dashboard as a web page, without JupyterLab (needs voila).",
    )
    parser.add_argument(
        "--port", type=int, default=8866, metavar="N",
        help="port to serve on (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--dark", action="store_true", help="dark colours")
    parser.add_argument(
        "--no-browser", action="store_true", help="only say where the page is, open nothing"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C; return the exit code.

    Raises
    ------
    UsageError
        If Voila is not installed, its server does not start, or the port is taken.
    """
    if importlib.util.find_spec("voila") is None:
        raise UsageError(
            "wsim dashboard needs voila: pip install 'wsim[lab,page]';"
            " in a clone: pip install -e '.[lab,page]'"
        )
    refuse_taken(args.port)
    with tempfile.TemporaryDirectory(prefix="wsim-") as folder:
        notebook = Path(folder) / NOTEBOOK
        notebook.write_text(template(), encoding="utf-8")
        return _serve(notebook, args)


def _serve(notebook: Path, args: argparse.Namespace) -> int:
    command = [
        sys.executable, "-m", "voila", str(notebook), f"--port={args.port}", "--no-browser",
        "--Voila.ip=127.0.0.1", f"--theme={'dark' if args.dark else 'light'}",
    ]  # fmt: skip
    address = f"http://127.0.0.1:{args.port}/"
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        wait_for_page(f"{address}voila/static/voila.js", process)
        print(f"The dashboard is at {address}\nStop it with Ctrl-C.", flush=True)
        if not args.no_browser:
            webbrowser.open(address)
        return process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        process.terminate()
        process.wait()
