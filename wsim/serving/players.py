"""The clients of a replay: real ones, each with the name and the messages of one in a recording.

A client knows that it was cut off a moment later than the network does. What it hands to a
socket that is dead already never reaches the network; so each message is kept in mind until it
does, and those that a new connection has left behind are recorded as lost with the old one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import aiohttp
import socketio

from wsim.errors import UsageError
from wsim.payloads import arguments
from wsim.serving.ledger import KEEP_BYTES

_AGAIN_S = 1.0
"""How long a plain WebSocket client waits before it tries again, as most do."""


class Line(NamedTuple):
    """A message to be played: what the recording says of it, and when it is due in ns."""

    due_ns: int
    event: str
    namespace: str
    asked: bool
    size: int
    data: Any

    @property
    def content(self) -> Any:
        """What to send; bytes that were recorded as their number are sent as so many zeros."""
        counted = isinstance(self.data, int) and not isinstance(self.data, bool)
        if counted and KEEP_BYTES < self.data <= self.size:
            return bytes(self.data)
        return self.data


class Stage(Protocol):
    """What a player has to do with."""

    url: str
    """Where to connect: the near end of the network."""
    path: str
    """Of a plain WebSocket, with its query."""
    patience_s: float
    """How long a connection may take."""

    def session_of(self, name: str) -> int:
        """Return the number of the session that the network has for a client."""

    def lost(self, name: str, session: int, line: Line, sent_ns: int, cause: str) -> None:
        """Record a message that never reached the network."""

    def now_ns(self) -> int:
        """Return the time of the run."""

    def hang_up(self, name: str) -> None:
        """End the connection of a client."""

    def told(self, error: object) -> str:
        """Return what is known of why the server cannot be reached."""


class Player:
    """One client of the recording.

    Parameters
    ----------
    stage
        What it has to do with.
    name
        Its name in the recording, and in what is recorded now.
    namespaces
        Those that its messages go to.
    """

    def __init__(self, stage: Stage, name: str, namespaces: list[str]) -> None:
        self._stage, self.name, self._namespaces = stage, name, namespaces
        self._session = 1
        self._pending: deque[tuple[int, Line, int]] = deque()

    async def connect(self, auth: Any) -> None:
        """Connect for the first time; raises :class:`UsageError` if the server refuses."""
        raise UsageError(f"{self.name} cannot connect")

    async def leave(self) -> None:
        """Say good-bye."""

    def _can_send(self, line: Line) -> bool:
        """Does this client believe that it is connected?"""
        return False

    async def _send(self, line: Line) -> None:
        """Hand a message to the client library."""

    # -- keeping book --------------------------------------------------------------------

    async def play(self, line: Line) -> None:
        """Send a message; one that knows of no connection cannot."""
        sent_ns = self._stage.now_ns()
        if not self._can_send(line):
            self._stage.lost(self.name, self._session, line, sent_ns, "not_connected")
            return
        self._pending.append((self._session, line, sent_ns))
        await self._send(line)

    def connected(self) -> None:
        """A connection is there: what was sent by earlier ones and did not come out will not."""
        self._session = self._stage.session_of(self.name)

    def came_out(self, session: int) -> int:
        """Return when the message that reaches the network now was meant to be sent."""
        self._give_up(session)
        return self._pending.popleft()[1].due_ns if self._pending else -1

    def finish(self) -> None:
        """The replay is over: nothing will come out any more."""
        self._give_up(None)

    def _give_up(self, before: int | None) -> None:
        while self._pending and (before is None or self._pending[0][0] < before):
            session, line, sent_ns = self._pending.popleft()
            self._stage.lost(self.name, session, line, sent_ns, "disconnected")


class _PatientClient(socketio.AsyncClient):  # type: ignore[misc]
    """Waits long enough for a slow network, and says when it is connected, again and again."""

    def __init__(self, patience_s: float, connected: Callable[[], None]) -> None:
        super().__init__(handle_sigint=False, reconnection_delay=1)
        self._patience_s, self._connected = patience_s, connected

    async def connect(self, *args: Any, **options: Any) -> None:
        """Connect, for the first time or again."""
        await super().connect(*args, **{"wait_timeout": self._patience_s, **options})
        self._connected()


class SocketIoPlayer(Player):
    """A Socket.IO client; it comes back as python-socketio's does."""

    def __init__(self, stage: Stage, name: str, namespaces: list[str]) -> None:
        super().__init__(stage, name, namespaces)
        self._sio = _PatientClient(stage.patience_s, self.connected)
        self._refusals: list[str] = []
        for namespace in namespaces:
            self._sio.on("connect_error", self._hear_refusal(namespace), namespace=namespace)

    def _hear_refusal(self, namespace: str) -> Callable[..., None]:
        def hear(*reason: Any) -> None:
            said = reason[0].get("message") if reason and isinstance(reason[0], dict) else reason
            self._refusals.append(f"{namespace}: {said or 'refused'}")

        return hear

    async def connect(self, auth: Any) -> None:
        """Connect to every namespace that is played to."""
        address = f"{self._stage.url}?clientId={self.name}"
        dialling = asyncio.create_task(
            self._sio.connect(
                address, transports=["websocket"], auth=auth, namespaces=self._namespaces
            )
        )
        await asyncio.wait({dialling}, timeout=self._stage.patience_s)
        silent = not dialling.done()
        if silent:  # python-engineio waits for ever; this way it lets go of its socket
            self._stage.hang_up(self.name)
        try:
            await dialling
        except socketio.exceptions.ConnectionError as error:
            raise UsageError(self._problem(error, silent)) from None

    def _problem(self, error: Exception, silent: bool) -> str:
        if silent:
            patience = f"{self._stage.patience_s:g} s"
            server = self._stage.told("")
            return f"{server} did not answer as a Socket.IO server within {patience}; is it one?"
        if self._sio.failed_namespaces:
            return f"{self._stage.told('')} refuses {self.name}: {'; '.join(self._refusals)}"
        return f"cannot connect to {self._stage.told(error)}; does a Socket.IO server run there?"

    def _can_send(self, line: Line) -> bool:
        return bool(self._sio.connected) and line.namespace in self._sio.namespaces

    async def _send(self, line: Line) -> None:
        callback = (lambda *_: None) if line.asked else None
        await self._sio.emit(line.event, arguments(line.content) or None, line.namespace, callback)

    async def leave(self) -> None:
        """Say good-bye, and let go of what a refusal has left open."""
        await self._sio.disconnect()
        if self._sio.eio.http is not None:
            await self._sio.eio.http.close()


class WebSocketPlayer(Player):
    """A plain WebSocket client; it tries again every second."""

    def __init__(self, stage: Stage, name: str, namespaces: list[str]) -> None:
        super().__init__(stage, name, namespaces)
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._http: aiohttp.ClientSession | None = None
        self._listener: asyncio.Task[None] | None = None

    async def connect(self, auth: Any) -> None:
        """Connect, and listen from then on."""
        self._http = aiohttp.ClientSession()
        try:
            self._ws = await self._dial(self._http)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UsageError(
                f"cannot connect to {self._stage.told(error)};"
                " does a plain WebSocket server run there?"
            ) from None
        self._listener = asyncio.create_task(self._listen(self._http))

    async def _dial(self, http: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        path = self._stage.path
        address = f"{self._stage.url}{path}{'&' if '?' in path else '?'}clientId={self.name}"
        async with asyncio.timeout(self._stage.patience_s):
            found = await http.ws_connect(address, max_msg_size=0, compress=0)
        self.connected()
        return found

    async def _listen(self, http: aiohttp.ClientSession) -> None:
        while True:
            if self._ws is not None:
                async for _ in self._ws:
                    pass
                self._ws = None
            await asyncio.sleep(_AGAIN_S)
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                self._ws = await self._dial(http)

    def _can_send(self, line: Line) -> bool:
        return self._ws is not None and not self._ws.closed

    async def _send(self, line: Line) -> None:
        assert self._ws is not None
        content = line.content
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):  # cut just now
            if isinstance(content, bytes):
                await self._ws.send_bytes(content)
            else:
                await self._ws.send_str(str(content))

    async def leave(self) -> None:
        """Close the connection."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.wait({self._listener})
        if self._ws is not None:
            await self._ws.close()
        if self._http is not None:
            await self._http.close()
