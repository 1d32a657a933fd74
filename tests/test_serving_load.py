"""Many clients for long, and what the network layer costs: counts asserted, ratios printed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import socketio
from js_harness import FOLDER, needs_node
from serving_harness import conditions, echo_server, hosted, middle, proxied

from wsim.errors import UsageError
from wsim.serving.control import steer

pytestmark = needs_node
MESSAGES = 300_000


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_hundred_clients_for_a_minute_take_no_more_memory(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    command = [sys.executable, "-m", "wsim.cli", "serve", "--profile", "perfect", "--port", "0"]
    command += ["--set", "latency_ms=50", "--rate", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = re.search(r"http://[\d.]+:\d+", server.stdout.readline())
        assert url is not None
        flood = subprocess.Popen(["node", str(FOLDER / "flood.mjs"), url[0], "100", "50"])
        try:
            began, early_mb, received = time.monotonic(), 0.0, 0
            stats: dict[str, int] = {"messages_received": 0}
            while received < MESSAGES and time.monotonic() - began < 280:
                time.sleep(1)
                with contextlib.suppress(UsageError):  # too busy to say
                    stats = steer("/status")["stats"]
                received = stats["messages_received"]
                if not early_mb and received > MESSAGES / 10:
                    early_mb = resident_mb(server.pid)
            late_mb = resident_mb(server.pid)
        finally:
            flood.kill()
            flood.wait()
            server.terminate()
            server.wait(10)
    with capsys.disabled():
        rate = received / (time.monotonic() - began)
        print(f"\n  {received} messages, {rate:.0f}/s, {early_mb:.0f} -> {late_mb:.0f} MB")
    assert received >= MESSAGES
    assert stats["messages_dropped"] == 0
    assert stats["connections"] == 100
    assert late_mb - early_mb < 10


async def echoes(url: str, clients: int, window: int) -> float:
    """Answers per second that a client in another process gets."""
    script = str(FOLDER / "echo.mjs")
    process = await asyncio.create_subprocess_exec(
        "node", script, url, str(clients), str(window), "1", stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    return float(json.loads(out)["per_s"])


@pytest.mark.benchmark
@pytest.mark.asyncio
@pytest.mark.parametrize(("clients", "window"), [(1, 1), (1, 50), (20, 4)])
async def test_what_the_layer_costs_at_no_delay(clients, window, capsys):
    """Best of two rounds, plain and simulated by turns on the same HTTP server."""
    best = dict.fromkeys(("plain", "middleware", "proxy"), 0.0)
    for _ in range(2):
        async with hosted(socketio.ASGIApp(echo_server())) as url:
            best["plain"] = max(best["plain"], await echoes(url, clients, window))
        async with middle(conditions(0)) as (url, served):
            best["middleware"] = max(best["middleware"], await echoes(url, clients, window))
            assert served.history.recorded > 100
            assert set(served.history.frame.fate) == {"delivered"}
        async with proxied(conditions(0)) as (url, served):
            best["proxy"] = max(best["proxy"], await echoes(url, clients, window))
            assert served.history.recorded > 100
    shares = {name: rate / best["plain"] for name, rate in best.items()}
    with capsys.disabled():
        print(
            f"\n  {clients} clients, window {window}: plain {best['plain']:.0f}/s,"
            f" middleware x {shares['middleware']:.2f} (aim: 0.75),"
            f" proxy x {shares['proxy']:.2f} (aim: 0.40)"
        )
