"""Who may talk to a server: hosts, origins and tokens.

A page of a foreign origin, ``null``, or a name that a hostile DNS points at this machine can
reach a server on the loopback address through the user's own browser. So the Host header has to
be a loopback name (or the address that was bound on purpose), and an Origin, where there is one,
a loopback name or listed.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from urllib.parse import urlsplit

from wsim.errors import UsageError
from wsim.serving.transport import App, Receive, Scope, Send, header, query_of

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def hostname(address: str) -> str:
    """Return the name in a Host header or an origin, in lower case; ``""`` if there is none."""
    try:
        split = urlsplit(address if "//" in address else f"//{address}")
        return (split.hostname or "").lower()
    except ValueError:
        return ""


def check_binding(host: str, token: str | None) -> None:
    """Refuse to be reachable from other machines without a token.

    Raises
    ------
    UsageError
        If `host` is no loopback address and there is no token.
    """
    if host not in LOOPBACK and not token:
        raise UsageError(
            f"host={host!r} is reachable from other machines: give a token"
            " (token='...', or --token), which clients send as auth: {token: '...'},"
            " or stay on 127.0.0.1"
        )


class Guard:
    """Lets through what may pass to an ASGI application, and answers 403 to the rest.

    Parameters
    ----------
    app
        The application behind.
    host
        Address that the server is bound to.
    allow_origin
        Further origins, such as ``https://console.example``; ``*`` allows all.
    token
        If set, WebSocket and polling requests need it in the query (``?token=``) or in an
        ``Authorization: Bearer`` header, unless `token_later`.
    token_later
        True if the application behind checks the token itself (Socket.IO's auth).
    """

    def __init__(
        self,
        app: App,
        *,
        host: str = "127.0.0.1",
        allow_origin: Collection[str] = (),
        token: str | None = None,
        token_later: bool = False,
    ) -> None:
        self._app = app
        self._names = LOOPBACK if host in LOOPBACK else None
        self._origins = frozenset(origin.rstrip("/").lower() for origin in allow_origin)
        self._token = None if token_later else token

    def problem(self, scope: Scope) -> str:
        """Return why a request may not pass, or ``""``."""
        name = hostname(header(scope, b"host"))
        if self._names is not None and name not in self._names:
            return f"host {name!r} is not a loopback name"
        origin = header(scope, b"origin")
        if origin and not self.allows(origin):
            return f"origin {origin!r} is not allowed; see allow_origin (--allow-origin)"
        if self._token is not None and not self._has_token(scope):
            return "the token is missing or wrong"
        return ""

    def allows(self, origin: str) -> bool:
        """Say whether pages of an origin may connect."""
        plain = origin.rstrip("/").lower()
        if "*" in self._origins or plain in self._origins:
            return True
        scheme = plain.partition("://")[0]
        return scheme in ("http", "https") and hostname(plain) in LOOPBACK

    def _has_token(self, scope: Scope) -> bool:
        bearer = header(scope, b"authorization").removeprefix("Bearer ")
        given = query_of(scope).get("token") or bearer
        return hmac.compare_digest(given.encode(), (self._token or "").encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = self.problem(scope)
        if not problem:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": problem[:100]})
        else:
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": problem.encode()})
