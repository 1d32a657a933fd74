"""What the real JavaScript client sees through the byte relay, and in which words."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
import socketio
from js_harness import FOLDER, WAYS, js_server, needs_js_server
from serving_harness import conditions, echo_server, hosted

from wsim.serving.proxy import Proxy
from wsim.serving.tcp_proxy import TcpProxy

pytestmark = [*needs_js_server, pytest.mark.asyncio]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@contextlib.asynccontextmanager
async def between(setting, **options):
    async with hosted(socketio.ASGIApp(echo_server(**options))) as upstream:
        async with TcpProxy(upstream, setting, port=0, seed=1) as proxy:
            yield proxy, f"http://127.0.0.1:{proxy.port}"


async def is_back(js):
    await js.hear("connect", connects=2)
    js.tell("ask", event="echo")
    await js.hear("asked", answered=1)


@pytest.mark.parametrize("transport", list(WAYS))
async def test_bursts_with_attachments_are_whole_and_in_order(js, transport):
    count = 300 if transport == "websocket" else 8  # python-engineio takes 16 packets a request
    async with between(conditions(10, jitter_ms=3)) as (_, url):
        await js.connect(url, transports=WAYS[transport])
        js.tell("burst", event="echo", count=count, bytes=300)
        told = await js.hear("burst", timeout=20)
    assert told == {"what": "burst", "answered": count, "inversions": 0}


async def test_polling_first_and_upgrading(js):
    async with between(conditions(3)) as (_, url):
        assert await js.upgrade(url) == ("polling", "websocket")
        js.tell("ask", event="an event", args=[{"n": 1}])
        assert (await js.hear("asked"))["answer"] == {"n": 1}


async def test_loss_is_delay_and_every_message_is_answered(js):
    async with between(conditions(10, packet_loss_rate=0.05)) as (proxy, url):
        await js.connect(url, transports=["websocket"])
        js.tell("ask", event="echo", count=40, timeout=10_000)
        assert (await js.hear("asked", timeout=60))["answered"] == 40
        frame = proxy.history.frame
    assert set(frame.fate) == {"delivered"}
    assert frame.retransmission_ms.max() > 50


@pytest.mark.parametrize(
    ("how", "transport", "reason"),
    [
        ("close", "websocket", "transport close"),
        ("reset", "websocket", "transport close"),
        ("half_close", "websocket", "transport close"),
        ("half_close_upstream", "websocket", "transport close"),
        ("reset", "polling", "transport error"),
    ],
)
async def test_failures_after_which_the_client_comes_back(js, how, transport, reason):
    async with between(conditions(1)) as (proxy, url):
        await js.connect(url, transports=WAYS[transport])
        js.tell("ask", event="echo")
        await js.hear("asked")
        assert proxy.fail(how)
        assert (await js.hear("disconnect"))["reason"] == reason
        await is_back(js)


async def test_a_refused_connection_is_a_connect_error_until_it_is_over(js):
    async with between(conditions(1)) as (proxy, url):
        await js.connect(url, transports=["websocket"])
        proxy.fail("refuse", duration_s=0.6)
        assert (await js.hear("disconnect"))["reason"] == "transport close"
        assert (await js.hear("connect_error"))["message"] == "websocket error"
        await is_back(js)


@pytest.mark.realtime
async def test_a_black_hole_is_noticed_by_the_heartbeat(js):
    async with between(conditions(1), ping_interval=1, ping_timeout=1) as (proxy, url):
        await js.connect(url, transports=["websocket"], timeout=500)
        proxy.fail("blackhole", duration_s=3.5)
        assert (await js.hear("disconnect"))["reason"] == "ping timeout"
        assert (await js.hear("connect_error"))["message"] == "timeout"
        await is_back(js)
        frame = proxy.history.frame
    assert "outage" in set(frame.cause)


async def test_conditions_change_while_connected(js):
    async with between(conditions(1)) as (proxy, url):
        await js.connect(url, transports=["websocket"])
        proxy.set(latency_ms=100)
        js.tell("ask", event="echo", count=3)
        assert (await js.hear("asked"))["median_ms"] >= 200


async def echoes(url, clients, window):
    process = await asyncio.create_subprocess_exec(
        "node", str(FOLDER / "echo.mjs"), url, str(clients), str(window), "1",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    return json.loads(out)["per_s"]


@pytest.mark.benchmark
@pytest.mark.parametrize(("clients", "window"), [(1, 1), (1, 50)])
async def test_what_relaying_costs_at_no_delay(clients, window, capsys):
    """Best of three rounds by turns, in front of npm's server, each in a process of its own."""
    best = {"direct": 0.0, "bytes": 0.0, "messages": 0.0}
    async with js_server() as upstream:
        for _ in range(3):
            best["direct"] = max(best["direct"], await echoes(upstream, clients, window))
            async with TcpProxy(upstream, conditions(0), port=0) as proxy:
                url = f"http://127.0.0.1:{proxy.port}"
                best["bytes"] = max(best["bytes"], await echoes(url, clients, window))
                assert proxy.history.recorded > 100
                assert set(proxy.history.frame.fate) == {"delivered"}
            async with Proxy(upstream, conditions(0), port=0) as proxy:
                best["messages"] = max(best["messages"], await echoes(proxy.url, clients, window))
                assert set(proxy.history.frame.fate) == {"delivered"}
    with capsys.disabled():
        print(f"\n  {clients} client, window {window}: direct {best['direct']:.0f}/s", end="")
        for name in ("bytes", "messages"):
            print(f", by {name} x {best[name] / best['direct']:.2f}", end="")
        print()
