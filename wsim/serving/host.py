"""Runs an ASGI application on aiohttp: no signal handlers, port 0 readable, quick to stop.

aiohttp lets a connection be dropped on the floor, which an ASGI server has no word for; the
extension ``wsim.abort`` offers it to the door.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable
from typing import Any

from aiohttp import WSMsgType, web
from multidict import CIMultiDict

from wsim.errors import UsageError
from wsim.serving.transport import ABORT, App, Event, Scope

_MAX_BODY = 2_000_000
_CLOSING_S = 2.0
"""How long to wait for the other side to answer a closing frame."""
_WITHOUT_A_WORD = 1006
"""Closing code of a connection that just ended; no closing frame may carry it."""


_MUCH = 16_384
"""Bytes in the send buffer from which on aiohttp may wait for the reader."""


def _is_congested(transport: Any) -> bool:
    return transport is None or transport.get_write_buffer_size() > _MUCH


def let_go(transport: Any, how: str = "close") -> None:
    """End a TCP connection at once; ``reset`` makes the other side see RST instead of FIN."""
    if transport is None:
        return
    if how == "reset":
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def scope_of(request: web.Request, kind: str) -> Scope:
    """Return the ASGI scope of a request."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": {"http": "http", "websocket": "ws"}[kind],
        "path": request.path,
        "raw_path": request.rel_url.raw_path.encode(),
        "query_string": request.rel_url.raw_query_string.encode(),
        "root_path": "",
        "headers": [(k.lower(), v) for k, v in request.raw_headers],
        "client": tuple(peer[:2]) if peer else None,
        "server": None,
        "extensions": {
            ABORT: {
                "abort": lambda how: let_go(request.transport, how),
                "congested": lambda: _is_congested(request.transport),
            }
        },
    }


class _Answer:
    """What an application answers to one HTTP request."""

    def __init__(self, request: web.Request, body: bytes) -> None:
        self._request, self._body = request, body
        self._asked = False
        self._status = 200
        self._headers: CIMultiDict[str] = CIMultiDict()
        self._whole = b""
        self._stream: web.StreamResponse | None = None

    async def receive(self) -> Event:
        """Return the request's body, once."""
        if self._asked:
            await asyncio.Event().wait()
        self._asked = True
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def send(self, event: Event) -> None:
        """Keep what comes as a whole, to be sent in one go; send parts as they come."""
        if event["type"] == "http.response.start":
            self._status = event["status"]
            for name, value in event.get("headers", ()):
                self._headers.add(name.decode("latin-1"), value.decode("latin-1"))
        elif event["type"] == "http.response.body":
            body = event.get("body", b"")
            if self._stream is None and not event.get("more_body"):
                self._whole = body
                return
            if self._stream is None:
                self._stream = web.StreamResponse(status=self._status, headers=self._headers)
                await self._stream.prepare(self._request)
            await self._stream.write(body)

    def response(self) -> web.StreamResponse:
        """Return what aiohttp is to send, or has sent."""
        if self._stream is not None:
            return self._stream
        self._headers.popall("content-length", None)
        return web.Response(status=self._status, headers=self._headers, body=self._whole)


async def _http(app: App, request: web.Request) -> web.StreamResponse:
    """Serve one HTTP request."""
    answer = _Answer(request, await request.read())
    try:
        await app(scope_of(request, "http"), answer.receive, answer.send)
    except ConnectionError:  # the client did not wait for the answer
        let_go(request.transport)
    return answer.response()


class _Socket:
    """The two ends of ASGI for one WebSocket."""

    def __init__(self, request: web.Request, max_message: int) -> None:
        self._request, self._max_message = request, max_message
        self._ws = web.WebSocketResponse()
        self._accepted = asyncio.get_running_loop().create_future()
        self._told = False
        self.refused: web.Response | None = None

    async def receive(self) -> Event:
        """Return the next event of the client."""
        if not self._told:
            self._told = True
            return {"type": "websocket.connect"}
        if not await asyncio.shield(self._accepted):
            return {"type": "websocket.disconnect", "code": 1006}
        message = await self._ws.receive()
        if message.type is WSMsgType.TEXT:
            return {"type": "websocket.receive", "text": message.data}
        if message.type is WSMsgType.BINARY:
            return {"type": "websocket.receive", "bytes": message.data}
        return {"type": "websocket.disconnect", "code": self._ws.close_code or 1006}

    async def send(self, event: Event) -> None:
        """Do what the application says."""
        kind = event["type"]
        if kind == "websocket.send":
            await self._send_frame(event)
        elif kind == "websocket.accept":
            chosen = event.get("subprotocol")
            self._ws = web.WebSocketResponse(
                max_msg_size=self._max_message,
                compress=False,
                timeout=_CLOSING_S,
                protocols=[chosen] if chosen else (),
            )
            await self._ws.prepare(self._request)
            self._accepted.set_result(True)
        elif (
            kind == "websocket.close" and self._ws.prepared and event.get("code") == _WITHOUT_A_WORD
        ):
            let_go(self._request.transport)
        elif kind == "websocket.close" and self._ws.prepared:
            await self._ws.close(code=event.get("code", 1000))
        elif kind == "websocket.close":
            self.refused = web.Response(status=403)
            self.end()
        elif kind == "websocket.http.response.start":
            self.refused = web.Response(status=event["status"])
            self.end()

    async def _send_frame(self, event: Event) -> None:
        try:
            text = event.get("text")
            if text is not None:
                await self._ws.send_str(text)
            else:
                await self._ws.send_bytes(event["bytes"])
        except (ConnectionError, RuntimeError) as error:
            raise OSError(f"the client is gone: {error}") from error

    def end(self) -> None:
        """Nobody accepted."""
        if not self._accepted.done():
            self._accepted.set_result(False)

    @property
    def response(self) -> web.StreamResponse:
        """What aiohttp is to answer."""
        return self._ws if self._ws.prepared else (self.refused or web.Response(status=403))


async def _to_its_end(job: Awaitable[None]) -> None:
    """Run an application; when its client goes, let it hear of that before it is cancelled."""
    task: asyncio.Future[None] = asyncio.ensure_future(job)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=_CLOSING_S)
        if not task.cancel() and not task.cancelled():
            task.exception()  # its client is gone: nobody to tell
        raise


async def _websocket(app: App, request: web.Request, max_message: int) -> web.StreamResponse:
    sock = _Socket(request, max_message)
    try:
        await _to_its_end(app(scope_of(request, "websocket"), sock.receive, sock.send))
    except OSError:
        let_go(request.transport)
    finally:
        sock.end()
    return sock.response


class Host:
    """An HTTP server for one ASGI application.

    Parameters
    ----------
    app
        The application.
    max_message
        Bytes of the largest WebSocket message; larger ones close the connection (1009).
    """

    def __init__(self, app: App, *, max_message: int = _MAX_BODY) -> None:
        self._app, self._max_message = app, max_message
        self._runner: web.AppRunner | None = None

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await _websocket(self._app, request, self._max_message)
        return await _http(self._app, request)

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port, which is a free one if `port` is 0.

        Raises
        ------
        UsageError
            If the address cannot be used.
        """
        application = web.Application(client_max_size=_MAX_BODY)
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=0.5
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port, reuse_address=True).start()
        except OSError as error:
            await self._runner.cleanup()
            raise UsageError(
                f"cannot listen on {host}:{port}: {error.strerror or error};"
                " choose another port, or 0 for a free one"
            ) from None
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        runner, self._runner = self._runner, None
        if runner is not None:
            server = runner.server
            if server is not None:
                for handler in list(server.connections):
                    let_go(handler.transport)
            await runner.cleanup()
