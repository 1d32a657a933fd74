"""Long-polling: bodies are split into packets, which cross the door one by one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from wsim.serving.asgi_http import Response, ask, read_body, refusal, respond, with_body
from wsim.serving.network import Client, Network
from wsim.serving.packets import Frame, PacketError, Unit, join_body, split_body
from wsim.serving.terms import TooManyError
from wsim.serving.transport import (
    CLIENT,
    App,
    Receive,
    Scope,
    Send,
    assemblers,
    cross,
    gate,
    identity_of,
    query_of,
)

_BATCH = 16
"""Engine.IO servers refuse more packets in one body."""
_IDLE_S = 60.0
_UNKNOWN = b'{"code":1,"message":"Session ID unknown"}'
_BUSY = b'{"code":3,"message":"Too many clients"}'
_OVERLAP = b'{"code":3,"message":"Bad request"}'
_OUT = b'{"code":3,"message":"The link is out"}'


_NOOP = Response(200, [(b"content-type", b"text/plain; charset=UTF-8")], b"6")
"""Lets go of a request that waits for packets of a session that has ended."""
_END = _NOOP._replace(body=b"1")
"""Tells the client that the session is closed."""


class Gathering:
    """Route for the packets of one body: done when the fate of each is known."""

    backlog_bytes = 0

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self._expected = 0
        self._all_in = False
        self._done = asyncio.Event()

    def pass_on(self, frames: tuple[Frame, ...], unit: Unit) -> None:
        """Take a unit's packets, none if it is lost."""
        self.frames += frames
        self._expected -= 1
        self._check()

    def expect(self) -> None:
        """One more unit is on its way."""
        self._expected += 1

    def _check(self) -> None:
        if self._all_in and self._expected <= 0:
            self._done.set()

    async def gather(self) -> list[Frame]:
        """Wait for everything that was put; return what came through."""
        self._all_in = True
        self._check()
        await self._done.wait()
        return self.frames


class PollingPort:
    """A client's session by long-polling."""

    def __init__(
        self,
        network: Network,
        client: Client,
        scope: Scope,
        sid: str,
        forget: Callable[[PollingPort], object],
    ) -> None:
        self._network, self.client, self.sid = network, client, sid
        self._forget = forget
        self._units = assemblers(network, scope)
        self.last_seen_s = network.clock.now_ns() / 1e9
        self.open_requests = 0
        self.cut = self.closed = self.ended = False
        self._open: set[asyncio.Future[Response]] = set()
        self._asking: set[asyncio.Future[Response]] = set()  # those that wait for packets
        self._injected: list[Frame] = []

    def abort(self, how: str = "close") -> None:
        """Answer no more requests of this session."""
        self.cut = True
        self._interrupt(refusal(_UNKNOWN), self._open)

    def abandon(self) -> None:
        """The server has ended the session; its answer to who still asks says so."""
        if not self.open_requests:
            self._forget(self)

    def close(self) -> None:
        """The client said good-bye: let go of its request that waits for packets."""
        self.closed = True
        self._interrupt(_NOOP, self._asking)

    @property
    def is_asked(self) -> bool:
        """True while a request waits for packets."""
        return bool(self._asking)

    def overlap(self) -> None:
        """Two requests for packets at once: the session ends, and the first is told so."""
        self._interrupt(_END, self._asking)

    @staticmethod
    def _interrupt(answer: Response, requests: set[asyncio.Future[Response]]) -> None:
        for request in requests:
            if not request.done():
                request.set_result(answer)

    async def unless_interrupted(
        self, job: Coroutine[Any, Any, Response], *, asks: bool = False
    ) -> Response:
        """Do the job of a request to its end, unless the session is interrupted before."""
        if self.cut or (asks and (self.closed or self._injected)):
            job.close()
            return refusal(_UNKNOWN) if self.cut else _NOOP
        answer = asyncio.get_running_loop().create_future()
        task = asyncio.ensure_future(job)
        groups = (self._open, self._asking) if asks else (self._open,)
        for group in groups:
            group.add(answer)
        task.add_done_callback(partial(_hand_over, answer))
        try:
            response: Response = await answer
            return response
        finally:
            task.cancel()
            for group in groups:
                group.discard(answer)

    def inject(self, unit: Unit) -> None:
        """Hand the client a packet that the server never sent, with its next answer."""
        self._injected += unit.frames
        self._interrupt(_NOOP, self._asking)

    def with_injected(self, scope: Scope, response: Response) -> Response:
        """Add what was injected to the answer of a request that asks for packets."""
        if scope["method"] != "GET" or response.status != 200 or not self._injected:
            return response
        frames, self._injected = self._injected, []
        body = join_body([*split_body(response.body), *frames])
        return with_body(response, body)

    async def through(self, direction: str, body: bytes) -> list[Frame]:
        """Let the packets of a body cross; return those that arrive."""
        gathering = Gathering()
        for frame in split_body(body):
            for unit in self._units[direction].feed(frame):
                gathering.expect()
                self._network.put(self.client, direction, unit, gathering)
                if unit.kind == "control":
                    self._notice(direction, unit)
        return await gathering.gather()

    def _notice(self, direction: str, unit: Unit) -> None:
        if unit.name == "CONNECT" and direction == "outbound":
            self.client.spoken = True
        elif unit.name == "DISCONNECT" and unit.namespace == "/":
            self.client.leaving = True
        elif unit.name == "close" and direction == "inbound":
            self.close()
        elif unit.name == "close":
            self.ended = True

    async def post(self, app: App, scope: Scope, body: bytes) -> Response:
        """Carry a body up, in portions that every server takes."""
        frames = await self.through("inbound", body)
        response = Response(200, [(b"content-type", b"text/html")], b"ok")
        for start in range(0, len(frames), _BATCH):
            response = await ask(app, scope, join_body(frames[start : start + _BATCH]))
            if response.status != 200:
                break
        return response

    async def get(self, app: App, scope: Scope) -> Response:
        """Ask until something survives the way down."""
        while True:
            response = await ask(app, scope, b"")
            if response.status != 200 or not response.body:
                await gate(self._network, self.client)  # in an outage nobody hears it
                return response
            frames = await self.through("outbound", response.body)
            if frames:
                return with_body(response, join_body(frames))


def _hand_over(answer: asyncio.Future[Response], task: asyncio.Future[Response]) -> None:
    """Give a finished job's outcome to the request that waits for it."""
    if answer.done() or task.cancelled():
        if not answer.done():
            answer.cancel()
    elif (error := task.exception()) is not None:
        answer.set_exception(error)
    else:
        answer.set_result(task.result())


class Polling:
    """All sessions by long-polling of one network."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._ports: dict[str, PollingPort] = {}

    def client(self, sid: str) -> Client | None:
        """Return the client of a session that may upgrade to WebSocket."""
        port = self._ports.get(sid)
        fit = port is not None and not port.cut and port in port.client.transports
        return port.client if port is not None and fit else None

    async def handle(self, app: App, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        body = await read_body(receive, self._network.bounds.max_payload)
        if body is None:
            await respond(send, Response(413, [], b""))
            return
        sid = query_of(scope).get("sid", "")
        self._sweep()
        if not sid or scope["method"] == "OPTIONS":
            await respond(send, await self._open(app, scope, body))
        elif sid in self._ports:
            await respond(send, await self._request(app, scope, body, self._ports[sid]))
        else:
            await respond(send, await ask(app, scope, body))

    async def _open(self, app: App, scope: Scope, body: bytes) -> Response:
        """Start a session: the request crosses up, the answer down."""
        if scope["method"] != "GET":
            return await ask(app, scope, body)
        try:
            client = self._network.admit(identity_of(scope))
        except TooManyError:
            return refusal(_BUSY)
        if not await gate(self._network, client):
            self._network.lose(client)
            return refusal(_OUT)
        self._network.join(client)
        await cross(self._network, client, "inbound")
        response = await ask(app, {**scope, CLIENT: client}, body)
        sid = _sid(response.body) if response.status == 200 else ""
        if sid:
            port = self._ports[sid] = PollingPort(self._network, client, scope, sid, self._forget)
            client.transports.add(port)
            self._network.expect_connect(client, port)
        else:
            self._network.lose(client)
        await cross(self._network, client, "outbound")
        return response

    async def _request(self, app: App, scope: Scope, body: bytes, port: PollingPort) -> Response:
        port.open_requests += 1
        try:
            if scope["method"] == "POST":
                response = await port.unless_interrupted(port.post(app, scope, body))
            elif self._network.strict and port.is_asked:
                port.overlap()
                response = refusal(_OVERLAP)
            else:
                response = await port.unless_interrupted(port.get(app, scope), asks=True)
        except PacketError:
            port.abort()
            response = refusal(b'{"code":3,"message":"Bad request"}')
        finally:
            port.open_requests -= 1
            port.last_seen_s = self._network.clock.now_ns() / 1e9
        response = port.with_injected(scope, response)
        if response.status != 200 or port.closed or port.ended:
            await self._drop(app, scope, port)
        return response

    async def _drop(self, app: App, scope: Scope, port: PollingPort) -> None:
        """The session is over: forget it, and tell the application."""
        was_cut = port.cut
        if self._forget(port) and was_cut:
            await ask(app, {**scope, "method": "POST"}, b"1")

    def _forget(self, port: PollingPort) -> bool:
        """Forget a session; False if that is done already."""
        if self._ports.pop(port.sid, None) is None:
            return False
        port.cut = True
        port.client.transports.discard(port)
        if not port.client.transports:
            self._network.lose(port.client, for_good=port.client.leaving)
        return True

    def _sweep(self) -> None:
        """Forget sessions whose client has upgraded, or has not asked for a long time."""
        now_s = self._network.clock.now_ns() / 1e9
        for sid, port in list(self._ports.items()):
            idle = not port.open_requests and now_s - port.last_seen_s > _IDLE_S
            upgraded = port not in port.client.transports
            if idle or (upgraded and not port.open_requests and port.client.gone):
                del self._ports[sid]
                port.client.transports.discard(port)
                if not port.client.transports:
                    self._network.lose(port.client)


def _sid(body: bytes) -> str:
    """Return the session id of an OPEN packet, or ``""``."""
    try:
        first = split_body(body)[0]
        opened = json.loads(first[1:]) if isinstance(first, str) and first[:1] == "0" else {}
    except (PacketError, ValueError):
        return ""
    sid = opened.get("sid") if isinstance(opened, dict) else None
    return sid if isinstance(sid, str) else ""
