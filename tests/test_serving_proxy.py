"""The proxy of messages: what it says of servers that are not there, and how it starts."""

from __future__ import annotations

import aiohttp
import pytest
from serving_harness import conditions, hosted, is_turned_away

from wsim.errors import FormatError
from wsim.serving.control import running
from wsim.serving.proxy import Proxy

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


async def test_what_cannot_start_leaves_nothing_behind(tmp_path):
    proxy = Proxy("http://127.0.0.1:9", "perfect", port=0, record=tmp_path)
    with pytest.raises(FormatError, match="cannot record"):
        await proxy.start()
    assert running() == []
    again = Proxy("http://127.0.0.1:9", "perfect", port=proxy.port)  # the port is free
    async with again:
        assert again.port == proxy.port


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_server_that_is_not_there_is_noted_with_the_reason(transport):
    async with Proxy("http://127.0.0.1:9", conditions(1), port=0) as proxy:
        assert await is_turned_away(proxy.url, transports=[transport])
        notes = [note for note in proxy.history.connections if note["state"] == "unreachable"]
        assert "Connect call failed" in notes[0]["cause"]
        assert "Connect call failed" in proxy.trouble


@pytest.mark.parametrize(("code", "address"), [(401, "private"), (404, "nowhere")])
async def test_a_handshake_is_refused_with_the_servers_own_status(code, address):
    async def refuses(scope, receive, send):
        await receive()
        status = 401 if scope["path"] == "/private" else 404
        await send({"type": "websocket.http.response.start", "status": status, "headers": []})

    async with hosted(refuses) as url, Proxy(url, conditions(1), port=0) as proxy:
        async with aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(f"{proxy.url}/{address}")
        assert refused.value.status == code
        assert proxy.trouble == f"it answers {code} to a WebSocket handshake"


async def test_a_server_that_is_not_there_is_a_bad_gateway():
    async with Proxy("http://127.0.0.1:9", conditions(1), port=0) as proxy:
        async with aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(proxy.url)
            assert refused.value.status == 502
            async with http.get(proxy.url) as answer:
                assert answer.status == 502
                assert "cannot be reached" in await answer.text()
