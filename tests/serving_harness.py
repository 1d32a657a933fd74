"""Servers for the tests: plain python-socketio behind the door, on a free port."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import socketio

from wsim.conditions import NetworkConditions
from wsim.serving.guard import Guard
from wsim.serving.host import Host
from wsim.serving.middleware import NetworkMiddleware
from wsim.serving.upstream import Upstream

CLEAN = {"packet_loss_rate": 0, "disconnect_rate": 0, "bandwidth_mbps": None, "jitter_ms": 0}


def conditions(latency_ms: float = 0, **changes: Any) -> NetworkConditions:
    """Return conditions that do nothing but what is asked for."""
    return NetworkConditions(**{**CLEAN, "latency_ms": latency_ms, **changes})


def echo_server(**options: Any) -> socketio.AsyncServer:
    """Return a plain python-socketio server that answers what it is told."""
    sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*", **options)

    @sio.on("*")
    async def echo(event: str, sid: str, *args: Any) -> Any:
        return args if len(args) > 1 else (args[0] if args else None)

    return sio


@contextlib.asynccontextmanager
async def hosted(app: Any) -> AsyncIterator[str]:
    """Serve an ASGI application; gives its address."""
    host = Host(app)
    port = await host.start("127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await host.stop()


@contextlib.asynccontextmanager
async def middle(
    setting: Any, *, seed: int = 0, **options: Any
) -> AsyncIterator[tuple[str, NetworkMiddleware]]:
    """Serve the echo server behind a simulated network; gives address and middleware."""
    served = NetworkMiddleware(socketio.ASGIApp(echo_server(**options)), setting, seed=seed)
    async with hosted(Guard(served)) as url:
        yield url, served


@contextlib.asynccontextmanager
async def proxied(setting: Any, *, seed: int = 0) -> AsyncIterator[tuple[str, NetworkMiddleware]]:
    """The same behind a proxy, with a plain server upstream."""
    async with hosted(socketio.ASGIApp(echo_server())) as upstream_url:
        upstream = Upstream(upstream_url)
        served = NetworkMiddleware(upstream, setting, seed=seed)
        async with hosted(Guard(served)) as url:
            yield url, served
        await upstream.close()


async def until(true: Any, timeout: float = 5.0) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(timeout):
        while not true():
            await asyncio.sleep(0.005)


async def is_turned_away(url: str, **options: Any) -> bool:
    """Say whether python-socketio's client fails to connect; leaves nothing open."""
    client = socketio.AsyncClient(handle_sigint=False, reconnection=False)
    try:
        await client.connect(url, **options)
    except socketio.exceptions.ConnectionError:
        return True
    finally:
        await client.disconnect()
        if client.eio.http is not None:
            await client.eio.http.close()
    return False
