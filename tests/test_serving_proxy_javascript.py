"""The proxy in front of servers of another language: npm's socket.io and ws, as they come."""

from __future__ import annotations

import asyncio
import contextlib
import re

import aiohttp
import pytest
import socketio
from js_harness import WAYS, js_server, needs_js_server
from serving_harness import conditions, until

from wsim.serving.proxy import Proxy

pytestmark = [*needs_js_server, pytest.mark.asyncio]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@contextlib.asynccontextmanager
async def proxied(setting, kind="socket.io", seed=0, **options):
    async with js_server(kind, **options) as url:
        async with Proxy(url, setting, port=0, seed=seed) as proxy:
            yield proxy


SCRIPT = [  # what is sent, and how many frames come back
    ([], 1),
    (["40"], 2),
    (["40/custom,"], 2),
    (['40/closed,{"token":"x"}'], 1),
    (['42["an event",{"ü":"€"}]'], 1),
    (['427["ask",[1,2],"x"]'], 1),
    (['42/custom,8["with spaces in it"]'], 1),
    (['451-9["blob",{"b":{"_placeholder":true,"num":0}}]', b"\x00\xff"], 2),
    (['452-["two",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', b"a", b""], 3),
    (["41/custom,", "42{bad"], 1),  # the server gives up
]


async def frames_of(url):
    """Play the script over a bare WebSocket and return all that is answered, ids blotted out."""
    heard = []
    async with aiohttp.ClientSession() as session:
        address = f"{url}/socket.io/?EIO=4&transport=websocket"
        async with session.ws_connect(address) as ws:
            for frames, count in SCRIPT:
                for frame in frames:
                    await (ws.send_bytes(frame) if isinstance(frame, bytes) else ws.send_str(frame))
                heard += [(await ws.receive(5)).data for _ in range(count)]
    return [re.sub(r'"sid":"[^"]*"', "", x) if isinstance(x, str) else x for x in heard]


async def test_frames_are_the_same_with_and_without_the_proxy():
    async with js_server() as direct:
        expected = await frames_of(direct)
        async with Proxy(direct, conditions(10, jitter_ms=2), port=0) as proxy:
            found = await frames_of(proxy.url)
    assert found[:-1] == expected[:-1]
    assert len(expected) == 15
    assert (expected[-1], found[-1]) == (0, 1000)  # closed without a code, which aiohttp cannot
    assert b"\x00\xff" in expected


@pytest.mark.parametrize("transport", list(WAYS))
async def test_acks_namespaces_names_and_attachments(js, transport):
    async with proxied(conditions(5)) as proxy:
        await js.connect(proxy.url + "/custom", transports=WAYS[transport], auth={"who": "me"})
        greeting = (await js.hear("event", event="greeting"))["args"][0]
        assert greeting == {"namespace": "/custom", "auth": {"who": "me"}}
        for args in (
            [],
            [1],
            ["a", [2, None]],
            [{"bytes": 3}],
            [{"ü": "€", "deep": [{"bytes": 9}]}],
        ):
            js.tell("ask", event="an event with spaces", args=args)
            assert (await js.hear("asked"))["answer"] == (args[0] if args else None)
        js.tell("ask", event="ask me", args=[{"n": 7}])  # the server asks back, four crossings
        asked = await js.hear("asked")
        js.tell("burst", event="echo", count=200, bytes=300)
        told = await js.hear("burst", timeout=20)
        frame = proxy.history.frame
    assert asked["answer"] == {"n": 7}
    assert asked["median_ms"] >= 20
    assert told == {"what": "burst", "answered": 200, "inversions": 0}
    assert set(frame.namespace) == {"/custom"}
    assert set(frame.fate) == {"delivered"}
    assert set(frame.event_name) == {
        "greeting", "an event with spaces", "ask me", "question", "echo"
    }  # fmt: skip
    asks = frame[frame.ack_id >= 0]
    assert asks.round_trip_ms.notna().all()
    assert asks.round_trip_ms.min() >= 10


async def test_polling_first_and_upgrading(js):
    async with proxied(conditions(3)) as proxy:
        assert await js.upgrade(proxy.url) == ("polling", "websocket")
        js.tell("ask", event="echo", args=["x"], count=3)
        assert (await js.hear("asked"))["answer"] == "x"
        assert set(proxy.history.frame.client_id) == {"client-1"}


async def test_a_namespace_that_is_closed_says_why(js):
    async with proxied(conditions(3)) as proxy:
        js.tell("connect", url=proxy.url + "/closed", options={"transports": ["websocket"]})
        assert (await js.hear("connect_error"))["message"] == "members only"
        js.tell("disconnect")
        js.tell("connect", url=proxy.url + "/unknown", options={"transports": ["websocket"]})
        assert (await js.hear("connect_error"))["message"] == "Invalid namespace"


@pytest.mark.parametrize(
    ("how", "transport", "reason"),
    [
        ("close", "websocket", "transport close"),
        ("reset", "websocket", "transport close"),
        ("garbage", "websocket", "parse error"),
        ("close", "polling", "transport error"),
    ],
)
async def test_failures_after_which_the_client_comes_back(js, how, transport, reason):
    async with proxied(conditions(1)) as proxy:
        await js.connect(proxy.url, transports=WAYS[transport])
        js.tell("ask", event="echo")
        await js.hear("asked")
        assert proxy.fail(how) == ["client-1"]
        assert (await js.hear("disconnect"))["reason"] == reason
        await js.hear("connect", connects=2)
        js.tell("ask", event="echo")
        await js.hear("asked", answered=1)
        assert set(proxy.history.frame.session) == {1, 2}


async def test_goodbyes_of_the_proxy_and_of_the_server_itself(js):
    async with proxied(conditions(1)) as proxy:
        await js.connect(proxy.url, transports=["websocket"])
        proxy.fail("server")
        assert (await js.hear("disconnect"))["reason"] == "io server disconnect"
        await js.connect(proxy.url, transports=["websocket"])
        js.tell("emit", event="drop me")
        assert (await js.hear("disconnect"))["reason"] == "io server disconnect"
        await until(lambda: proxy.network.connected == 0)


async def test_refused_for_a_while(js):
    async with proxied(conditions(1)) as proxy:
        await js.connect(proxy.url, transports=["websocket"])
        proxy.fail("refuse", duration_s=0.5)
        assert (await js.hear("disconnect"))["reason"] == "transport close"
        assert (await js.hear("connect_error"))["message"] == "websocket error"
        await js.hear("connect", connects=2)


@pytest.mark.realtime
async def test_heartbeats_of_the_server_are_swallowed_by_a_black_hole(js):
    async with proxied(conditions(1), pingInterval=400, pingTimeout=300) as proxy:
        await js.connect(proxy.url, transports=["websocket"], timeout=500)
        await asyncio.sleep(1.2)  # three heartbeats get through
        assert not [entry for entry in js.log if entry["what"] == "disconnect"]
        proxy.fail("blackhole", duration_s=1.5)
        assert (await js.hear("disconnect"))["reason"] == "ping timeout"
        await js.hear("connect", connects=2)


async def test_loss_and_live_conditions(js):
    async with proxied(conditions(1, packet_loss_rate=0.1), seed=5) as proxy:
        await js.connect(proxy.url, transports=["websocket"])
        js.tell("burst", event="echo", count=400, timeout=1500)
        answered = (await js.hear("burst", timeout=20))["answered"]
        assert abs(answered - 324) < 4 * (400 * 0.81 * 0.19) ** 0.5
        proxy.set(packet_loss_rate=0, latency_ms=60)
        js.tell("ask", event="echo", count=3)
        asked = await js.hear("asked")
        assert asked["answered"] == 3
        assert asked["median_ms"] >= 120
        changes = proxy.history.changes
    assert changes[-1]["conditions"]["latency_ms"] == 60


async def test_pythons_client_by_polling_and_upgrade():
    async with proxied(conditions(3)) as proxy:
        client = socketio.AsyncClient(handle_sigint=False)
        await client.connect(proxy.url, namespaces=["/", "/custom"])
        await until(lambda: client.transport() == "websocket")
        assert await client.call("an event", ("a", b"b"), namespace="/custom") == ("a", b"b")
        assert await client.call("echo", {"n": 1}) == {"n": 1}
        await client.disconnect()


# -- plain WebSockets ------------------------------------------------------------------------


async def test_a_plain_websocket_server_message_by_message():
    async with proxied(conditions(10), "ws") as proxy, aiohttp.ClientSession() as session:
        async with session.ws_connect(f"{proxy.url}/any/path?x=1", protocols=["a", "b"]) as ws:
            assert ws.protocol == "b"
            for frame in ("text", "", '42["looks like socket.io"]', "ü" * 1000):
                await ws.send_str(frame)
                assert await ws.receive_str() == frame
            for data in (b"", b"\x00\xff", bytes(100_000)):
                await ws.send_bytes(data)
                assert await ws.receive_bytes() == data
            await ws.send_str("close me")
            closing = await ws.receive()
            assert (closing.type, ws.close_code) == (aiohttp.WSMsgType.CLOSE, 4001)
        async with session.get(f"{proxy.url}/") as page:  # and what is no WebSocket at all
            assert await page.text() == "plain"
        frame = proxy.history.frame
    assert list(frame.direction.value_counts()) == [8, 7]
    assert set(frame.event_name) == {"message"}
    assert set(frame.namespace) == {""}
    assert (frame.latency_ms == 10).all()


async def test_loss_and_faults_of_a_plain_websocket():
    lossy = conditions(1, packet_loss_rate=0.2)
    async with proxied(lossy, "ws", seed=3) as proxy, aiohttp.ClientSession() as session:
        async with session.ws_connect(proxy.url) as ws:
            for number in range(200):
                await ws.send_str(str(number))
            await until(lambda: proxy.history.recorded >= 200 and proxy_is_idle(proxy))
            frame = proxy.history.frame
            back = [int((await ws.receive()).data) for _ in range(arrived(frame, "outbound"))]
            assert back == sorted(back)
            assert len(back) < arrived(frame, "inbound") < 190
            proxy.fail("close")
            assert (await ws.receive()).type in (
                aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR,
            )  # fmt: skip
        proxy.set(packet_loss_rate=0)
        async with session.ws_connect(proxy.url) as ws:
            await ws.send_str("drop me")  # the server goes without a word, and so it looks
            assert (await ws.receive()).type is aiohttp.WSMsgType.CLOSED
            assert ws.close_code == 1006


def proxy_is_idle(proxy):
    return all(client.door.in_flight == 0 for client in proxy.network.clients)


def arrived(frame, direction):
    return int(((frame.direction == direction) & (frame.fate == "delivered")).sum())
