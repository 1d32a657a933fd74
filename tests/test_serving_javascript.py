"""What the real JavaScript client sees of the network: delays, losses, failures."""

from __future__ import annotations

import pytest
import socketio
from js_harness import WAYS, JsClient, needs_node
from serving_harness import conditions, echo_server, hosted, middle, proxied, until

from wsim.serving.endpoint import Server
from wsim.serving.faults import inflict
from wsim.simulator import WebSocketServerSimulator

pytestmark = [*needs_node, pytest.mark.asyncio]


async def median_ms(js: JsClient, url: str, transport: str, count: int) -> float:
    await js.connect(url, transports=WAYS[transport])
    js.tell("ask", event="echo", args=["x"], count=count)
    asked = await js.hear("asked", timeout=20)
    js.tell("disconnect")
    return asked["median_ms"]


@pytest.mark.realtime
@pytest.mark.parametrize("transport", list(WAYS))
@pytest.mark.parametrize("latency_ms", [0, 25, 100, 400])
@pytest.mark.parametrize("place", [middle, proxied])
async def test_round_trips_take_twice_the_delay(js, place, latency_ms, transport, capsys):
    """Within 2 ms and 5 %, and 10 ms of slack; by polling the client itself takes a few."""
    strict = 2 + 0.1 * latency_ms
    async with hosted(socketio.ASGIApp(echo_server())) as url:
        plain = await median_ms(js, url, transport, 15)
    async with place(conditions(latency_ms)) as (url, served):
        took = await median_ms(js, url, transport, 7 if latency_ms > 50 else 25)
        lateness_ms = served.history.frame.lateness_ms.median()
    excess = took - 2 * latency_ms
    with capsys.disabled():
        print(
            f"\n  {place.__name__} {transport} {latency_ms} ms: +{excess:.2f} of {strict:g} ms"
            f" (plain server: {plain:.2f} ms), late by {lateness_ms:.2f} of 0.3 ms"
        )
    assert 0 <= excess < strict + 10


async def test_connecting_by_polling_and_upgrading(js):
    async with middle(conditions(5)) as (url, served):
        assert await js.upgrade(url) == ("polling", "websocket")
        js.tell("ask", event="echo", args=[{"n": 1}], count=3)
        assert (await js.hear("asked"))["answer"] == {"n": 1}
        frame = served.history
    assert set(frame.frame.client_id) == {"client-1"}


@pytest.mark.parametrize("transport", list(WAYS))
@pytest.mark.parametrize("place", [middle, proxied])
async def test_bursts_with_attachments_are_whole_and_in_order(js, place, transport):
    async with place(conditions(20, jitter_ms=5)) as (url, served):
        await js.connect(url, transports=WAYS[transport])
        js.tell("burst", event="echo", count=500, bytes=300)
        told = await js.hear("burst", timeout=20)
        frame = served.history.frame
    assert told == {"what": "burst", "answered": 500, "inversions": 0}
    assert (frame.fate == "delivered").all()
    assert frame.data.map(lambda data: len(data["blob"])).eq(300).all()
    assert frame.round_trip_ms.notna().all()


@pytest.mark.parametrize("place", [middle, proxied])
async def test_loss_each_way_leaves_the_product_of_round_trips(js, place):
    async with place(conditions(1, packet_loss_rate=0.1), seed=5) as (url, served):
        await js.connect(url, transports=["websocket"])
        js.tell("burst", event="echo", count=1000, timeout=1500)
        answered = (await js.hear("burst", timeout=20))["answered"]
        frame = served.history.frame
    assert abs(answered - 810) < 4 * (1000 * 0.81 * 0.19) ** 0.5
    assert frame.round_trip_ms.notna().sum() == answered
    assert set(frame.cause) == {"", "loss"}


async def test_events_with_any_arguments(js):
    async with middle(conditions(1)) as (url, served):
        await js.connect(url, transports=["websocket"])
        for args in ([], [1], ["a", [2, None]], [{"bytes": 3}], [{"ü": "€"}]):
            js.tell("ask", event="an event", args=args)
            answer = (await js.hear("asked"))["answer"]
            assert answer == (args[0] if args else None)
        data = list(served.history.frame.data)
    assert data == [None, 1, ("a", [2, None]), b"\7\7\7", {"ü": "€"}]


FAULTS = [
    ("close", "websocket", "transport close"),
    ("reset", "websocket", "transport close"),
    ("garbage", "websocket", "parse error"),
    ("close", "polling", "transport error"),
    ("garbage", "polling", "parse error"),
]


@pytest.mark.parametrize(("how", "transport", "reason"), FAULTS)
async def test_failures_after_which_the_client_comes_back(js, how, transport, reason):
    async with middle(conditions(1)) as (url, served):
        await js.connect(url, transports=WAYS[transport])
        js.tell("ask", event="echo")
        await js.hear("asked")
        inflict(served.network, how)
        assert (await js.hear("disconnect"))["reason"] == reason
        await js.hear("connect", connects=2)
        js.tell("ask", event="echo")
        await js.hear("asked", answered=1)
        frame = served.history.frame
    assert list(frame.session) == [1, 2]
    assert set(frame.client_id) == {"client-1"}


@pytest.mark.parametrize("transport", list(WAYS))
async def test_a_server_that_says_goodbye_is_left_alone(js, transport):
    async with middle(conditions(1)) as (url, served):
        await js.connect(url, transports=WAYS[transport])
        inflict(served.network, "server")
        assert (await js.hear("disconnect"))["reason"] == "io server disconnect"
        await until(lambda: served.network.connected == 0)
        assert served.network.clients == []


@pytest.mark.realtime
async def test_a_black_hole_is_noticed_by_the_heartbeat(js):
    async with middle(conditions(1), ping_interval=1, ping_timeout=1) as (url, served):
        await js.connect(url, transports=["websocket"], timeout=500)
        inflict(served.network, "blackhole", duration_s=3.5)
        assert (await js.hear("disconnect"))["reason"] == "ping timeout"
        assert (await js.hear("connect_error"))["message"] == "timeout"
        await js.hear("connect", connects=2)


async def test_refused_for_a_while(js):
    async with middle(conditions(1)) as (url, served):
        await js.connect(url, transports=["websocket"])
        inflict(served.network, "refuse", duration_s=0.5)
        assert (await js.hear("disconnect"))["reason"] == "transport close"
        assert (await js.hear("connect_error"))["message"] == "websocket error"
        await js.hear("connect", connects=2)


async def test_conditions_change_while_connected(js):
    async with middle(conditions(1)) as (url, served):
        await js.connect(url, transports=["websocket"])
        served.set_network_conditions({"latency_ms": 100})
        js.tell("ask", event="echo", count=3)
        assert (await js.hear("asked"))["median_ms"] >= 200
        changes = served.history.frame.attrs["wsim"]["run-1"]["changes"]
    assert [change["conditions"]["latency_ms"] for change in changes] == [100]


async def test_a_client_that_leaves_is_gone_for_good(js):
    async with middle(conditions(1)) as (url, served):
        await js.connect(url, transports=["websocket"])
        js.tell("disconnect")
        await until(lambda: served.network.connected == 0)
        assert served.network.clients == []


@pytest.mark.realtime
async def test_commands_of_an_outage_come_out_stale_and_in_one_burst(js):
    """The danger of a real console: it keeps what it could not send, and lets go of it at once."""
    sim = WebSocketServerSimulator({"network": conditions(1), "seed": 1})
    async with Server(sim, port=0) as server:
        await js.connect(server.url, transports=["websocket"])
        js.tell("drive", rate_hz=20)
        await until(lambda: len(sim.history) > 10)
        server.fail("refuse", duration_s=1.5)
        await js.hear("connect", connects=2)
        before = len(sim.history)
        await until(lambda: len(sim.history) > before + 30)
        js.tell("park")
        frame = sim.history
    stale = frame[frame.latency_ms > 500]
    assert len(stale) >= 15
    assert stale.latency_ms.max() > 1200
    assert stale.delivered_s.max() - stale.delivered_s.min() < 0.3
    assert (stale.session == 2).all()
    assert (stale.client_buffer_ms > 500).all()
    assert frame.latency_ms.head(10).max() < 100
