"""Where python-socketio differs from the reference server, `serve` answers as the protocol says."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from serving_harness import conditions, until

from wsim.serving.endpoint import Server
from wsim.serving.manners import bad_handshake
from wsim.simulator import WebSocketServerSimulator

pytestmark = pytest.mark.asyncio


@contextlib.asynccontextmanager
async def talk(**options: Any) -> AsyncIterator[tuple[Server, aiohttp.ClientSession, str, str]]:
    """A server, a session, and the addresses for polling and for WebSocket."""
    sim = WebSocketServerSimulator({"network": conditions(1), "seed": 1})
    sim.set_default_handler(lambda event, data: data)
    async with Server(sim, port=0, **options) as server, aiohttp.ClientSession() as session:
        base = f"{server.url}/socket.io/?EIO=4&transport="
        yield server, session, f"{base}polling", f"{base}websocket"


async def opened(session: aiohttp.ClientSession, polling: str) -> tuple[str, dict[str, Any]]:
    """Open a session by polling and connect; gives its address and what OPEN said."""
    async with session.get(polling) as answer:
        hello = json.loads((await answer.text())[1:])
    address = f"{polling}&sid={hello['sid']}"
    async with session.post(address, data="40") as answer:
        assert (answer.status, await answer.text()) == (200, "ok")
    async with session.get(address) as answer:
        assert (await answer.text()).startswith("40{")
    return address, hello


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_open_tells_fractions_of_a_second(transport):
    async with talk(ping_interval=0.3, ping_timeout=0.2) as (_, session, polling, websocket):
        if transport == "polling":
            async with session.get(polling) as answer:
                text = await answer.text()
        else:
            async with session.ws_connect(websocket) as ws:
                text = await ws.receive_str()
    hello = json.loads(text[1:])
    assert (hello["pingInterval"], hello["pingTimeout"]) == (300, 200)
    assert hello["maxPayload"] == 1_000_000


async def test_the_heartbeat_keeps_its_fraction():
    async with talk(ping_interval=0.1, ping_timeout=0.2) as (server, session, _, websocket):
        async with session.ws_connect(websocket) as ws:
            for expected in ("0", "2", "2", "2"):
                text = await asyncio.wait_for(ws.receive_str(), 2)
                assert text[0] == expected
                if expected == "2":
                    await ws.send_str("3")
        await until(lambda: server.network.connected == 0)


@pytest.mark.parametrize(
    ("method", "query", "code"),
    [
        ("GET", "EIO=4", 0),
        ("GET", "EIO=4&transport=abc", 0),
        ("GET", "EIO=abc&transport=polling", 5),
        ("GET", "transport=polling", 5),
        ("POST", "EIO=4&transport=polling", 2),
        ("PUT", "EIO=4&transport=polling", 2),
        ("PUT", "EIO=4&transport=websocket", 2),
    ],
)
async def test_bad_handshakes(method, query, code):
    async with talk() as (server, session, *_):
        async with session.request(method, f"{server.url}/socket.io/?{query}") as answer:
            assert answer.status == 400
            assert (await answer.json())["code"] == code
        assert server.network.connected == 0


async def test_good_ones_pass():
    assert bad_handshake("GET", {"EIO": "4", "transport": "polling"}) is None
    assert bad_handshake("POST", {"EIO": "4", "transport": "polling", "sid": "x"}) is None
    assert bad_handshake("OPTIONS", {}) is None


async def test_an_unknown_session():
    async with talk() as (server, session, polling, websocket):
        async with session.get(f"{polling}&sid=nobody") as answer:
            assert answer.status == 400
        async with session.ws_connect(f"{websocket}&sid=nobody") as ws:
            assert (await ws.receive()).type is aiohttp.WSMsgType.CLOSE
        assert server.sim.stats["connections"] == 0


async def test_a_second_websocket_of_a_session_is_closed_and_the_first_goes_on():
    async with talk() as (_, session, polling, websocket):
        address, hello = await opened(session, polling)
        async with session.ws_connect(f"{websocket}&sid={hello['sid']}") as first:
            await first.send_str("2probe")
            assert await first.receive_str() == "3probe"
            async with session.get(address):  # let go of by the server, to make way
                pass
            await first.send_str("5")
            await first.send_str('421["echo",7]')
            assert (await first.receive_str()) == "431[7]"
            async with session.ws_connect(f"{websocket}&sid={hello['sid']}") as second:
                assert (await second.receive()).type is aiohttp.WSMsgType.CLOSE
            await first.send_str('422["echo",8]')
            assert (await first.receive_str()) == "432[8]"


async def test_two_requests_for_packets_at_once_end_the_session():
    async with talk() as (server, session, polling, _):
        address, _ = await opened(session, polling)

        async def poll(after_s: float) -> tuple[int, str]:
            await asyncio.sleep(after_s)
            async with session.get(address) as answer:
                return answer.status, await answer.text()

        first, second = await asyncio.gather(poll(0), poll(0.05))
        assert first == (200, "1")
        assert second[0] == 400
        await until(lambda: server.network.connected == 0)


async def test_many_packets_in_one_body_all_arrive():
    async with talk() as (server, session, polling, _):
        address, _ = await opened(session, polling)
        body = "\x1e".join(f'42["n",{number}]' for number in range(40))
        async with session.post(address, data=body) as answer:
            assert (answer.status, await answer.text()) == (200, "ok")
        await until(lambda: len(server.sim.history) == 40)
        assert list(server.sim.history.data) == list(range(40))


@pytest.mark.parametrize("frame", ["42{", '42["x",{]', "42[7]", "42", "abc"])
async def test_a_packet_that_cannot_be_read_ends_the_connection(frame):
    async with talk() as (server, session, _, websocket):
        async with session.ws_connect(websocket) as ws:
            await ws.receive_str()
            await ws.send_str("40")
            await ws.receive_str()
            await ws.send_str(frame)
            message = await asyncio.wait_for(ws.receive(), 2)
            assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        await until(lambda: server.network.connected == 0)
        assert server.sim.stats["messages_received"] == 0


async def test_a_client_that_says_goodbye_by_polling_is_let_go():
    async with talk() as (server, session, polling, _):
        address, _ = await opened(session, polling)
        waiting = asyncio.create_task(session.get(address))
        await asyncio.sleep(0.05)
        async with session.post(address, data="1") as answer:
            assert answer.status == 200
        async with await asyncio.wait_for(waiting, 2) as answer:
            assert (answer.status, await answer.text()) == (200, "6")
        await until(lambda: server.network.connected == 0)
