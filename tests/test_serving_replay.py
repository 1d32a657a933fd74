"""Replaying a recording as real clients: on time, by name, and with the outcome recorded."""

from __future__ import annotations

import asyncio
import contextlib
import re

import aiohttp
import pytest
import socketio
from js_harness import js_server, needs_js_server
from serving_harness import CLEAN, conditions, echo_server, hosted, until

from wsim.cli import main
from wsim.errors import ColumnsError, UsageError
from wsim.formats import load, save
from wsim.history import History
from wsim.serving.host import Host
from wsim.serving.proxy import Proxy
from wsim.serving.replay import replay
from wsim.sessions import shipped

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Nobody answers late here: there is no need to wait for it."""
    monkeypatch.setattr("wsim.serving.replay._DRAIN_S", 0.1)


def session(namespace="/", last=20):
    history = History()
    for number in range(last):
        at = 5_000_000_000 + number * 20_000_000
        name = ("alice", "bob")[number % 2]
        history.append(
            at, at, at, "inbound", "driveCommands", name, data={"n": number}, namespace=namespace
        )
        history.append(at, at, at, "outbound", "systemStatus", name, data={})
    history.append(at, at, at, "inbound", "homingRequest", "bob", ack_id=3, namespace=namespace)
    return history.frame


def numbers(frame):
    return [data["n"] for data in frame[frame.event_name == "driveCommands"].data]


async def test_every_client_plays_its_part_on_time(tmp_path):
    path = tmp_path / "outcome.jsonl"
    async with hosted(socketio.ASGIApp(echo_server())) as url:
        outcome = await replay(session(), url, conditions(15), record=path)
    commands = outcome[outcome.event_name == "driveCommands"].sort_values("created_s")
    assert numbers(commands) == list(range(20))
    assert list(commands.client_id) == ["alice", "bob"] * 10
    gaps = commands.created_s.diff().dropna()
    assert gaps.to_list() == pytest.approx([0.02] * 19)
    assert (commands.latency_ms >= 15).all()
    assert (commands.sent_s >= commands.created_s).all()
    (asked,) = outcome[outcome.event_name == "homingRequest"].round_trip_ms
    assert asked >= 30
    assert len(load(path)) == len(outcome)


async def test_faster_than_it_was_and_lossy_by_the_seed():
    lossy = conditions(1, packet_loss_rate=0.4)
    async with hosted(socketio.ASGIApp(echo_server())) as url:
        outcomes = [await replay(session(), url, lossy, seed=3, speed=10) for _ in range(2)]
    lost = [
        {data["n"] for data in frame[frame.dropped & (frame.event_name == "driveCommands")].data}
        for frame in outcomes
    ]
    assert lost[0] == lost[1]
    assert 2 <= len(lost[0]) <= 15
    assert max(frame.created_s.max() - frame.created_s.min() for frame in outcomes) < 0.2


def schedule(frame):
    """Return when inbound messages were meant to be sent, in ms from the first."""
    inbound = frame[(frame.direction == "inbound") & (frame["copy"] == 0)]
    times = sorted((inbound.created_s - inbound.created_s.min()) * 1000)
    return [round(time, 3) for time in times]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_ten_seconds_of_the_shipped_session(seed):
    """Every message is accounted for at its own time, though the connection is cut again and again.

    With seed 1 messages are handed to a socket that the network has cut a moment before.
    """
    frame = load(shipped())
    frame = frame[frame.created_s < 10]
    async with hosted(socketio.ASGIApp(echo_server())) as url:
        outcome = await replay(frame, url, "stressed", seed=seed, speed=4)
    assert schedule(outcome) == pytest.approx([time / 4 for time in schedule(frame)], abs=0.01)
    sent = outcome[outcome.direction == "inbound"]
    assert len(sent) == (frame.direction == "inbound").sum()
    assert {"disconnected", "not_connected"} <= set(sent.cause)


async def test_what_was_handed_to_a_dead_connection_is_lost_with_it(monkeypatch):
    """A client library that never notices: what it is told from then on goes nowhere."""
    frame = session(last=14)
    frame = frame[frame.event_name == "driveCommands"]
    emit = socketio.AsyncClient.emit

    async def deaf(self, event, data=None, *args, **options):
        if data[0]["n"] >= 6:
            return
        await emit(self, event, data, *args, **options)

    monkeypatch.setattr(socketio.AsyncClient, "emit", deaf)
    async with hosted(socketio.ASGIApp(echo_server())) as url:
        outcome = await replay(frame, url, conditions(1), speed=2)
    lost = outcome[outcome.dropped]
    assert sorted(numbers(lost)) == list(range(6, 14))
    assert set(lost.cause) == {"disconnected"}
    assert schedule(outcome) == pytest.approx(list(range(0, 140, 10)), abs=0.01)


async def test_what_takes_long_is_waited_for():
    """Much longer than answers are waited for: a bottleneck lets out two messages a second."""
    slow = conditions(1, bandwidth_mbps=0.0008)
    async with hosted(socketio.ASGIApp(echo_server())) as url:
        outcome = await replay(session(last=5), url, slow, speed=10)
    assert numbers(outcome) == list(range(5))
    assert set(outcome.fate) == {"delivered"}
    assert outcome.latency_ms.max() > 700


# -- foreign servers -------------------------------------------------------------------------


def python_server():
    sio = echo_server(namespaces=["/custom"])
    sio.on("*", lambda event, sid, data=None: data, namespace="/custom")
    return hosted(socketio.ASGIApp(sio))


@pytest.mark.parametrize("place", [python_server, pytest.param(js_server, marks=needs_js_server)])
async def test_in_the_namespace_of_the_recording(place):
    async with place() as url:
        outcome = await replay(session("/custom"), url, conditions(5, jitter_ms=2), speed=2)
    inbound = outcome[outcome.direction == "inbound"]
    assert sorted(numbers(inbound)) == list(range(20))
    assert set(inbound.namespace) == {"/custom"}
    assert set(inbound.client_id) == {"alice", "bob"}
    assert set(inbound.fate) == {"delivered"}
    (asked,) = outcome[outcome.event_name == "homingRequest"].round_trip_ms
    assert asked >= 5
    if place is js_server:  # it tells each command back
        back = outcome[outcome.event_name == "back"]
        assert sorted(data[1]["n"] for data in back.data) == list(range(20))


async def test_a_slow_network_is_no_reason_to_give_up():
    """python-socketio waits a second for its namespace, and the network alone takes longer."""
    async with hosted(socketio.ASGIApp(echo_server())) as url:
        outcome = await replay(session(last=4), url, conditions(600), speed=10)
    assert (outcome.fate == "delivered").all()
    assert len(outcome) == 5


def refusing():
    sio = echo_server()

    @sio.event
    def connect(sid, environ, auth):
        if auth != {"token": "right"}:
            raise socketio.exceptions.ConnectionRefusedError("who are you?")

    return socketio.ASGIApp(sio)


async def test_a_server_that_refuses_is_quoted():
    async with hosted(refusing()) as url:
        with pytest.raises(UsageError, match=r"refuses alice: /: who are you\?"):
            await replay(session(), url, auth={"token": "wrong"})
        outcome = await replay(session(last=3), url, auth={"token": "right"}, speed=10)
    assert len(outcome) == 4


async def test_a_namespace_that_is_not_there_is_named():
    async with hosted(socketio.ASGIApp(echo_server())) as url:
        with pytest.raises(UsageError, match="refuses alice: /nowhere"):
            await replay(session("/nowhere"), url)


async def test_a_web_server_that_is_no_socketio_server_is_quoted():
    async def page(scope, receive, send):
        await receive()
        await send({"type": "websocket.http.response.start", "status": 404, "headers": []})

    async with hosted(page) as url:
        with pytest.raises(UsageError, match="it answers 404 to a WebSocket handshake"):
            await replay(session(), url)


async def plain_echo(scope, receive, send):
    """A plain WebSocket server."""
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        text, data = event.get("text"), event.get("bytes")
        await send({"type": "websocket.send", "text": text, "bytes": data})


async def test_a_plain_websocket_server_is_no_socketio_server(monkeypatch):
    monkeypatch.setattr("wsim.serving.replay._PATIENCE_S", 0.3)
    async with hosted(plain_echo) as url:
        with pytest.raises(UsageError, match=r"did not answer as a Socket\.IO server within"):
            await replay(session(), url)


async def test_a_server_that_goes_away_is_told_with_the_rest():
    host = Host(socketio.ASGIApp(echo_server()))
    url = f"http://127.0.0.1:{await host.start('127.0.0.1', 0)}"

    gone = asyncio.create_task(until(lambda: False, timeout=0.3))
    playing = asyncio.create_task(replay(session(last=100), url, conditions(1)))
    with contextlib.suppress(TimeoutError):
        await gone
    await host.stop()
    outcome = await playing
    commands = outcome[outcome.event_name == "driveCommands"]
    assert sorted(numbers(commands)) == list(range(100))
    arrived = commands[commands.fate == "delivered"]
    assert 5 <= len(arrived) < 60
    assert set(commands[commands.dropped].cause) <= {"disconnected", "not_connected"}
    states = outcome.attrs["wsim"]["run-1"]["connections"]
    (first, *_) = [note for note in states if note["state"] == "unreachable"]
    assert "Connect call failed" in first["cause"]
    assert first["at_s"] > arrived.created_s.max()


async def test_the_command_line_names_what_went_wrong(tmp_path, capsys):
    path = tmp_path / "short.json"
    save(session(last=100), path)
    host = Host(socketio.ASGIApp(echo_server()))
    url = f"http://127.0.0.1:{await host.start('127.0.0.1', 0)}"
    playing = asyncio.create_task(asyncio.to_thread(main, ["replay", str(path), "--url", url]))
    await asyncio.sleep(1)
    await host.stop()
    assert await playing == 0
    said = capsys.readouterr().out
    assert "Played 101 messages of short.json" in said
    assert "not connected" in said
    assert re.search(r"From [\d.]+ s on the server could not be reached: .*Connect call", said)


# -- plain WebSockets ------------------------------------------------------------------------


async def recorded_plainly(url):
    """Record a plain WebSocket conversation through the proxy."""
    async with Proxy(url, conditions(1), port=0) as proxy, aiohttp.ClientSession() as http:
        async with http.ws_connect(f"{proxy.url}/drive") as ws:
            for content in ("forward", b"\x00\xff", "left"):
                await (ws.send_str if isinstance(content, str) else ws.send_bytes)(content)
                await ws.receive()
                await asyncio.sleep(0.02)
        return proxy.history.frame


async def test_a_plain_websocket_history_goes_to_a_plain_websocket_server():
    paths, heard = [], []

    async def server(scope, receive, send):
        paths.append((scope["path"], scope["query_string"]))

        async def overheard():
            event = await receive()
            if event["type"] == "websocket.receive":
                text = event.get("text")
                heard.append(text if text is not None else event["bytes"])
            return event

        await plain_echo(scope, overheard, send)

    async with hosted(server) as url:
        frame = await recorded_plainly(url)
        assert set(frame.namespace) == {""}
        address = url.replace("http:", "ws:") + "/drive?map=2"
        outcome = await replay(frame, address, conditions(10, packet_loss_rate=0))
    assert paths[0] == ("/drive", b"")
    assert paths[1][0] == "/drive"
    assert paths[1][1].startswith(b"map=2&clientId=")
    assert heard[3:] == ["forward", b"\x00\xff", "left"]
    inbound = outcome[outcome.direction == "inbound"]
    assert list(inbound.data) == ["forward", b"\x00\xff", "left"]
    assert set(inbound.namespace) == {""}
    assert (inbound.latency_ms >= 10).all()
    assert len(outcome) == 6
    gaps = frame[frame.direction == "inbound"].created_s.diff().dropna().to_list()
    assert inbound.created_s.diff().dropna().to_list() == pytest.approx(gaps, abs=1e-4)


async def test_a_plain_websocket_that_is_cut_comes_back():
    history = History()
    for number in range(150):
        at = number * 20_000_000
        history.append(at, at, at, "inbound", "message", "a", data=str(number), namespace="")
    cutting = {**CLEAN, "latency_ms": 1, "disconnect_rate": 0.02}
    async with hosted(plain_echo) as url:
        outcome = await replay(history.frame, url, conditions(**cutting), seed=4)
    inbound = outcome[outcome.direction == "inbound"]
    assert sorted(inbound.data, key=int) == [str(number) for number in range(150)]
    assert inbound.session.max() >= 2
    assert schedule(outcome) == pytest.approx([number * 20 for number in range(150)], abs=0.01)
    assert set(inbound.cause) <= {"", "disconnected", "not_connected"}


async def test_a_plain_websocket_server_that_is_not_there():
    history = History()
    history.append(0, 0, 0, "inbound", "message", "a", data="x", namespace="")
    with pytest.raises(UsageError, match=r"Connect call failed.* plain WebSocket server run there"):
        await replay(history.frame, "ws://127.0.0.1:9/x")


async def test_what_was_recorded_as_its_size_is_sent_in_that_size():
    history = History()
    history.append(
        0, 0, 0, "inbound", "message", "a", size_bytes=100_000, data=100_000, namespace=""
    )
    async with hosted(plain_echo) as url:
        outcome = await replay(history.frame, url, conditions(1))
    assert list(outcome.size_bytes) == [100_000, 100_000]


async def test_what_cannot_be_replayed():
    with pytest.raises(ColumnsError, match="no column"):
        await replay(session()[["seq"]], "http://127.0.0.1:9")
    only_out = session()
    only_out = only_out[only_out.direction == "outbound"]
    with pytest.raises(UsageError, match="nothing to replay"):
        await replay(only_out, "http://127.0.0.1:9")
    with pytest.raises(UsageError, match="speed=0"):
        await replay(session(), "http://127.0.0.1:9", speed=0)
    with pytest.raises(UsageError, match=r"cannot connect to http.*Connect call failed"):
        await replay(session(), "http://127.0.0.1:9")
    bytes_only = History()
    bytes_only.append(0, 0, 0, "inbound", "bytes", "connection-1", size_bytes=7)
    with pytest.raises(UsageError, match="history of bytes"):
        await replay(bytes_only.frame, "http://127.0.0.1:9")
    mixed = History()
    for namespace in ("/", ""):
        mixed.append(0, 0, 0, "inbound", "message", "a", data="x", namespace=namespace)
    with pytest.raises(UsageError, match="a speaks both"):
        await replay(mixed.frame, "http://127.0.0.1:9")
