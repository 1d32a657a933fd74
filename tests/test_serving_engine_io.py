"""`wsim serve` behaves as the Engine.IO 4 protocol says, over raw HTTP and WebSocket.

=================  ==========================================  ==================================
part               long-polling                                WebSocket
=================  ==========================================  ==================================
handshake          opens; version, transport and method        opens; version and transport wrong
                   wrong (4)                                   (3)
messages           one packet, several, text and binary;       text, binary; a malformed packet
                   malformed body, two requests at once and    closes (3)
                   a request given up close (6)
heartbeat          goes on when answered, ends when not (2)    the same (2)
good-bye           ends the session and the waiting            ends the socket (1)
                   request (1)
upgrade            works; later requests, and a second WebSocket, of the session are refused (3)
=================  ==========================================  ==================================

These are 25, and some more of what the reference server does. The server answers no bare Engine.IO
message, so that messages are Socket.IO events here, which it acknowledges.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

import aiohttp
import pytest
from protocol_harness import PATIENCE_S, PING_S, UNKNOWN_SID, hear, is_closed, wired
from serving_harness import until

pytestmark = pytest.mark.asyncio
RS = "\x1e"


# -- handshake ---------------------------------------------------------------------------


def check_open(text: str) -> dict[str, object]:
    hello = json.loads(text[1:])
    assert text[0] == "0"
    assert set(hello) == {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}
    assert (hello["pingInterval"], hello["pingTimeout"]) == (200, 300)
    assert hello["maxPayload"] == 1_000_000
    return hello


async def test_polling_opens_a_session():
    async with wired() as wire:
        status, text = await wire.http("GET", "EIO=4&transport=polling")
    assert status == 200
    assert check_open(text)["upgrades"] == ["websocket"]


async def test_websocket_opens_a_session():
    async with wired() as wire, wire.websocket() as ws:
        assert check_open(await hear(ws))["upgrades"] == []


@pytest.mark.parametrize("version", ["", "EIO=abc&", "EIO=3&", "EIO=5&"])
async def test_polling_in_a_wrong_version(version):
    async with wired() as wire:
        status, text = await wire.http("GET", f"{version}transport=polling")
    assert (status, json.loads(text)["code"]) == (400, 5)


@pytest.mark.parametrize("transport", ["", "&transport=abc"])
async def test_polling_by_a_wrong_transport(transport):
    async with wired() as wire:
        status, text = await wire.http("GET", f"EIO=4{transport}")
    assert (status, json.loads(text)["code"]) == (400, 0)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_polling_by_a_wrong_method(method):
    async with wired() as wire:
        status, text = await wire.http(method, "EIO=4&transport=polling")
    assert (status, json.loads(text)["code"]) == (400, 2)


@pytest.mark.parametrize(
    "query",
    ["transport=websocket", "EIO=abc&transport=websocket", "EIO=4", "EIO=4&transport=abc"],
)
async def test_websockets_with_a_wrong_version_or_transport(query):
    async with wired() as wire:
        with contextlib.suppress(aiohttp.WSServerHandshakeError):
            async with wire.session.ws_connect(wire.url(query)) as ws:
                assert await is_closed(ws)
        assert wire.server.sim.stats["messages_received"] == 0


async def test_a_websocket_that_is_none():
    async with wired() as wire:
        status, _ = await wire.http("GET", "EIO=4&transport=websocket")
    assert status == 400


# -- messages ----------------------------------------------------------------------------


async def test_polling_carries_one_packet():
    async with wired() as wire:
        poll = await (await wire.polling()).connect()
        assert await poll.post('421["echo","hello"]') == (200, "ok")
        assert await poll.get() == (200, '431["hello"]')


async def test_polling_carries_several_packets():
    async with wired(ping_interval=25) as wire:
        poll = await (await wire.polling()).connect()
        body = RS.join(f'42{n}["echo",{n}]' for n in range(3))
        assert await poll.post(body) == (200, "ok")
        answers: list[str] = []
        while len(answers) < 3:
            answers += (await poll.get())[1].split(RS)
    assert answers == ["430[0]", "431[1]", "432[2]"]


async def test_polling_carries_text_and_binary_packets():
    async with wired(ping_interval=25) as wire:
        poll = await (await wire.polling()).connect()
        body = RS.join(['451-7["echo",{"_placeholder":true,"num":0}]', "bAQIDBA=="])
        assert await poll.post(body) == (200, "ok")
        answer = (await poll.get())[1].split(RS)
    assert answer == ['461-7[{"_placeholder":true,"num":0}]', "bAQIDBA=="]


@pytest.mark.parametrize("body", ["abc", "b***", "2", "4abc", "bAQID", "42{"])
async def test_a_malformed_body_ends_the_session(body):
    async with wired() as wire:
        poll = await (await wire.polling()).connect()
        assert (await poll.post(body))[0] == 400
        assert await poll.is_over()
        assert wire.server.network.connected == 0


async def test_packets_before_the_malformed_one_count():
    async with wired() as wire:
        poll = await (await wire.polling()).connect()
        assert (await poll.post(RS.join(['42["n",1]', "2", '42["n",2]'])))[0] == 400
        assert await poll.is_over()
        await until(lambda: wire.server.sim.stats["messages_received"] == 2)  # by the network


async def test_two_requests_at_once_end_the_session():
    async with wired(ping_interval=25) as wire:
        poll = await (await wire.polling()).connect()
        first = asyncio.create_task(poll.get())
        await until(lambda: next(iter(wire.server.network.clients[0].transports)).is_asked)
        assert (await poll.get())[0] == 400
        assert await first == (200, "1")
        assert await poll.is_over()


async def test_a_request_that_is_given_up_ends_the_session():
    async with wired(ping_interval=25) as wire:
        poll = await (await wire.polling()).connect()
        waiting = asyncio.create_task(poll.get())
        await until(lambda: next(iter(wire.server.network.clients[0].transports)).is_asked)
        waiting.cancel()
        await until(lambda: wire.server.network.connected == 0)
        assert await poll.is_over()


async def test_websockets_carry_text():
    async with wired() as wire, wire.connected() as ws:
        await ws.send_str('421["echo","hello"]')
        assert await hear(ws) == '431["hello"]'


async def test_websockets_carry_bytes():
    async with wired(ping_interval=25) as wire, wire.connected() as ws:
        await ws.send_str('451-1["echo",{"_placeholder":true,"num":0}]')
        await ws.send_bytes(b"\1\2\3\4")
        assert await hear(ws) == '461-1[{"_placeholder":true,"num":0}]'
        assert await hear(ws) == b"\1\2\3\4"


@pytest.mark.parametrize("frame", ["abc", "", "7", "2", b"\1\2"])
async def test_a_malformed_packet_closes_the_websocket(frame):
    async with wired() as wire, wire.connected() as ws:
        await (ws.send_str(frame) if isinstance(frame, str) else ws.send_bytes(frame))
        assert await is_closed(ws)
        await until(lambda: wire.server.network.connected == 0)


# -- heartbeat ---------------------------------------------------------------------------


async def test_polling_goes_on_while_heartbeats_are_answered():
    async with wired() as wire:
        poll = await (await wire.polling()).connect()
        for _ in range(3):
            assert await poll.get() == (200, "2")
            assert await poll.post("3") == (200, "ok")


async def test_a_polling_client_that_answers_no_heartbeat_is_gone():
    """At the time that was told, though it asks for nothing."""
    async with wired() as wire:
        poll = await (await wire.polling()).connect()
        began = time.monotonic()
        await until(lambda: wire.server.network.connected == 0)
        assert time.monotonic() - began > 0.5 * (PING_S + PATIENCE_S)
        assert await poll.is_over()
        assert wire.server.sim.connected_clients == {}


async def test_a_waiting_request_is_told_that_the_heartbeat_was_not_answered():
    async with wired() as wire:
        poll = await (await wire.polling()).connect()
        assert await poll.get() == (200, "2")
        assert await poll.get() == (200, "1")
        assert await poll.is_over()


async def test_a_websocket_goes_on_while_heartbeats_are_answered():
    async with wired() as wire, wire.connected() as ws:
        for _ in range(3):
            assert await hear(ws, heartbeat=True) == "2"
            await ws.send_str("3")


async def test_a_websocket_without_answers_to_heartbeats_is_closed():
    """However much else it has to say."""
    async with wired() as wire, wire.connected() as ws:
        assert await hear(ws, heartbeat=True) == "2"
        began = time.monotonic()
        while not isinstance(await hear(ws, heartbeat=True), int):
            await ws.send_str('421["echo"]')
        assert time.monotonic() - began < 2
        await until(lambda: wire.server.network.connected == 0)


# -- good-bye ----------------------------------------------------------------------------


async def test_polling_says_goodbye():
    async with wired(ping_interval=25) as wire:
        poll = await (await wire.polling()).connect()
        waiting = asyncio.create_task(poll.get())
        await until(lambda: next(iter(wire.server.network.clients[0].transports)).is_asked)
        assert await poll.post("1") == (200, "ok")
        assert await waiting == (200, "6")
        assert await poll.is_over()
        assert wire.server.network.connected == 0


async def test_a_websocket_says_goodbye():
    async with wired() as wire, wire.connected() as ws:
        await ws.send_str("1")
        assert await is_closed(ws)
        await until(lambda: wire.server.network.connected == 0)


# -- upgrade -----------------------------------------------------------------------------


async def test_polling_upgrades_to_websocket():
    async with wired() as wire:
        poll = await (await wire.polling()).connect()
        async with wire.websocket(f"&sid={poll.sid}") as ws:
            await ws.send_str("2probe")
            assert await hear(ws) == "3probe"
            assert (await poll.get())[1] == "6"
            await ws.send_str("5")
            await ws.send_str('421["echo","hello"]')
            assert await hear(ws) == '431["hello"]'
            for _ in range(2):  # its heartbeat goes on
                assert await hear(ws, heartbeat=True) == "2"
                await ws.send_str("3")
        assert wire.server.sim.stats["connections"] == 1


async def test_requests_of_a_session_that_was_upgraded_are_refused():
    async with wired() as wire:
        poll = await (await wire.polling()).connect()
        async with wire.websocket(f"&sid={poll.sid}") as ws:
            await ws.send_str("2probe")
            assert await hear(ws) == "3probe"
            await ws.send_str("5")
            await ws.send_str('421["echo"]')
            assert await hear(ws) == "431[]"
            for status, text in (await poll.get(), await poll.post('42["x"]')):
                assert (status, json.loads(text)["code"]) == (400, 3)
            await ws.send_str('422["echo"]')
            assert await hear(ws) == "432[]"


@pytest.mark.parametrize("opening", ["polling", "websocket"])
async def test_a_second_websocket_of_a_session_is_closed(opening):
    async with wired() as wire:
        poll = await (await wire.polling()).connect()
        query = f"&sid={poll.sid}"
        async with wire.websocket(query if opening == "polling" else "") as ws:
            if opening == "polling":
                await ws.send_str("2probe")
                assert await hear(ws) == "3probe"
                await ws.send_str("5")
            else:
                query = f"&sid={json.loads((await hear(ws))[1:])['sid']}"
                await ws.send_str("40")
                await hear(ws)
            async with wire.websocket(query) as second:
                assert await is_closed(second)
            await ws.send_str('421["echo"]')
            assert await hear(ws) == "431[]"


@pytest.mark.parametrize("frames", [["40"], ["abc"], ["2probe", "abc"], ["2probe"], []])
async def test_an_upgrade_that_comes_to_nothing_leaves_the_session_as_it_was(frames):
    async with wired(ping_interval=25) as wire:
        poll = await (await wire.polling()).connect()
        async with wire.websocket(f"&sid={poll.sid}") as ws:
            for frame in frames:
                await ws.send_str(frame)
                if frame == "2probe":
                    assert await hear(ws) == "3probe"
        assert await poll.post('421["echo"]') == (200, "ok")
        while (answer := await poll.get()) == (200, "6"):
            """Until the server has noticed that the socket is gone."""
        assert answer[1].split(RS)[-1] == "431[]"


async def test_sessions_that_nobody_knows():
    async with wired() as wire:
        query = "EIO=4&transport=polling&sid=nobody"
        for method in ("GET", "POST"):
            status, text = await wire.http(method, query)
            assert (status, json.loads(text)) == (400, UNKNOWN_SID)
        async with wire.websocket("&sid=nobody") as ws:
            assert await is_closed(ws)
        assert wire.server.network.clients == []
