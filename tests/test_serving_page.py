"""The page at / in a real browser: it drives, feels the network, and comes back."""

from __future__ import annotations

import asyncio
import shutil
import threading
from pathlib import Path

import pytest
from js_harness import FOLDER
from serving_harness import conditions

from wsim import serve
from wsim.rover import Rover
from wsim.simulator import WebSocketServerSimulator

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="chromium is not installed"),
]
BUNDLE = FOLDER / "node_modules" / "socket.io-client" / "dist" / "socket.io.min.js"


@pytest.fixture
def server():
    sim = WebSocketServerSimulator({"network": conditions(1), "seed": 1})
    rover = Rover(sim, rate_hz=20)
    with serve(sim, port=0) as running:
        future = asyncio.run_coroutine_threadsafe(rover.publish(), running._loop)
        yield running
        future.cancel()


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 800, "height": 760}, bypass_csp=True)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    page.close()
    assert problems == []


def wait_for(page, script: str, timeout: float = 8000) -> None:
    page.wait_for_function(script, timeout=timeout)


def test_the_page_drives_feels_the_network_and_comes_back(server, page, tmp_path):
    page.goto(server.url)
    wait_for(page, "document.getElementById('state').textContent === 'connected'")
    page.locator("#linear").fill("0.5")
    wait_for(page, "document.getElementById('rover').textContent.includes('0.50 m/s')")
    wait_for(page, "+document.getElementById('rtt').textContent < 60")
    assert page.locator("#force").text_content() == "1 ms one way, no loss"
    server.set(latency_ms=150)
    wait_for(page, "document.getElementById('force').textContent === '150 ms one way, no loss'")
    assert "network: 150 ms one way" in page.locator("#log").text_content()
    wait_for(page, "+document.getElementById('rtt').textContent >= 300", 15_000)
    page.screenshot(path=str(tmp_path / "page.png"))
    server.set(latency_ms=1, packet_loss_rate=1.0)
    wait_for(page, "+document.getElementById('lost').textContent > 0", 15_000)
    server.set(packet_loss_rate=0.0)
    server.fail("reset")
    wait_for(page, "document.getElementById('log').textContent.includes('disconnected')")
    wait_for(page, "document.getElementById('state').textContent === 'connected'")
    heard = "window.answers = 0; wsimSocket.emit('pingCheck', {}, () => { window.answers += 1; })"
    page.evaluate(heard)
    wait_for(page, "window.answers === 1")
    frame = server.sim.history
    assert set(frame.session[frame.direction == "inbound"]) == {1, 2}


def test_keys_drive_and_space_stops(server, page):
    page.goto(server.url)
    wait_for(page, "document.getElementById('state').textContent === 'connected'")
    page.keyboard.down("w")
    wait_for(page, "document.getElementById('rover').textContent.includes('0.60 m/s')")
    page.keyboard.press(" ")
    wait_for(page, "document.getElementById('log').textContent.includes('acknowledged')")
    wait_for(page, "document.getElementById('rover').textContent.startsWith('stopped')")
    page.keyboard.up("w")
    page.locator("#park").click()
    wait_for(page, "document.getElementById('rover').textContent.startsWith('idle')")


def test_the_official_browser_client_drives_too(server, page, tmp_path):
    """From a page of another port on this machine, as a development server would show it."""
    if not BUNDLE.exists():
        pytest.skip("run npm install in tests/js")
    (tmp_path / "client.js").write_bytes(BUNDLE.read_bytes())
    (tmp_path / "index.html").write_text("<script src='client.js'></script>")
    with _files(tmp_path) as frontend:
        page.goto(frontend)
        page.evaluate(
            "url => { window.s = io(url, {reconnectionDelay: 100}); window.why = [];"
            " s.on('disconnect', r => why.push(r)); }",
            server.url,
        )
        wait_for(page, "window.s.connected && window.s.io.engine.transport.name === 'websocket'")
        asked = page.evaluate(
            "async () => { const t = performance.now(); await s.emitWithAck('pingCheck');"
            " return performance.now() - t; }"
        )
        server.set(latency_ms=100)
        throttled = page.evaluate(
            "async () => { const t = performance.now(); await s.emitWithAck('pingCheck');"
            " return performance.now() - t; }"
        )
        assert asked < 100 < 200 <= throttled
        server.fail("reset")
        wait_for(page, "window.why.length === 1 && window.s.connected")
        assert page.evaluate("window.why") == ["transport close"]


def _files(folder: Path):
    import contextlib
    import http.server
    from functools import partial

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            """Say nothing."""

    @contextlib.contextmanager
    def serving():
        handler = partial(Quiet, directory=str(folder))
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
            thread = threading.Thread(target=httpd.serve_forever)
            thread.start()
            yield f"http://localhost:{httpd.server_address[1]}"
            httpd.shutdown()
            thread.join()

    return serving()
