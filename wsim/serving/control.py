"""A small control API of a running server: change conditions, make connections fail.

It listens on a loopback port of its own, never on the port of the users' events. Whoever may
read the file with its address and token, which only the user who started the server may, can
use it.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, Self

from wsim.errors import UsageError, WsimError
from wsim.serving.guard import LOOPBACK, hostname
from wsim.serving.transport import App, Event, Receive, Scope, Send, header

_MAX_BODY = 100_000
_PATIENCE_S = 5.0


class Controlled(Protocol):
    """What can be controlled: a served simulator or a proxy."""

    def set(self, **conditions: Any) -> None:
        """Change conditions."""

    def set_profile(self, name: Any) -> None:
        """Put a profile in force."""

    def fail(self, how: str, client_id: str | None = None, *, duration_s: float = 5.0) -> list[str]:
        """Make connections fail."""

    def status(self) -> dict[str, Any]:
        """Say what goes on."""


def folder() -> Path:
    """Return the folder of address files, which belongs to the user alone."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    base = Path(runtime) if runtime else Path(tempfile.gettempdir())
    user = getattr(os, "getuid", lambda: os.environ.get("USERNAME", "user"))()
    return base / f"wsim-{user}"


class ControlFile:
    """The file that tells where a running server is controlled."""

    def __init__(self, path: Path, token: str) -> None:
        self.path, self.token = path, token

    @classmethod
    def write(cls, port: int, control_port: int, token: str) -> Self:
        """Write the file of the server on `port`; only this user may read it.

        Raises
        ------
        UsageError
            If the folder belongs to somebody else.
        """
        home = folder()
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if hasattr(os, "getuid") and home.stat().st_uid != os.getuid():
            raise UsageError(f"{home} belongs to another user; remove it, or set XDG_RUNTIME_DIR")
        home.chmod(0o700)
        path = home / f"{port}.json"
        path.unlink(missing_ok=True)
        content = {
            "url": f"http://127.0.0.1:{control_port}", "token": token, "port": port,
            "pid": os.getpid(), "started_at": time.time(),
        }  # fmt: skip
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(content, file)
        return cls(path, token)

    def remove(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


class ControlApi:
    """ASGI application that steers a server.

    ``GET /status``; ``POST /conditions`` with fields, ``POST /profile`` with ``name``, ``POST
    /fail`` with ``how``, ``client_id`` and ``duration_s``: JSON objects, and a bearer token.
    """

    def __init__(self, target: Controlled, token: str) -> None:
        self._target, self._token = target, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        if not self._may(scope):
            await _answer(send, 403, {"error": "the token is missing or wrong"})
            return
        try:
            content = json.loads(await _body(receive) or b"{}")
            if not isinstance(content, dict):
                raise UsageError("the body is not a JSON object")
            await _answer(send, 200, self._do(scope["method"], scope["path"], content))
        except (WsimError, TypeError, ValueError) as error:
            await _answer(send, 400, {"error": str(error)})

    def _may(self, scope: Scope) -> bool:
        """No browser page may: there is no reason for an Origin here."""
        given = header(scope, b"authorization").removeprefix("Bearer ")
        right = hmac.compare_digest(given.encode(), self._token.encode())
        return right and not header(scope, b"origin") and _is_local(scope)

    def _do(self, method: str, path: str, content: dict[str, Any]) -> dict[str, Any]:
        target = self._target
        actions: dict[tuple[str, str], Callable[[], Any]] = {
            ("GET", "/status"): target.status,
            ("POST", "/conditions"): lambda: target.set(**content),
            ("POST", "/profile"): lambda: target.set_profile(content.get("name")),
            ("POST", "/fail"): lambda: {"failed": target.fail(**content)},
        }
        action = actions.get((method, path))
        if action is None:
            raise UsageError(f"no {method} {path}; there are {sorted(actions)}")
        found = action()
        return found if isinstance(found, dict) else target.status()


def _is_local(scope: Scope) -> bool:
    return hostname(header(scope, b"host")) in LOOPBACK


def control_app(target: Controlled) -> tuple[App, str]:
    """Return the control API of a server, and its fresh token."""
    token = secrets.token_urlsafe(24)
    return ControlApi(target, token), token


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        event: Event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
        if len(body) > _MAX_BODY:
            raise UsageError("the body is too large")
    return body


async def _answer(send: Send, status: int, content: dict[str, Any]) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})


# -- the other end -----------------------------------------------------------------------


def running() -> list[dict[str, Any]]:
    """Return the addresses of servers of this user, the newest first."""
    found = []
    for path in folder().glob("*.json"):
        try:
            found.append(json.loads(path.read_text()))
        except (OSError, ValueError):  # removed meanwhile, or not ours
            continue
    return sorted(found, key=lambda entry: -float(entry.get("started_at", 0)))


def steer(path: str, content: dict[str, Any] | None = None, *, port: int | None = None) -> Any:
    """Ask a running server to do something, and return its answer.

    Parameters
    ----------
    path, content
        As for :class:`ControlApi`; without content it is a ``GET``.
    port
        Of the server that is meant; needed if there are several.

    Raises
    ------
    UsageError
        If there is no such server, several could be meant, or it refuses.
    """
    servers = [entry for entry in running() if port is None or entry["port"] == port]
    if len(servers) > 1:
        servers = [entry for entry in servers if _is_there(entry)]
    if len(servers) > 1:
        ports = ", ".join(str(entry["port"]) for entry in sorted(servers, key=_port))
        raise UsageError(f"several servers of yours are running, on ports {ports}; give --port")
    for entry in servers:
        try:
            return _ask(entry, path, content)
        except ConnectionError:
            _forget(entry)
    which = "no server of yours is running" if port is None else f"no server on port {port}"
    raise UsageError(f"{which}; start one with: wsim serve --profile stressed")


def _port(entry: dict[str, Any]) -> int:
    return int(entry["port"])


def _forget(entry: dict[str, Any]) -> None:
    """Remove a file that was left behind by a process that was killed."""
    (folder() / f"{entry['port']}.json").unlink(missing_ok=True)


def _is_there(entry: dict[str, Any]) -> bool:
    try:
        _ask(entry, "/status", None)
    except ConnectionError:
        _forget(entry)
        return False
    except UsageError:  # busy, but there
        return True
    return True


def _ask(entry: dict[str, Any], path: str, content: dict[str, Any] | None) -> Any:
    request = urllib.request.Request(
        entry["url"] + path,
        data=None if content is None else json.dumps(content).encode(),
        headers={"Authorization": f"Bearer {entry['token']}", "Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_PATIENCE_S) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise UsageError(json.load(error).get("error", str(error))) from None
    except TimeoutError:
        raise UsageError(
            f"the server on port {entry['port']} did not answer for {_PATIENCE_S:g} s;"
            " it is busy, or its machine is"
        ) from None
    except urllib.error.URLError as error:
        raise ConnectionError(str(error)) from error
