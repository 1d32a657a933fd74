"""`wsim serve` behaves as the Socket.IO 5 protocol says, over raw HTTP and WebSocket.

==============  =====================================================================  =====
part            behaviour                                                              tests
==============  =====================================================================  =====
Engine.IO       handshake (7), heartbeat (4), good-bye (2), upgrade (3): they are in
                ``test_serving_engine_io.py``                                          16
connect         the main namespace, another one, each with a payload; an unknown
                namespace; a malformed packet; no CONNECT in time                      7
disconnect      from the main namespace; from one of two                               2
messages        text, attachments, each with and without acknowledgement; unknown
                type, payload, and acknowledgement id malformed                        7
==============  =====================================================================  =====

These are 32, and some more of what the reference server does.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from protocol_harness import Wire, hear, impatient, is_closed, wired
from serving_harness import until

from wsim.errors import UsageError
from wsim.serving.endpoint import Server
from wsim.simulator import WebSocketServerSimulator

pytestmark = pytest.mark.asyncio
CUSTOM = {"namespaces": ["/custom"]}


async def answer_to(wire: Wire, *frames: str) -> Any:
    """Send packets over a WebSocket of its own; return the answer to the last."""
    async with wire.websocket() as ws:
        await hear(ws)
        for frame in frames:
            await ws.send_str(frame)
            said = await hear(ws)
        return said


# -- connect -----------------------------------------------------------------------------


@pytest.mark.parametrize("payload", ["", '{"token":"123"}'])
@pytest.mark.parametrize("namespace", ["", "/custom,"])
async def test_connecting_to_a_namespace(namespace, payload):
    """The main one (two tests) and another one (two), with and without a payload."""
    async with wired(**CUSTOM) as wire:
        said = await answer_to(wire, f"40{namespace}{payload}")
    assert said.startswith(f"40{namespace}{{")
    assert set(json.loads(said[2 + len(namespace) :])) == {"sid"}


@pytest.mark.parametrize("token", ['{"token":"123"}', '{"token":"321"}', ""])
async def test_the_payload_is_what_the_server_asks_for(token):
    async with wired(token="123") as wire:
        said = await answer_to(wire, f"40{token}")
    assert said.startswith('40{"sid":' if "123" in token else '44{"message":')


@pytest.mark.parametrize("namespace", ["/random", "/custom2", "/custom/x"])
async def test_an_unknown_namespace_is_refused_with_an_object(namespace):
    async with wired(**CUSTOM) as wire, wire.connected() as ws:
        await ws.send_str(f"40{namespace},")
        assert await hear(ws) == f'44{namespace},{{"message":"Invalid namespace"}}'
        await ws.send_str('421["echo"]')  # the others go on
        assert await hear(ws) == "431[]"


async def test_any_namespace_where_the_server_allows_it():
    async with wired(namespaces=["*"]) as wire:
        assert (await answer_to(wire, "40/random,")).startswith("40/random,{")


async def test_polling_gets_the_same_answer():
    async with wired() as wire:
        poll = await wire.polling()
        assert await poll.post("40/random,") == (200, "ok")
        assert await poll.get() == (200, '44/random,{"message":"Invalid namespace"}')


async def test_namespaces_begin_with_a_slash():
    with pytest.raises(UsageError, match="'/custom'"):
        Server(WebSocketServerSimulator(), port=0, namespaces=["custom"])


@pytest.mark.parametrize("frame", ["4abc", "40[]", "40{", "40/custom,7", "40abc"])
async def test_a_malformed_connect_closes(frame):
    async with wired(**CUSTOM) as wire, wire.websocket() as ws:
        await hear(ws)
        await ws.send_str(frame)
        assert await is_closed(ws)
        await until(lambda: wire.server.network.connected == 0)


@pytest.mark.parametrize("frame", ['42["x"]', "41", '43["x"]'])
async def test_nothing_may_come_before_connect(frame):
    async with wired() as wire, wire.websocket() as ws:
        await hear(ws)
        await ws.send_str(frame)
        assert await is_closed(ws)


async def test_connecting_twice_closes():
    async with wired() as wire, wire.connected() as ws:
        await ws.send_str("40")
        assert await is_closed(ws)


@pytest.mark.parametrize("connect", ["", "40/random,"])
async def test_without_a_namespace_in_time_the_connection_is_closed(connect):
    async with wired(bounds=impatient(0.2)) as wire, wire.websocket() as ws:
        await hear(ws)
        if connect:
            await ws.send_str(connect)
            assert (await hear(ws)).startswith("44")
        assert await is_closed(ws)
        await until(lambda: wire.server.network.connected == 0)


async def test_polling_without_a_namespace_in_time_ends():
    async with wired(bounds=impatient(0.2), ping_interval=25) as wire:
        poll = await wire.polling()
        assert (await poll.get())[0] == 400
        assert await poll.is_over()


async def test_with_a_namespace_in_time_it_stays():
    async with wired(bounds=impatient(0.2), ping_interval=25) as wire, wire.connected() as ws:
        poll = await (await wire.polling()).connect()
        with pytest.raises(TimeoutError):
            await ws.receive(timeout=0.5)
        assert await poll.post('421["echo"]') == (200, "ok")
        assert await poll.get() == (200, "431[]")


# -- disconnect --------------------------------------------------------------------------


async def test_disconnecting_from_the_main_namespace():
    async with wired() as wire, wire.connected() as ws:
        await ws.send_str("41")
        assert await hear(ws, heartbeat=True) == "2"  # the connection itself goes on
        await ws.send_str("3")
        await ws.send_str("40")
        assert (await hear(ws)).startswith('40{"sid"')


async def test_disconnecting_from_one_of_two_namespaces():
    async with wired(**CUSTOM) as wire, wire.connected() as ws:
        await ws.send_str("40/custom,")
        assert (await hear(ws)).startswith("40/custom,{")
        await ws.send_str("41/custom,")
        await ws.send_str('42["message","to the main namespace"]')
        assert await hear(ws) == '42["message-back","to the main namespace"]'
        await ws.send_str('42/custom,["message"]')
        assert await is_closed(ws)


# -- messages ----------------------------------------------------------------------------


async def test_a_text_message():
    async with wired() as wire, wire.connected() as ws:
        await ws.send_str('42["message",["c",{"d":[null,1]}]]')
        assert await hear(ws) == '42["message-back",["c",{"d":[null,1]}]]'


async def test_a_message_with_attachments():
    async with wired() as wire, wire.connected() as ws:
        holes = '[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
        await ws.send_str(f'452-["message",{holes}]')
        await ws.send_bytes(b"\1\2\3")
        await ws.send_bytes(b"\4\5\6")
        assert await hear(ws) == f'452-["message-back",{holes}]'
        assert [await hear(ws), await hear(ws)] == [b"\1\2\3", b"\4\5\6"]


async def test_a_text_message_is_acknowledged():
    async with wired(**CUSTOM) as wire, wire.connected() as ws:
        await ws.send_str('42456["echo",["3",[false]]]')
        assert await hear(ws) == '43456[["3",[false]]]'
        await ws.send_str("40/custom,")
        await hear(ws)
        await ws.send_str('42/custom,7["echo",1]')
        assert await hear(ws) == "43/custom,7[1]"


async def test_a_message_with_attachments_is_acknowledged():
    async with wired() as wire, wire.connected() as ws:
        await ws.send_str('451-789["echo",{"_placeholder":true,"num":0}]')
        await ws.send_bytes(b"\1\2\3")
        assert await hear(ws) == '461-789[{"_placeholder":true,"num":0}]'
        assert await hear(ws) == b"\1\2\3"


@pytest.mark.parametrize(
    "frame",
    [
        "4abc", "49", "44", "42{}", "42", '42"x"', '42abc["echo",1]', '42["echo"', "42[]",
        "42[null]", '42["connect",{}]', '42["disconnect"]', '42["newListener"]', "43{}", "431",
        '45["x"]', '452-["x",{"_placeholder":true,"num":7}]',
    ],
)  # fmt: skip
async def test_a_malformed_message_closes(frame):
    """Of an unknown type, with a payload or an acknowledgement id that is none, reserved names."""
    async with wired() as wire, wire.connected() as ws:
        await ws.send_str(frame)
        if frame.startswith("452-"):
            await ws.send_bytes(b"1")
            await ws.send_bytes(b"2")
        assert await is_closed(ws)
        await until(lambda: wire.server.network.connected == 0)
        assert wire.server.sim.stats["messages_received"] == 0
        assert set(wire.server.sim.history.fate) <= {"refused"}


async def test_text_between_attachments_closes():
    async with wired() as wire, wire.connected() as ws:
        await ws.send_str('451-["x",{"_placeholder":true,"num":0}]')
        await ws.send_str('42["x"]')
        assert await is_closed(ws)
