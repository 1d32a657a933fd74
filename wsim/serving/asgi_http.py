"""Whole HTTP requests and responses of ASGI: read, asked, sent."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from wsim.serving.transport import App, Event, Receive, Scope, Send


class Response(NamedTuple):
    """A whole HTTP response."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def refusal(body: bytes) -> Response:
    """Return an answer that ends a session."""
    return Response(400, [(b"content-type", b"application/json")], body)


def with_body(response: Response, body: bytes) -> Response:
    """Return the response with another body."""
    kept = [(k, v) for k, v in response.headers if k.lower() != b"content-length"]
    return Response(response.status, [*kept, (b"content-length", str(len(body)).encode())], body)


async def read_body(receive: Receive, most: int) -> bytes | None:
    """Return the body of a request, or None if it is larger than `most`."""
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        event = await receive()
        chunk = event.get("body", b"")
        size += len(chunk)
        if size > most:
            return None
        chunks.append(chunk)
        more = event.get("more_body", False)
    return b"".join(chunks)


async def ask(app: App, scope: Scope, body: bytes) -> Response:
    """Put a request to an application and return its whole response."""
    headers = [(k, v) for k, v in scope.get("headers", ()) if k.lower() != b"content-length"]
    headers.append((b"content-length", str(len(body)).encode()))
    asked = False
    status, found, chunks = 500, [], []

    async def receive() -> Event:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()
        asked = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(event: Event) -> None:
        nonlocal status, found
        if event["type"] == "http.response.start":
            status, found = event["status"], list(event.get("headers", ()))
        elif event["type"] == "http.response.body":
            chunks.append(event.get("body", b""))

    inner: dict[str, Any] = {**scope, "headers": headers}
    await app(inner, receive, send)
    return Response(status, found, b"".join(chunks))


async def respond(send: Send, response: Response) -> None:
    """Send a whole response."""
    await send(
        {"type": "http.response.start", "status": response.status, "headers": response.headers}
    )
    await send({"type": "http.response.body", "body": response.body})
