"""JupyterLab driven in headless Chromium, with the truth read from the kernel's side.

A :class:`Lab` is one JupyterLab server with private folders for settings, data, run time and
IPython, so that nothing of the person's own set-up takes part. A :class:`Page` is one browser
tab on it; a :class:`Kernel` is a second client of the notebook's kernel, which asks for values
without running a cell.
"""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM_FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
QUIET = {
    "fetchNews": "false",
    "checkForUpdates": False,
    "doNotDisturbMode": True,
}


def chromium() -> str | None:
    """Return the path of a Chromium that can be driven, or None."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    return None


def why_no_browser() -> str:
    """Say what is missing for tests in a browser; empty if nothing is."""
    missing = [
        name
        for name in ("playwright", "jupyterlab", "ipywidgets", "jupyter_client")
        if importlib.util.find_spec(name) is None
    ]
    if missing:
        return f"not installed: {', '.join(missing)} (pip install 'wsim[test]')"
    return "" if chromium() else "no chromium on this machine (apt-get install chromium)"


def wait_until(condition: Callable[[], Any], what: str, timeout_s: float = 30.0) -> Any:
    """Ask again and again until `condition` holds; return what it gave."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"after {timeout_s:g} s still not so: {what}")


class Lab:
    """One JupyterLab server on a free port.

    Parameters
    ----------
    folder
        Where all of its folders are made; notebooks are in ``notebooks``.
    subshells
        JupyterLab's ``commsOverSubshells``, if not its default.
    packages
        A folder whose packages go before the installed ones, for another ipykernel.
    """

    def __init__(
        self, folder: Path, *, subshells: str | None = None, packages: Path | None = None
    ) -> None:
        self.folder = folder
        self.root = folder / "notebooks"
        self.runtime = folder / "runtime"
        self.token = secrets.token_hex(8)
        self.port = _free_port()
        self._packages = packages
        self._write_settings(subshells)
        self._log = (folder / "lab.log").open("wb")
        self._process = self._start()

    def _write_settings(self, subshells: str | None) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        settings = self.folder / "settings" / "@jupyterlab"
        for plugin, values in {
            "apputils-extension/notification": QUIET,
            "docmanager-extension/plugin": {"autosave": False},
            "apputils-extension/kernels-settings": (
                {"commsOverSubshells": subshells} if subshells else {}
            ),
        }.items():
            path = settings / f"{plugin}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))

    def _start(self) -> subprocess.Popen[bytes]:
        folders = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        private = {name: str(self.folder / sub) for name, sub in folders.items()}
        repository = str(Path(__file__).resolve().parent.parent)
        path = os.pathsep.join([*([str(self._packages)] if self._packages else []), repository])
        command = [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1",
            f"--port={self.port}", "--ServerApp.port_retries=0", "--allow-root",
            f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={self.root}",
            "--LabApp.extension_manager=readonly", "--expose-app-in-browser",
        ]  # fmt: skip
        return subprocess.Popen(
            command,
            env={**os.environ, **private, "PYTHONPATH": path},
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=self.root,
        )

    def wait(self) -> Lab:
        """Return once the server answers."""
        wait_until(self._answers, "JupyterLab answers", 60)
        return self

    def _answers(self) -> bool:
        assert self._process.poll() is None, f"JupyterLab ended: {self.log()[-2000:]}"
        try:
            with urllib.request.urlopen(self.url("api/status"), timeout=2) as reply:
                return reply.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def url(self, path: str) -> str:
        """Return the address of a page of this server, with its token."""
        joint = "&" if "?" in path else "?"
        return f"http://127.0.0.1:{self.port}/{path}{joint}token={self.token}"

    def log(self) -> str:
        """Return what the server and its kernels said."""
        return (self.folder / "lab.log").read_text(errors="replace")

    def close(self) -> None:
        """Stop the server and the kernels it started."""
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        self._log.close()


class Page:
    """One notebook in one browser tab."""

    def __init__(self, page: Any, lab: Lab) -> None:
        self.tab = page
        self.lab = lab
        self.console: list[str] = []
        page.on("console", self._keep)
        page.on("pageerror", lambda error: self.console.append(f"pageerror: {error}"))

    def _keep(self, message: Any) -> None:
        if message.type == "error":
            self.console.append(message.text)

    def open(self, notebook: str) -> Page:
        """Show a notebook and wait until its kernel is known and answers."""
        self.tab.goto(self.lab.url(f"lab/tree/{notebook}?reset"))
        self.tab.locator("#jupyterlab-splash").wait_for(state="detached", timeout=60_000)
        self.tab.wait_for_function(
            "() => window.jupyterapp?.shell?.currentWidget?.sessionContext", timeout=60_000
        )
        self.tab.evaluate(
            """async () => { const p = window.jupyterapp.shell.currentWidget;
            await p.context.ready; await p.sessionContext.ready;
            await p.sessionContext.session.kernel.info;
            window.wsimStatuses = [p.sessionContext.kernelDisplayStatus];
            p.sessionContext.statusChanged.connect((_, s) => {
              if (s !== 'busy' && s !== 'idle') window.wsimStatuses.push(s); }); }"""
        )
        return self

    def command(self, name: str, **arguments: Any) -> None:
        """Run a command of JupyterLab without waiting for it."""
        self.tab.evaluate(
            "([name, args]) => { window.jupyterapp.commands.execute(name, args); }",
            [name, arguments],
        )

    def run_all(self, timeout_s: float = 60.0) -> None:
        """Run every cell; an error in any fails the test."""
        self.command("notebook:run-all-cells")
        try:
            wait_until(self._all_ran, "every cell has run", timeout_s)
        except AssertionError as error:
            raise AssertionError(
                f"{error}: {self.states()}, kernel {self.statuses()}\n{self.lab.log()[-1500:]}"
            ) from None
        assert not (errors := self.errors()), errors

    def statuses(self) -> list[str]:
        """Return what the kernel has been since the page was opened: a death shows here."""
        return list(self.tab.evaluate("() => window.wsimStatuses"))

    def states(self) -> list[Any]:
        """Return execution count and state of each code cell."""
        return list(
            self.tab.evaluate(
                """() => window.jupyterapp.shell.currentWidget.content.widgets
                .filter(c => c.model.type === 'code')
                .map(c => [c.model.executionCount, c.model.executionState])"""
            )
        )

    def _all_ran(self) -> bool:
        return bool(
            self.tab.evaluate(
                """() => window.jupyterapp.shell.currentWidget.content.widgets
                .filter(c => c.model.type === 'code' && c.model.sharedModel.source.trim())
                .every(c => c.model.executionCount && c.model.executionState !== 'running')"""
            )
        )

    def errors(self) -> list[str]:
        """Return the tracebacks among the cells' outputs."""
        return list(
            self.tab.evaluate(
                """() => window.jupyterapp.shell.currentWidget.content.widgets
                .filter(c => c.model.type === 'code')
                .flatMap(c => c.model.outputs.toJSON())
                .filter(o => o.output_type === 'error')
                .map(o => o.ename + ': ' + o.evalue)"""
            )
        )

    def restart(self) -> None:
        """Restart the kernel, without the question."""
        self.tab.evaluate(
            """async () => { const s = window.jupyterapp.shell.currentWidget.sessionContext;
            await s.session.kernel.restart(); await s.session.kernel.info; }"""
        )

    def kernel_id(self) -> str:
        """Return the id of the kernel behind the notebook."""
        return str(
            self.tab.evaluate(
                "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.id"
            )
        )

    def source(self, selector: str) -> str:
        """Return the address of an image, which changes with each frame."""
        return str(self.tab.locator(selector).first.get_attribute("src"))

    def colours(self, selector: str) -> int:
        """Count the distinct colours of an image; a blank one has one."""
        return int(
            self.tab.locator(selector).first.evaluate(
                """img => { const c = document.createElement('canvas');
                c.width = img.naturalWidth; c.height = img.naturalHeight;
                const g = c.getContext('2d'); g.drawImage(img, 0, 0);
                const d = new Uint32Array(g.getImageData(0, 0, c.width, c.height).data.buffer);
                return new Set(d).size; }"""
            )
        )


class Kernel:
    """A second client of a kernel, for its own view of the truth."""

    def __init__(self, lab: Lab, kernel_id: str) -> None:
        from jupyter_client.blocking.client import BlockingKernelClient

        file = lab.runtime / f"kernel-{kernel_id}.json"
        self._client = BlockingKernelClient(connection_file=str(file))
        self._client.load_connection_file()
        self._client.start_channels(iopub=False, stdin=False, hb=False, control=False)

    def ask(self, expression: str, timeout_s: float = 30.0) -> Any:
        """Return the value of an expression in the kernel (JSON types)."""
        reply = self._client.execute(
            "",
            silent=True,
            store_history=False,
            user_expressions={"it": f"__import__('json').dumps({expression})"},
            reply=True,
            timeout=timeout_s,
        )
        answer = reply["content"]["user_expressions"]["it"]
        assert answer["status"] == "ok", f"{answer['ename']}: {answer['evalue']}"
        import ast

        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    def do(self, code: str, timeout_s: float = 30.0) -> None:
        """Run statements in the kernel."""
        reply = self._client.execute(
            code, silent=True, store_history=False, reply=True, timeout=timeout_s
        )
        assert reply["content"]["status"] == "ok", reply["content"]

    def close(self) -> None:
        """Let go of the kernel, which runs on."""
        self._client.stop_channels()


@contextmanager
def browser(width: int = 1280, height: int = 800, dark: bool = False) -> Iterator[Any]:
    """Run Chromium; gives a context whose pages have the size of a 13-inch screen."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        context = running.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
        )
        try:
            yield context
        finally:
            context.close()
            running.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
