"""Middleware and proxy: any application, any client, the same fates everywhere."""

from __future__ import annotations

import asyncio
import contextlib
import io
from typing import Any

import aiohttp
import pytest
import socketio
import uvicorn
from fastapi import FastAPI, WebSocket
from serving_harness import (
    conditions,
    echo_server,
    hosted,
    is_turned_away,
    middle,
    proxied,
    until,
)

from wsim import NetworkMiddleware
from wsim.clock import run
from wsim.errors import ConditionsError, UsageError
from wsim.history import History
from wsim.serving.guard import Guard
from wsim.serving.network import Network
from wsim.serving.terms import Bounds
from wsim.serving.upstream import Upstream, checked_url
from wsim.simulator import WebSocketServerSimulator

pytestmark = pytest.mark.asyncio
LOSSY = {"packet_loss_rate": 0.3}


async def connected(url: str, transport: str = "websocket", **options: Any) -> Any:
    client = socketio.AsyncClient(handle_sigint=False, reconnection_delay=0.05)
    await client.connect(url, transports=[transport], **options)
    return client


@pytest.mark.realtime
@pytest.mark.parametrize("transport", ["websocket", "polling"])
@pytest.mark.parametrize("latency_ms", [0, 25, 100])
async def test_round_trips_of_the_python_client(transport, latency_ms, capsys):
    async with middle(conditions(latency_ms)) as (url, served):
        client = await connected(url, transport)
        for number in range(10):
            assert await client.call("echo", {"n": number}) == {"n": number}
        await client.disconnect()
        trips = served.history.frame.round_trip_ms
    excess = trips.median() - 2 * latency_ms
    with capsys.disabled():
        print(f"\n  python {transport} {latency_ms} ms: +{excess:.2f} ms")
    assert 0 <= excess < 12 + 0.1 * latency_ms


async def test_the_server_may_ask_the_client():
    sio = echo_server()
    served = NetworkMiddleware(socketio.ASGIApp(sio), conditions(10))
    async with hosted(served) as url:
        client = await connected(url)
        client.on("ask", lambda data: {"yes": data})
        sid = client.get_sid()
        assert await sio.call("ask", 5, to=sid) == {"yes": 5}
        await client.disconnect()
    (row,) = served.history.rows()
    assert (row["direction"], row["event_name"]) == ("outbound", "ask")
    assert row["round_trip_ms"] >= 20


def in_process(count: int, seed: int) -> list[bool]:
    async def main() -> list[bool]:
        network = conditions(1, **LOSSY)
        sim = WebSocketServerSimulator({"network": network, "seed": seed})
        name = await sim.connect()
        for number in range(count):
            await sim.receive("count", {"n": number}, name)
        return list(sim.history.dropped)

    return run(main())


@pytest.mark.parametrize("place", [middle, proxied])
async def test_the_same_messages_are_lost_as_in_process(place):
    count, seed = 200, 11
    async with place(conditions(1, **LOSSY), seed=seed) as (url, served):
        client = await connected(url)
        for number in range(count):
            await client.emit("count", {"n": number})
        await until(lambda: len(served.history) == count)
        await client.disconnect()
        frame = served.history.frame
    frame = frame.sort_values("sent_s", kind="stable")
    by_number = {row["n"]: lost for row, lost in zip(frame.data, frame.dropped, strict=True)}
    expected = await asyncio.to_thread(in_process, count, seed)
    assert [by_number[number] for number in range(count)] == expected
    assert sum(expected) == pytest.approx(60, abs=25)


async def test_changing_one_client_does_not_move_another():
    async with middle(conditions(1, **LOSSY), seed=4) as (url, served):
        first, second = await connected(url), await connected(url)
        for number in range(50):
            await first.emit("count", number)
            await second.emit("count", number)
        await until(lambda: len(served.history) == 100)
        await first.disconnect()
        await second.disconnect()
        frame = served.history.frame
    lost = {name: set(part.data[part.dropped]) for name, part in frame.groupby("client_id")}
    assert len(lost) == 2
    assert lost["client-1"] != lost["client-2"]


# -- other applications ------------------------------------------------------------------


def fastapi_app() -> FastAPI:
    app = FastAPI()

    @app.get("/hello")
    async def hello() -> dict[str, str]:
        return {"hello": "world"}

    @app.websocket("/ws")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text.upper())

    return app


async def test_plain_websockets_pass_undecoded_message_by_message():
    served = NetworkMiddleware(fastapi_app(), conditions(5))
    async with hosted(served) as url, aiohttp.ClientSession() as session:
        async with session.get(f"{url}/hello") as answer:
            assert await answer.json() == {"hello": "world"}
        async with session.ws_connect(f"{url}/ws") as ws:
            for text in ("one", "42", ""):
                await ws.send_str(text)
                assert await ws.receive_str() == text.upper()
    frame = served.history.frame
    assert list(frame.data) == ["one", "ONE", "42", "42", "", ""]
    assert list(frame.latency_ms) == [5] * 6
    assert set(frame.event_name) == {"message"}


async def test_under_another_asgi_server():
    served = NetworkMiddleware(socketio.ASGIApp(echo_server()), conditions(10))
    server = uvicorn.Server(uvicorn.Config(served, port=0, log_level="error"))
    server.capture_signals = contextlib.nullcontext
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    client = await connected(f"http://127.0.0.1:{port}")
    assert await client.call("echo", b"\1\2") == b"\1\2"
    client_lost = asyncio.Event()
    client.on("disconnect", lambda *_: client_lost.set())
    served.network.clients[0].abort()
    await asyncio.wait_for(client_lost.wait(), 2)
    await until(lambda: client.connected)
    await client.disconnect()
    server.should_exit = True
    await task
    assert list(served.history.frame.latency_ms) == [10]


async def test_a_history_of_ones_own():
    mine = History(5, run="mine")
    served = NetworkMiddleware(socketio.ASGIApp(echo_server()), "perfect", history=mine)
    async with hosted(served) as url:
        client = await connected(url)
        for number in range(8):
            await client.call("echo", number)
        await client.disconnect()
    assert served.history is mine
    assert list(mine.frame.data) == [3, 4, 5, 6, 7]
    assert mine.evicted == 3


async def test_conditions_that_are_none():
    with pytest.raises(ConditionsError, match="no profile"):
        NetworkMiddleware(None, 7)
    with pytest.raises(ConditionsError, match="heartbeat"):
        NetworkMiddleware(None, "mars")


# -- the way to somebody else's server ---------------------------------------------------


async def test_a_server_that_is_not_there():
    upstream = Upstream("http://127.0.0.1:9")
    async with hosted(NetworkMiddleware(upstream, "perfect")) as url:
        async with aiohttp.ClientSession() as session, session.get(f"{url}/x") as answer:
            assert answer.status == 502
            assert "cannot be reached" in await answer.text()
        assert await is_turned_away(url, transports=["websocket"])
    await upstream.close()


async def test_headers_cookies_and_paths_reach_the_server():
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(path=scope["raw_path"], query=scope["query_string"], headers=scope["headers"])
        headers = [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"x-is", b"here")]
        await send({"type": "http.response.start", "status": 307, "headers": headers})
        await send({"type": "http.response.body", "body": b"moved"})

    async with hosted(app) as there:
        upstream = Upstream(f"{there}/base")
        async with hosted(NetworkMiddleware(upstream, "perfect")) as url:
            async with aiohttp.ClientSession(headers={"X-Mine": "1", "Cookie": "c=3"}) as session:
                request = session.post(f"{url}/a%2Fb?q=%20x", data=b"hi", allow_redirects=False)
                async with request as answer:
                    assert answer.status == 307
                    assert answer.headers.getall("set-cookie") == ["a=1", "b=2"]
        await upstream.close()
    assert seen["path"] == b"/base/a%2Fb"
    assert seen["query"] == b"q=%20x"
    assert (b"x-mine", b"1") in seen["headers"]
    assert (b"cookie", b"c=3") in seen["headers"]


@pytest.mark.parametrize("address", ["", "ftp://x", "127.0.0.1:5000", "http://", 7])
async def test_addresses_that_are_none(address):
    with pytest.raises(UsageError, match="upstream="):
        checked_url(address)


# -- floods ------------------------------------------------------------------------------


def bounded(**bounds: Any) -> tuple[Any, NetworkMiddleware]:
    network = Network(conditions(0), bounds=Bounds(**bounds))
    sio = echo_server(max_http_buffer_size=10_000_000)
    return sio, NetworkMiddleware(socketio.ASGIApp(sio), None, network=network)


async def test_a_slow_reader_costs_no_more_than_its_bound():
    sio, served = bounded(max_queue_bytes=2_000_000)
    async with hosted(served) as url, aiohttp.ClientSession() as session:
        address = f"{url}/socket.io/?EIO=4&transport=websocket"
        async with session.ws_connect(address, max_msg_size=0) as ws:
            await ws.receive_str()
            await ws.send_str("40")
            await ws.receive_str()
            for _ in range(400):  # nobody reads these 40 MB
                await sio.emit("picture", b"x" * 100_000)
            await until(lambda: served.history.recorded == 400)
            causes = served.history.frame.cause.value_counts()
            waiting = [t._to_client.backlog_bytes for t in served.network.clients[0].transports]
    assert causes["overflow"] > 200
    assert max(waiting) <= 2_000_000


async def test_floods_of_attachments_and_bombs_end_the_connection():
    _, served = bounded()
    bombs = (
        ['451000-["x"]'],
        ['452-["x",{"_placeholder":true,"num":0}]', b"x" * 600_000, b"x" * 600_000],
        ['42["' + "x" * 1_000_001 + '"]'],
        ["9"],
    )
    async with hosted(served) as url, aiohttp.ClientSession() as session:
        for bomb in bombs:
            async with session.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket") as ws:
                await ws.receive_str()
                for frame in bomb:
                    await (ws.send_str(frame) if isinstance(frame, str) else ws.send_bytes(frame))
                while (message := await ws.receive()).type is aiohttp.WSMsgType.TEXT:
                    pass
                assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    assert served.history.recorded == 0


async def test_a_body_that_is_too_large():
    _, served = bounded()
    async with hosted(served) as url, aiohttp.ClientSession() as session:
        address = f"{url}/socket.io/?EIO=4&transport=polling&sid=x"
        async with session.post(address, data=io.BytesIO(b"4" * 1_500_000)) as answer:
            assert answer.status == 413


async def test_whoever_never_says_connect_is_shown_out():
    network = Network(conditions(0), bounds=Bounds(connect_timeout_s=0.1))
    served = NetworkMiddleware(socketio.ASGIApp(echo_server()), None, network=network)
    async with hosted(served) as url, aiohttp.ClientSession() as session:
        async with session.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket") as ws:
            await ws.receive_str()
            message = await asyncio.wait_for(ws.receive(), 2)
            assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        await until(lambda: network.connected == 0)


# -- who may talk ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:5000"}, 200),
        ({"Host": "evil.example:5000"}, 403),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Origin": "http://127.0.0.1:8080"}, 200),
        ({"Origin": "https://[::1]:3000"}, 200),
        ({"Origin": "https://console.example"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "file://localhost"}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 403),
    ],
)
async def test_hosts_and_origins(headers, status):
    app = socketio.ASGIApp(echo_server())
    guarded = Guard(app, allow_origin=["https://console.example/"])
    async with hosted(guarded) as url, aiohttp.ClientSession() as session:
        async with session.get(
            f"{url}/socket.io/?EIO=4&transport=polling", headers=headers
        ) as answer:
            assert answer.status == status
        if status == 403:
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(
                    f"{url}/socket.io/?EIO=4&transport=websocket", headers=headers
                )


async def test_a_token_at_the_gate():
    guarded = Guard(socketio.ASGIApp(echo_server()), token="s3cret")
    async with hosted(guarded) as url, aiohttp.ClientSession() as session:
        address = f"{url}/socket.io/?EIO=4&transport=polling"
        for extra, headers, status in (
            ("", {}, 403),
            ("&token=wrong", {}, 403),
            ("&token=s3cret", {}, 200),
            ("", {"Authorization": "Bearer s3cret"}, 200),
        ):
            async with session.get(address + extra, headers=headers) as answer:
                assert answer.status == status
