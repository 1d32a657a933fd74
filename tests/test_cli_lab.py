"""`wsim lab`: a notebook in a folder, a server, and a dashboard that already runs in it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from jupyterlab_harness import browser, wait_until, why_no_browser

from wsim.cli import lab
from wsim.errors import UsageError

ROOT = Path(__file__).parents[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_shipped_notebook_opens_the_dashboard():
    cells = json.loads(lab.template())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert code == ['import wsim\n\npanel = wsim.Dashboard("default")\npanel']
    assert all(not cell.get("outputs") for cell in cells)


def test_the_notebook_is_copied_once_and_never_overwritten(tmp_path):
    notebook = lab.prepare(tmp_path / "deep" / "lab")
    assert notebook.read_text(encoding="utf-8") == lab.template()
    notebook.write_text("mine", encoding="utf-8")
    assert lab.prepare(notebook.parent).read_text(encoding="utf-8") == "mine"


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot write into .*choose another with --folder"):
        lab.prepare(tmp_path / "file" / "lab")


def test_missing_packages_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(lab.importlib.util, "find_spec", lambda name: None)
    args = argparse.Namespace(folder=tmp_path, port=1, no_browser=True)
    with pytest.raises(UsageError, match=r"needs jupyterlab: pip install 'wsim\[lab\]'"):
        lab.run(args)


def test_the_options_are_parsed():
    parser = argparse.ArgumentParser()
    lab.add_parser(parser.add_subparsers())
    args = parser.parse_args(["lab", "--folder", "x", "--port", "9", "--no-browser"])
    assert (args.folder, args.port, args.no_browser, args.run) == (Path("x"), 9, True, lab.run)


needs_browser = pytest.mark.skipif(
    bool(why_no_browser()), reason=f"needs a browser: {why_no_browser()}"
)


def private(tmp_path):
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    return {**os.environ, **{name: str(tmp_path / sub) for name, sub in folders.items()}}


def start(tmp_path, port):
    command = [sys.executable, "-m", "wsim.cli", "lab", "--no-browser", "--port", str(port)]
    return subprocess.Popen(
        [*command, "--folder", str(tmp_path / "lab")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**private(tmp_path), "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.browser
@pytest.mark.realtime
@needs_browser
def test_the_browser_finds_the_dashboard_running(tmp_path):
    process = start(tmp_path, free_port())
    try:
        said = process.stdout.readline()
        assert said.startswith("The lab runs at http://127.0.0.1:"), process.stderr.read()
        with browser() as context:
            tab = context.new_page()
            tab.goto(said.split()[-1])
            picture = tab.locator("img.wsim-latency").first
            picture.wait_for(timeout=60_000)
            before = picture.get_attribute("src")
            wait_until(lambda: picture.get_attribute("src") != before, "a new picture")
            assert tab.locator(".wsim-text-status").inner_text().startswith("default")
    finally:
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=30)
    assert "Traceback" not in complaints


def test_a_port_in_use_is_said(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} is in use; choose another"):
            lab.Server(tmp_path, port)
    with pytest.raises(UsageError, match="port 70000"):
        lab.Server(tmp_path, 70_000)
