"""Failures of byte streams on demand, as sockets see them."""

from __future__ import annotations

import asyncio

import pytest
from serving_harness import conditions, until
from tcp_harness import dialled, relayed

from wsim.errors import UnknownNameError, UsageError
from wsim.serving import tcp_faults

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


class Server:
    """Echoes, and remembers how each connection ended."""

    def __init__(self):
        self.ends = []
        self.got = b""

    async def __call__(self, reader, writer):
        try:
            while data := await reader.read(1000):
                self.got += data
                writer.write(data)
                await writer.drain()
            self.ends.append("eof")
        except ConnectionError as error:
            self.ends.append(type(error).__name__)
        writer.close()


async def asked(streams, data=b"x"):
    reader, writer = streams
    writer.write(data)
    return await reader.read(100)


async def test_a_reset_is_seen_on_both_sides():
    server = Server()
    async with relayed(conditions(2), server) as proxy, dialled(proxy) as streams:
        assert await asked(streams) == b"x"
        assert proxy.fail("reset") == ["connection-1"]
        with pytest.raises(ConnectionResetError):
            await streams[0].read()
        await until(lambda: server.ends == ["ConnectionResetError"])
        assert proxy.network.relays == []
        assert [note["state"] for note in proxy.history.connections] == [
            "connected", "reset", "disconnected",
        ]  # fmt: skip
        async with dialled(proxy) as again:  # and the next one is let in
            assert await asked(again) == b"x"


async def test_a_close_is_seen_on_both_sides():
    server = Server()
    async with relayed(conditions(2), server) as proxy, dialled(proxy) as streams:
        assert await asked(streams) == b"x"
        proxy.fail("close")
        assert await streams[0].read() == b""
        await until(lambda: server.ends == ["eof"])


async def test_what_is_under_way_goes_with_the_connection():
    async with relayed(conditions(200), Server()) as proxy, dialled(proxy) as streams:
        await until(lambda: proxy.network.relays)
        streams[1].write(b"abc")
        await until(lambda: proxy.network.relays[0].pipes["inbound"].bytes_in_flight)
        proxy.fail("reset")
        frame = proxy.history.frame
    assert list(zip(frame.cause, frame.size_bytes, strict=True)) == [("disconnected", 3)]


async def test_only_the_connection_that_is_named_fails():
    async with relayed(conditions(1), Server()) as proxy:
        async with dialled(proxy) as first, dialled(proxy) as second:
            assert await asked(first) == await asked(second) == b"x"
            assert proxy.fail("reset", "connection-2") == ["connection-2"]
            with pytest.raises(ConnectionResetError):
                await second[0].read()
            assert await asked(first) == b"x"


async def test_a_black_hole_swallows_and_what_lost_something_is_reset_after_it():
    server = Server()
    async with relayed(conditions(1), server) as proxy:
        async with dialled(proxy) as talking, dialled(proxy) as silent:
            assert await asked(talking) == await asked(silent) == b"x"
            proxy.fail("blackhole", duration_s=0.3)
            talking[1].write(b"lost")
            with pytest.raises(ConnectionResetError):
                await talking[0].read()  # nothing until then, though the socket was open
            assert proxy.network.clock.now_ns() >= 0.3e9
            assert await asked(silent, b"still here") == b"still here"
        assert server.got.count(b"lost") == 0
        frame = proxy.history.frame
    assert list(frame[frame.dropped].cause) == ["outage"]
    assert list(frame[frame.dropped].size_bytes) == [4]


async def test_a_black_hole_swallows_new_connections_too():
    server = Server()
    async with relayed(conditions(1), server) as proxy:
        proxy.fail("blackhole", duration_s=1)
        async with dialled(proxy) as talking, dialled(proxy) as silent:
            talking[1].write(b"lost")
            with pytest.raises(ConnectionResetError):
                await talking[0].read()
            assert await asked(silent) == b"x"  # whoever sent nothing lost nothing
    assert server.got == b"x"


async def test_refused_means_that_nobody_listens_until_it_is_over():
    async with relayed(conditions(1), Server()) as proxy:
        async with dialled(proxy) as streams:
            assert await asked(streams) == b"x"
            assert proxy.fail("refuse", duration_s=1) == ["connection-1"]
            assert await streams[0].read() == b""
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(proxy.host, proxy.port)

        async def is_back():
            while True:
                try:
                    async with dialled(proxy) as again:
                        return await asked(again)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.02)

        assert await asyncio.wait_for(is_back(), 5) == b"x"
        assert proxy.network.clock.now_ns() >= 1e9


async def test_refusing_again_starts_the_time_anew():
    async with relayed(conditions(1), Server()) as proxy:
        proxy.fail("refuse", duration_s=0.1)
        proxy.fail("refuse", duration_s=1.5)
        await asyncio.sleep(0.4)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(proxy.host, proxy.port)
        await until(lambda: proxy.network.is_listening)


async def test_half_closed_towards_the_client():
    server = Server()
    async with relayed(conditions(2), server) as proxy, dialled(proxy) as (reader, writer):
        assert await asked((reader, writer)) == b"x"
        proxy.fail("half_close")
        assert await reader.read() == b""
        writer.write(b"still arrives")
        await until(lambda: server.got == b"xstill arrives")
        await until(lambda: proxy.history.recorded == 4)
        frame = proxy.history.frame
        assert list(frame[frame.dropped].direction) == ["outbound"]  # the echo has nowhere to go
        writer.write_eof()
        await until(lambda: server.ends == ["eof"])
        await until(lambda: not proxy.network.relays)


async def test_half_closed_towards_the_server():
    told = asyncio.Event()

    async def talk(reader, writer):
        writer.write(b"hello")
        assert await reader.read() == b""
        writer.write(b" again")
        await told.wait()
        writer.close()

    async with relayed(conditions(2), talk) as proxy, dialled(proxy) as (reader, writer):
        assert await reader.readexactly(5) == b"hello"
        proxy.fail("half_close_upstream")
        assert await reader.readexactly(6) == b" again"
        writer.write(b"nobody hears")
        await until(lambda: proxy.history.recorded == 3)
        told.set()
        assert await reader.read() == b""
        await until(lambda: not proxy.network.relays)
    assert list(proxy.history.frame.cause) == ["", "", "closed"]


async def test_what_is_no_way_to_fail():
    async with relayed(conditions(1), Server()) as proxy:
        with pytest.raises(UnknownNameError, match="fail 'garbage'"):
            proxy.fail("garbage")
        with pytest.raises(UnknownNameError, match="no connection 'client-1'"):
            proxy.fail("reset", "client-1")
        with pytest.raises(UsageError, match="concerns everybody"):
            proxy.fail("refuse", "connection-1")
        with pytest.raises(UsageError, match="duration_s=-1"):
            proxy.fail("blackhole", duration_s=-1)


async def test_every_way_is_explained():
    assert tcp_faults.__doc__ is not None
    for how in tcp_faults.HOW:
        assert f"``{how}``" in tcp_faults.__doc__
