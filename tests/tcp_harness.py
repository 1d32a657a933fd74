"""Plain TCP servers and clients for the tests of the byte relay."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from wsim.serving.tcp_proxy import TcpProxy

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what comes, and close after the client has."""
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except ConnectionError:
        pass
    writer.close()


@contextlib.asynccontextmanager
async def tcp_server(handler: Handler = echo) -> AsyncIterator[str]:
    """Serve plain TCP on a free port; gives ``tcp://host:port``."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    try:
        yield "tcp://{}:{}".format(*server.sockets[0].getsockname())
    finally:
        server.close()


@contextlib.asynccontextmanager
async def relayed(setting: Any, handler: Handler = echo, **options: Any) -> AsyncIterator[TcpProxy]:
    """The same behind the byte relay."""
    async with (
        tcp_server(handler) as upstream,
        TcpProxy(upstream, setting, port=0, seed=options.pop("seed", 0), **options) as proxy,
    ):
        yield proxy


@contextlib.asynccontextmanager
async def dialled(proxy: TcpProxy) -> AsyncIterator[Streams]:
    """Connect to the relay; what was not sent by the end of the test is not waited for."""
    reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
    try:
        yield reader, writer
    finally:
        if writer.transport.get_write_buffer_size():
            writer.transport.abort()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
