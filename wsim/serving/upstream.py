"""Somebody else's server as an ASGI application: requests and frames go there unmodified."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp import WSMsgType
from yarl import URL

from wsim.errors import UsageError
from wsim.serving.transport import Event, Receive, Scope, Send, header

_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding"
    b" upgrade sec-websocket-key sec-websocket-version sec-websocket-extensions"
    b" sec-websocket-protocol host content-length".split()
)
_ANSWER_HOP = frozenset(
    b"connection keep-alive transfer-encoding content-encoding content-length".split()
)
_DATA = (WSMsgType.TEXT, WSMsgType.BINARY)
_MAX_MESSAGE = 100_000_000
_BAD_GATEWAY = 502
_WITHOUT_A_WORD = 1006
_NORMAL = 1000


def checked_url(upstream: str) -> URL:
    """Return the address of an upstream server.

    Raises
    ------
    UsageError
        If it is not an http, https, ws or wss address.
    """
    try:
        url = URL(upstream)
    except (ValueError, TypeError):
        url = URL()
    if url.scheme not in ("http", "https", "ws", "wss") or not url.host:
        raise UsageError(
            f"upstream={upstream!r} is not an address such as http://127.0.0.1:4000"
            " (http, https, ws or wss)"
        )
    return url.with_scheme({"ws": "http", "wss": "https"}.get(url.scheme, url.scheme))


class Upstream:
    """ASGI application that stands for a server elsewhere; the address is fixed.

    Parameters
    ----------
    address
        Such as ``http://127.0.0.1:4000``.
    on_trouble
        Told of the scope and the reason when the server cannot be reached or refuses.
    """

    def __init__(
        self, address: str, on_trouble: Callable[[Scope, str], None] = lambda scope, reason: None
    ) -> None:
        self._url = checked_url(address)
        self._on_trouble = on_trouble
        self._session: aiohttp.ClientSession | None = None

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
                auto_decompress=True,
                connector=aiohttp.TCPConnector(limit=0),
            )
        return self._session

    async def close(self) -> None:
        """Let go of connections to the server."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _target(self, scope: Scope) -> URL:
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        prefix = self._url.raw_path.rstrip("/")
        url = self._url.with_path(prefix + path, encoded=True)
        return url.with_query(None) if not query else URL(f"{url}?{query}", encoded=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        more = True
        while more:
            event = await receive()
            body += event.get("body", b"")
            more = event.get("more_body", False)
        try:
            async with self._client().request(
                scope["method"], self._target(scope), headers=_forwarded(scope),
                data=body or None, allow_redirects=False,
            ) as answer:  # fmt: skip
                headers = [
                    (k.lower(), v) for k, v in answer.raw_headers if k.lower() not in _ANSWER_HOP
                ]
                start: Event = {"type": "http.response.start", "status": answer.status}
                await send({**start, "headers": headers})
                async for chunk in answer.content.iter_any():
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
        except aiohttp.ClientError as error:
            self._on_trouble(scope, str(error) or type(error).__name__)
            text = f"wsim proxy: {self._url} cannot be reached: {error}".encode()
            headers = [(b"content-type", b"text/plain")]
            await send({"type": "http.response.start", "status": _BAD_GATEWAY, "headers": headers})
            await send({"type": "http.response.body", "body": text})

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        protocols = [p.strip() for p in header(scope, b"sec-websocket-protocol").split(",") if p]
        try:
            server = await self._client().ws_connect(
                self._target(scope), headers=_forwarded(scope), protocols=protocols,
                compress=0, max_msg_size=_MAX_MESSAGE,
            )  # fmt: skip
        except aiohttp.WSServerHandshakeError as error:  # it has answered, but not so
            self._on_trouble(scope, f"it answers {error.status} to a WebSocket handshake")
            await send({"type": "websocket.http.response.start", "status": error.status})
            return
        except aiohttp.ClientError as error:
            self._on_trouble(scope, str(error) or type(error).__name__)
            await send({"type": "websocket.http.response.start", "status": _BAD_GATEWAY})
            return
        async with server:
            accepted: Event = {"type": "websocket.accept", "subprotocol": server.protocol}
            await send(accepted)
            up = asyncio.create_task(_pump_up(receive, server))
            try:
                await _pump_down(server, send)
            finally:
                up.cancel()


def _forwarded(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name.lower() not in _HOP_BY_HOP:
            found[name.decode("latin-1")] = value.decode("latin-1")
    return found


async def _pump_up(receive: Receive, server: Any) -> None:
    """Carry the client's messages to the server, until the client goes."""
    while (event := await receive())["type"] == "websocket.receive":
        text = event.get("text")
        try:
            await (server.send_str(text) if text is not None else server.send_bytes(event["bytes"]))
        except (ConnectionError, aiohttp.ClientError):
            return
    await server.close(code=event.get("code") or 1000)


async def _pump_down(server: Any, send: Send) -> None:
    """Carry the server's messages to the client, until the server goes."""
    while (message := await server.receive()).type in _DATA:
        kind = "text" if message.type is WSMsgType.TEXT else "bytes"
        await send({"type": "websocket.send", kind: message.data})
    await send({"type": "websocket.close", "code": _closing_code(message, server)})


def _closing_code(message: Any, server: Any) -> int:
    """Return the code of the server's closing frame, 1000 if it gave none."""
    if message.type is WSMsgType.CLOSE:
        return int(message.data or _NORMAL)
    return int(server.close_code or _WITHOUT_A_WORD)
