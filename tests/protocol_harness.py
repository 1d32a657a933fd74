"""A served simulator and raw HTTP and WebSocket to talk to it, for the protocols' behaviours."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from serving_harness import conditions

from wsim.serving.endpoint import Server
from wsim.serving.terms import Bounds
from wsim.simulator import WebSocketServerSimulator

PING_S, PATIENCE_S = 0.2, 0.3
UNKNOWN_SID = {"code": 1, "message": "Session ID unknown"}
SOON_S = 3


class Wire:
    """Raw requests and sockets to one server."""

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self.server, self.session = server, session

    def url(self, query: str) -> str:
        """Return the address of an Engine.IO request."""
        return f"{self.server.url}/socket.io/?{query}"

    async def http(self, method: str, query: str, body: str = "") -> tuple[int, str]:
        """Put a request; return status and body."""
        async with self.session.request(method, self.url(query), data=body or None) as answer:
            return answer.status, await answer.text()

    async def polling(self) -> Poll:
        """Open a session by long-polling."""
        _, text = await self.http("GET", "EIO=4&transport=polling")
        return Poll(self, json.loads(text[1:])["sid"])

    def websocket(self, query: str = "") -> Any:
        """Open a WebSocket, of its own session unless `query` names one."""
        return self.session.ws_connect(self.url(f"EIO=4&transport=websocket{query}"))

    @contextlib.asynccontextmanager
    async def connected(
        self, connect: str = "40"
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Open a WebSocket and connect to a namespace."""
        async with self.websocket() as ws:
            assert (await hear(ws))[0] == "0"
            await ws.send_str(connect)
            assert (await hear(ws)).startswith(connect.partition("{")[0])
            yield ws


class Poll:
    """A session by long-polling."""

    def __init__(self, wire: Wire, sid: str) -> None:
        self.wire, self.sid = wire, sid
        self.query = f"EIO=4&transport=polling&sid={sid}"

    async def post(self, body: str) -> tuple[int, str]:
        """Send packets."""
        return await self.wire.http("POST", self.query, body)

    async def get(self) -> tuple[int, str]:
        """Ask for packets."""
        async with asyncio.timeout(SOON_S):
            return await self.wire.http("GET", self.query)

    async def connect(self) -> Poll:
        """Connect to the main namespace."""
        assert await self.post("40") == (200, "ok")
        assert (await self.get())[1].startswith("40{")
        return self

    async def is_over(self) -> bool:
        """Is the session unknown to the server?"""
        status, text = await self.get()
        return status == 400 and json.loads(text) == UNKNOWN_SID


@contextlib.asynccontextmanager
async def wired(**options: Any) -> AsyncIterator[Wire]:
    """Serve an echo, with a quick heartbeat; ``message`` comes back as ``message-back``."""
    sim = WebSocketServerSimulator({"network": conditions(1), "seed": 1})
    sim.set_default_handler(lambda event, data: data)

    @sim.on("message")
    async def message(data: Any) -> None:
        await sim.emit("message-back", data)

    settings: dict[str, Any] = {"ping_interval": PING_S, "ping_timeout": PATIENCE_S} | options
    async with Server(sim, port=0, **settings) as server, aiohttp.ClientSession() as session:
        yield Wire(server, session)


def impatient(seconds: float) -> Bounds:
    """Return bounds with a short time to connect to a namespace."""
    return Bounds(connect_timeout_s=seconds)


async def hear(ws: aiohttp.ClientWebSocketResponse, *, heartbeat: bool = False) -> Any:
    """Return the next packet, answering heartbeats on the way; a number is a closing code."""
    while True:
        message = await asyncio.wait_for(ws.receive(), SOON_S)
        if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
            return ws.close_code or 0
        if message.data == "2" and not heartbeat:
            await ws.send_str("3")
        else:
            return message.data


async def is_closed(ws: aiohttp.ClientWebSocketResponse) -> bool:
    """Does the server close the socket, whatever else it may say before?"""
    async with asyncio.timeout(SOON_S):
        return isinstance(await hear(ws), int)
