"""``wsim lab``: JupyterLab with the dashboard already running in it.

JupyterLab does not run cells by itself, so this does: it starts the server, opens a kernel
for the notebook, runs the cells, stores what they show, and only then opens the browser, which
finds the panel alive.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from wsim.errors import UsageError

T = TypeVar("T")
NOTEBOOK = "network_lab.ipynb"
_PATIENCE_S = 60.0
_ANSWER_S = 20.0


def add_parser(subparsers: Any) -> None:
    """Add ``lab`` to the command line."""
    parser = subparsers.add_parser(
        "lab",
        help="open the interactive dashboard in JupyterLab",
        description="Open JupyterLab in the browser with the network lab running.",
    )
    parser.add_argument(
        "--folder", type=Path, default=Path("wsim-lab"), metavar="DIR",
        help="working folder; the notebook is copied there if it is not (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=int, default=8888, metavar="N",
        help="port to serve on (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--no-browser", action="store_true", help="only say where the lab is, open nothing"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve the lab until Ctrl-C; return the exit code.

    Raises
    ------
    UsageError
        If JupyterLab is not installed, or its server does not start.
    """
    for package in ("jupyterlab", "ipywidgets", "jupyter_client"):
        if importlib.util.find_spec(package) is None:
            raise UsageError(f"wsim lab needs {package}: pip install 'wsim[lab]'")
    notebook = prepare(args.folder)
    with contextlib.closing(Server(args.folder, args.port)) as server:
        server.start_notebook(notebook)
        address = server.url(f"doc/tree/{notebook.name}")
        print(f"The lab runs at {address}\nStop it with Ctrl-C.", flush=True)
        if not args.no_browser:
            webbrowser.open(address)
        return server.wait()


def prepare(folder: Path) -> Path:
    """Return the notebook in the working folder, copied there unless it is there already."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        notebook = folder / NOTEBOOK
        if not notebook.exists():
            notebook.write_text(template(), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write into {folder} ({error.strerror}); choose another with --folder"
        ) from error
    return notebook


def template() -> str:
    """Return the shipped notebook, as JSON."""
    return files("wsim.dashboard").joinpath("network_lab.json").read_text(encoding="utf-8")


class Server:
    """A JupyterLab server of our own, on a port that is either free or refused."""

    def __init__(self, folder: Path, port: int) -> None:
        refuse_taken(port)
        self.port = port
        self.token = secrets.token_urlsafe(16)
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1",
                f"--port={port}", "--ServerApp.port_retries=0", "--allow-root",
                f"--ServerApp.root_dir={folder.resolve()}",
                f"--IdentityProvider.token={self.token}",
                "--LabApp.news_url=None",  # a question about news would cover the pictures
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        self._said: list[str] = []
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        import threading

        threading.Thread(target=self._listen, daemon=True).start()
        try:
            _until(lambda: self._ask("api/status"), "JupyterLab answers")
        except UsageError:
            self.close()
            raise

    def _listen(self) -> None:
        """Read what the server says, so that its pipe never fills."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._said = [*self._said[-20:], line.decode(errors="replace").rstrip()]

    def url(self, path: str) -> str:
        """Return an address on this server, with its token."""
        return f"http://127.0.0.1:{self.port}/{path}?token={self.token}"

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        if self._process.poll() is not None:
            raise UsageError(self._why_it_ended())
        request = urllib.request.Request(
            self.url(path),
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_S) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            if error.code in (401, 403):
                raise UsageError(self._why_it_ended()) from error
            return None
        except (urllib.error.URLError, OSError):
            return None

    def _why_it_ended(self) -> str:
        said = "\n".join(self._said)
        return f"JupyterLab did not start:\n{said}"

    def start_notebook(self, notebook: Path) -> None:
        """Open a kernel for the notebook, run its cells and store what they show."""
        session = self._ask(
            "api/sessions",
            {
                "path": notebook.name,
                "name": notebook.name,
                "type": "notebook",
                "kernel": {"name": "python3"},
            },
        )
        if not session:
            raise UsageError("JupyterLab could not start a Python kernel named 'python3'")
        run_cells(notebook, session["kernel"]["id"])

    def wait(self) -> int:
        """Wait for the server's end or Ctrl-C."""
        try:
            return self._process.wait()
        except KeyboardInterrupt:
            return 0

    def close(self) -> None:
        """Stop the server and its kernels."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()


def refuse_taken(port: int) -> None:
    """Raise if something listens on a port, or if there is no such port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise UsageError(f"port {port} is in use; choose another with --port") from error


def wait_for_page(address: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until something answers at an address that `process` serves."""

    def answers() -> bool:
        if process.poll() is not None:
            raise UsageError(f"the server ended with code {process.returncode} before it answered")
        try:
            with urllib.request.urlopen(address, timeout=_ANSWER_S):
                return True
        except urllib.error.HTTPError:
            return True
        except (urllib.error.URLError, OSError):
            return False

    _until(answers, f"{address} answers")


def run_cells(notebook: Path, kernel_id: str) -> None:
    """Run the code cells of a notebook in a running kernel; outputs go into the file."""
    from jupyter_client.blocking.client import BlockingKernelClient
    from jupyter_core.paths import jupyter_runtime_dir

    file = Path(jupyter_runtime_dir()) / f"kernel-{kernel_id}.json"
    _until(file.exists, "the kernel has started")
    client = BlockingKernelClient(connection_file=str(file))
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=_PATIENCE_S)
        content = json.loads(notebook.read_text(encoding="utf-8"))
        for cell in content["cells"]:
            if cell["cell_type"] == "code":
                _run_cell(client, cell)
        _store(notebook, content)
    finally:
        client.stop_channels()


def _store(notebook: Path, content: dict[str, Any]) -> None:
    """Write the notebook and sign it: JupyterLab shows no widgets of a notebook it distrusts."""
    from importlib import import_module

    nbformat: Any = import_module("nbformat")
    notary: Any = import_module("nbformat.sign")

    text = json.dumps(content, indent=1, ensure_ascii=False)
    notebook.write_text(text + "\n", encoding="utf-8")
    notary.NotebookNotary().sign(nbformat.reads(text, as_version=4))


def _run_cell(client: Any, cell: dict[str, Any]) -> None:
    outputs: list[dict[str, Any]] = []

    def keep(message: dict[str, Any]) -> None:
        kind, content = message["header"]["msg_type"], message["content"]
        if kind in ("execute_result", "display_data"):
            outputs.append({"output_type": "display_data", **_shown(content)})
        elif kind in ("stream", "error"):
            outputs.append({"output_type": kind, **content})

    source = cell["source"]
    reply = client.execute_interactive(
        source if isinstance(source, str) else "".join(source),
        output_hook=keep,
        timeout=_PATIENCE_S,
    )
    cell["outputs"], cell["execution_count"] = outputs, reply["content"].get("execution_count")


def _shown(content: dict[str, Any]) -> dict[str, Any]:
    return {"data": content["data"], "metadata": content.get("metadata", {})}


def _until(condition: Callable[[], T], what: str) -> T:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.1)
    raise UsageError(f"waited {_PATIENCE_S:.0f} s in vain until {what}")
