"""`wsim dashboard`: the same panel as a page, where Voila is installed."""

from __future__ import annotations

import argparse
import importlib.util
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from jupyterlab_harness import browser, wait_until, why_no_browser

from wsim.cli import dashboard, lab
from wsim.errors import UsageError

ROOT = Path(__file__).parents[1]
WITHOUT = importlib.util.find_spec("voila") is None


def args(port):
    return argparse.Namespace(port=port, dark=False, no_browser=True)


def test_without_voila_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(dashboard.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"needs voila.*clone: pip install -e '\.\[lab,page\]'"):
        dashboard.run(args(1))


def test_a_port_in_use_is_said(monkeypatch):
    monkeypatch.setattr(dashboard.importlib.util, "find_spec", lambda name: object())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="is in use; choose another with --port"):
            dashboard.run(args(taken.getsockname()[1]))


def test_a_server_that_ends_is_not_waited_for():
    with (
        subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]) as process,
        pytest.raises(UsageError, match="ended with code 3"),
    ):
        lab.wait_for_page("http://127.0.0.1:1/", process)


def test_the_options_are_parsed():
    parser = argparse.ArgumentParser()
    dashboard.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["dashboard", "--port", "9", "--dark"])
    assert (parsed.port, parsed.dark, parsed.no_browser) == (9, True, False)


@pytest.mark.browser
@pytest.mark.realtime
@pytest.mark.skipif(WITHOUT, reason="needs voila")
@pytest.mark.skipif(bool(why_no_browser()), reason=f"needs a browser: {why_no_browser()}")
def test_the_page_is_alive():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "wsim.cli", "dashboard", "--no-browser", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert f"http://127.0.0.1:{port}/" in process.stdout.readline()
        with browser() as context:
            tab = context.new_page()
            tab.goto(f"http://127.0.0.1:{port}/")
            picture = tab.locator("img.wsim-latency").first
            picture.wait_for(timeout=60_000)
            before = picture.get_attribute("src")
            wait_until(lambda: picture.get_attribute("src") != before, "a new picture")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
