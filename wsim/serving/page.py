"""The small page at ``/``: drives the rover, shows its own round trip and what is lost."""

from __future__ import annotations

from importlib import resources

from wsim.serving.transport import App, Receive, Scope, Send

_HEADERS = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", b"default-src 'self'; script-src 'unsafe-inline';"
     b" style-src 'unsafe-inline'; connect-src 'self' ws: wss:; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
]  # fmt: skip


def with_page(app: App) -> App:
    """Answer ``GET /`` with the page, and leave everything else to `app`."""
    page = resources.files("wsim.serving").joinpath("page.html").read_bytes()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == "/":
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await send({"type": "http.response.body", "body": page})
        else:
            await app(scope, receive, send)

    return answer
