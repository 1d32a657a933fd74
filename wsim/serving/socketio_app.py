"""The simulator as a python-socketio application, and its clients as seen from the simulator."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Collection
from typing import Any

import socketio

from wsim.conditions import NetworkConditions
from wsim.link import Link
from wsim.names import readable
from wsim.serving.manners import Manners
from wsim.serving.network import Client, Network
from wsim.serving.packets import encode_event
from wsim.serving.terms import check_heartbeat
from wsim.serving.transport import CLIENT
from wsim.simulator import WebSocketServerSimulator

_GOODBYE_S = 1.0


class SimulatorRoster:
    """Clients are the simulator's own: it names them, makes their links and keeps count."""

    def __init__(self, sim: WebSocketServerSimulator, endpoint: SocketIoApp) -> None:
        self._sim, self._endpoint = sim, endpoint
        self._fresh: set[str] = set()

    def newcomer(self, conditions: NetworkConditions, identity: str) -> tuple[str, Link]:
        """Make the simulator take a client in."""
        client = self._sim.admit(endpoint=self._endpoint)
        self._fresh.add(client.id)
        return client.id, client.link

    def joined(self, client: Client, now_ns: int) -> None:
        """A client is connected, for the first time or again."""
        if client.client_id in self._fresh:
            self._fresh.discard(client.client_id)
        else:
            self._sim.back(client.client_id)

    def lost(self, client: Client, now_ns: int, for_good: bool) -> None:
        """A client is not connected any more."""
        if for_good:
            self._sim.dismiss(client.client_id)
        else:
            self._sim.lost(client.client_id)


class SocketIoApp:
    """A python-socketio server whose events are the simulator's.

    Parameters
    ----------
    sim
        Runs the handlers; what they return is the acknowledgement.
    token
        If set, clients must send it as ``auth: {token: ...}``.
    ping_interval, ping_timeout
        Engine.IO's heartbeat, in seconds.
    namespaces
        Those that clients may connect to beside ``/``; ``*`` is any.
    """

    def __init__(
        self,
        sim: WebSocketServerSimulator,
        *,
        token: str | None = None,
        ping_interval: float = 25,
        ping_timeout: float = 20,
        max_payload: int = 1_000_000,
        namespaces: Collection[str] = (),
    ) -> None:
        self._sim, self._token = sim, token
        self._namespaces = frozenset(namespaces) | {"/"}
        self.network: Network
        self._sids: dict[str, Client] = {}
        self._by_client: dict[str, str] = {}
        self._outbox: asyncio.Queue[tuple[str, tuple[str | bytes, ...]]] = asyncio.Queue()
        self._sio = socketio.AsyncServer(
            async_mode="asgi",
            cors_allowed_origins="*",  # the guard in front has looked at the origin
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            max_http_buffer_size=max_payload,
            http_compression=False,
            namespaces="*",
        )
        self._sio.on("connect", self._connect, namespace="*")
        self._sio.on("disconnect", self._disconnect, namespace="*")
        self._sio.on("*", self._event, namespace="*")
        self.asgi = Manners(socketio.ASGIApp(self._sio), ping_interval, ping_timeout, self._hang_up)

    # -- from real clients ---------------------------------------------------------------

    async def _connect(
        self, namespace: str, sid: str, environ: dict[str, Any], auth: Any = None
    ) -> None:
        if not self._namespaces & {namespace, "*"}:
            raise socketio.exceptions.ConnectionRefusedError("Invalid namespace")
        if self._token is not None and not _has_token(auth, self._token):
            raise socketio.exceptions.ConnectionRefusedError("the token is missing or wrong")
        client: Client = environ["asgi.scope"][CLIENT]
        self._sids[sid] = client
        if namespace == "/":
            self._by_client[client.client_id] = sid

    async def _disconnect(self, namespace: str, sid: str, reason: str = "") -> None:
        client = self._sids.pop(sid, None)
        if client is not None and self._by_client.get(client.client_id) == sid:
            del self._by_client[client.client_id]

    async def _hang_up(self, eio_sid: str) -> None:
        """End an Engine.IO session; whoever waits for its packets, waits no longer."""
        session = self._sio.eio.sockets.get(eio_sid)
        if session is not None:
            await session.close(wait=False, abort=True, reason=self._sio.reason.PING_TIMEOUT)
            await session.queue.put(None)

    async def _event(self, event: str, namespace: str, sid: str, *args: Any) -> Any:
        client = self._sids.get(sid)
        if client is None:
            return None
        answer = await self._sim.handle(event, args, client.client_id)
        return list(answer) if isinstance(answer, list) else answer

    # -- the simulator's Endpoint --------------------------------------------------------

    def send(self, event: str, args: tuple[Any, ...], client_id: str, message_id: str) -> bool:
        """Hand an event to a client's network. False if it is not connected."""
        if client_id not in self._by_client:
            return False
        self._outbox.put_nowait((client_id, encode_event(event, args)))
        return True

    async def post(self) -> None:
        """Carry what was sent to Engine.IO, in order, for ever."""
        while True:
            client_id, frames = await self._outbox.get()
            sid = self._by_client.get(client_id)
            eio_sid = self._sio.manager.eio_sid_from_sid(sid, "/") if sid else None
            if eio_sid is None:
                continue
            for frame in frames:
                await self._sio.eio.send(eio_sid, frame[1:] if isinstance(frame, str) else frame)

    async def disconnect(self, client_id: str) -> bool:
        """Say good-bye to a client; it does not come back."""
        sid = self._by_client.get(client_id)
        client = self._sids.get(sid or "")
        if client is None:
            return False
        client.leaving = True
        await self._sio.disconnect(sid)
        asyncio.get_running_loop().call_later(_GOODBYE_S, client.abort)
        return True

    def check_conditions(self, conditions: NetworkConditions, name: str) -> None:
        """Raise ConditionsError for a delay that outlasts the heartbeat."""
        check_heartbeat(conditions, name)

    def conditions_changed(self) -> None:
        """Take the simulator's conditions, and time as it is: real clients know no other."""
        self._sim.use_real_time()
        self.network.apply(self._sim.conditions, self.network.clock.now_ns())

    # -- statistics ----------------------------------------------------------------------

    def count(self, direction: str, fate: str, took_ns: int) -> None:
        """Let the simulator count a message whose row was written."""
        self._sim.account(direction, fate, took_ns)


def _has_token(auth: Any, token: str) -> bool:
    given = auth.get("token") if isinstance(auth, dict) else None
    return isinstance(given, str) and hmac.compare_digest(readable(given).encode(), token.encode())
