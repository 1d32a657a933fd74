"""The network of the byte relay: seeds, live changes, bounds, servers that are not there."""

from __future__ import annotations

import asyncio
import socket

import pytest
from serving_harness import conditions, until
from tcp_harness import dialled, relayed, tcp_server

from wsim.channel import Channel
from wsim.errors import UsageError
from wsim.serving.tcp_proxy import TcpProxy
from wsim.serving.terms import Bounds

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


async def test_each_connection_has_the_link_of_its_number():
    """The same delays as the channel alone would give, in the order of sending."""
    setting = conditions(20, jitter_ms=5)
    async with relayed(setting, seed=7) as proxy:
        for _ in range(2):
            async with dialled(proxy) as (reader, writer):
                for number in range(5):
                    writer.write(bytes(number + 1))
                    await reader.readexactly(number + 1)
        frame = proxy.history.frame
    for index in range(2):
        channel = Channel(setting, seed=7, client=index)
        for number in range(5):
            channel.send(number * 10**9, 1)
        expected = [transit.parts[4] / 1e6 for transit in channel.advance(10**11)]
        rows = frame[(frame.client_id == f"connection-{index + 1}") & (frame.size_bytes > 0)]
        assert list(rows[rows.direction == "inbound"].jitter_ms) == pytest.approx(expected)


async def test_conditions_change_while_connected():
    async with relayed(conditions(1)) as proxy, dialled(proxy) as (reader, writer):

        async def latency():
            writer.write(b"x")
            await reader.read(1)
            return proxy.history.frame.latency_ms.iloc[-1]

        assert await latency() == 1
        proxy.set(latency_ms=40)
        assert await latency() == 40
        proxy.set(packet_loss_rate=0.3)  # what was plain goes through TCP from now on
        assert proxy.conditions.transport == "tcp"
        assert await latency() >= 40
        proxy.set(packet_loss_rate=0, latency_ms=2)
        assert proxy.conditions.transport == "datagram"
        assert await latency() < 40
        proxy.set_profile("perfect")
        assert await latency() == 0
        changes = proxy.history.changes
    assert [change["profile"] for change in changes][-1] == "perfect"
    assert changes[0]["conditions"]["latency_ms"] == 40


async def test_more_connections_than_allowed_are_reset_and_recorded():
    async with relayed(conditions(1), bounds=Bounds(max_clients=2)) as proxy:
        async with dialled(proxy) as first, dialled(proxy):
            await until(lambda: len(proxy.network.relays) == 2)
            async with dialled(proxy) as (reader, _):
                with pytest.raises(ConnectionResetError):
                    await reader.read()
            frame = proxy.history.frame
            assert list(frame.event_name) == ["connect"]
            assert list(frame.cause) == ["overflow"]
            first[1].write_eof()
            assert await first[0].read() == b""
            await until(lambda: len(proxy.network.relays) == 1)
            async with dialled(proxy) as (reader, writer):  # room again
                writer.write(b"x")
                assert await reader.read(1) == b"x"


async def test_a_server_that_is_not_there_resets_and_is_named(caplog):
    async with TcpProxy("tcp://127.0.0.1:9", conditions(1), port=0) as proxy:
        async with dialled(proxy) as (reader, writer):
            writer.write(b"x")
            with pytest.raises(ConnectionResetError):
                await reader.read()
        assert proxy.network.relays == []
        states = {note["state"]: note["cause"] for note in proxy.history.connections}
        assert "127.0.0.1" in states["unreachable"]
        assert list(proxy.history.frame.cause) == ["not_connected"]
    assert "127.0.0.1:9 cannot be reached" in caplog.text


async def test_a_server_that_does_not_answer_is_given_up(monkeypatch):
    """Its backlog is full, so that the system keeps the handshake waiting."""
    monkeypatch.setattr("wsim.serving.tcp_network._CONNECT_S", 0.2)
    with socket.socket() as deaf, socket.socket() as filler, socket.socket() as more:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for sock in (filler, more):
            sock.setblocking(False)
            sock.connect_ex(deaf.getsockname())
        port = deaf.getsockname()[1]
        async with TcpProxy(f"127.0.0.1:{port}", conditions(0), port=0) as proxy:
            async with dialled(proxy) as (reader, _):
                with pytest.raises(ConnectionResetError):
                    await reader.read()
            states = {note["state"]: note["cause"] for note in proxy.history.connections}
    assert states["unreachable"] == "no answer within 0.2 s"


async def test_whoever_leaves_before_the_server_is_reached_is_forgotten():
    async with relayed(conditions(100)) as proxy:
        async with dialled(proxy):
            await until(lambda: proxy.network.relays)
            proxy.fail("reset")
        await asyncio.sleep(0.25)
        assert proxy.network.relays == []
        states = [note["state"] for note in proxy.history.connections]
        assert states == ["connected", "reset", "disconnected"]


@pytest.mark.parametrize("effect", ["close", "drop"])
async def test_connecting_during_an_outage(effect):
    outage = {"kind": "windows", "windows_s": ((0.0, 1.0),), "effect": effect}
    async with relayed(conditions(1, outage=outage)) as proxy:
        async with dialled(proxy) as (reader, writer):
            writer.write(b"x")
            if effect == "close":  # turned away
                with pytest.raises(ConnectionResetError):
                    await reader.read()
                assert list(proxy.history.frame.cause) == ["outage"]
                await until(lambda: proxy.network.clock.now_ns() > 1e9)
            else:  # the handshake waits, and nothing is lost
                assert await reader.read(1) == b"x"
                assert proxy.network.clock.now_ns() >= 1e9
        async with dialled(proxy) as (reader, writer):
            writer.write(b"y")
            assert await reader.read(1) == b"y"


async def test_a_port_that_is_taken():
    async with tcp_server() as upstream:
        port = int(upstream.rpartition(":")[2])
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}"):
            await TcpProxy(upstream, "perfect", port=port).start()


async def test_a_port_taken_during_a_refusal_is_tried_again(caplog):
    async with relayed(conditions(1)) as proxy:
        proxy.fail("refuse", duration_s=0.05)
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind((proxy.host, proxy.port))
            other.listen()
            await until(lambda: "cannot listen" in caplog.text)
            assert not proxy.network.is_listening
        await until(lambda: proxy.network.is_listening)
        async with dialled(proxy) as (reader, writer):
            writer.write(b"x")
            assert await reader.read(1) == b"x"


async def test_stopping_ends_every_connection_and_leaves_nothing():
    async with relayed(conditions(1)) as proxy:
        async with dialled(proxy) as (reader, writer):
            writer.write(b"x")
            assert await reader.read(1) == b"x"
            proxy.set(latency_ms=500)
            writer.write(b"under way")
            await until(lambda: proxy.network.relays[0].pipes["inbound"].bytes_in_flight)
            await proxy.stop()
            assert await reader.read() == b""
    assert list(proxy.history.frame.cause)[-1] == "disconnected"
    assert not proxy.network.is_listening
    assert proxy.network.relays == []
