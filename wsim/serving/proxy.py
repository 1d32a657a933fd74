"""``wsim proxy``: a simulated network in front of somebody else's server."""

from __future__ import annotations

import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Collection
from pathlib import Path
from typing import Any, Self

from wsim.formats.jsonl import Recorder
from wsim.history import History
from wsim.serving.control import ControlFile, Controlled, control_app
from wsim.serving.faults import inflict
from wsim.serving.guard import Guard, check_binding
from wsim.serving.host import Host
from wsim.serving.middleware import NetworkMiddleware
from wsim.serving.network import Client, Network
from wsim.serving.tcp_network import TcpNetwork
from wsim.serving.terms import Bounds, resolved
from wsim.serving.transport import CLIENT, Scope
from wsim.serving.upstream import Upstream


class Desk:
    """What a proxy has beside its traffic: the control API, its file, and the recording.

    Parameters
    ----------
    target
        Who is controlled.
    history, record
        What is recorded, and the .jsonl file it is appended to, if any.
    """

    def __init__(self, target: Controlled, history: History, record: str | Path | None) -> None:
        self._target, self._history, self._record = target, history, record
        self._control: Host | None = None
        self._file: ControlFile | None = None
        self._recorder: Recorder | None = None

    async def open(self, port: int) -> None:
        """Start to record, and to be controlled as the server on `port`."""
        if self._record is not None:
            self._recorder = Recorder(self._record, self._history)
        app, token = control_app(self._target)
        self._control = Host(app)
        self._file = ControlFile.write(port, await self._control.start("127.0.0.1", 0), token)

    async def close(self) -> None:
        """Stop both, whatever of it was started."""
        if self._control is not None:
            await self._control.stop()
        if self._file is not None:
            self._file.remove()
        if self._recorder is not None:
            self._recorder.close()


class Front(ABC):
    """What can be done to a proxy, whatever it carries."""

    network: Network | TcpNetwork
    history: History
    upstream: str

    @property
    @abstractmethod
    def url(self) -> str:
        """The address for clients of this machine."""

    @abstractmethod
    async def start(self) -> Self:
        """Start to listen, in the running loop."""

    @abstractmethod
    async def stop(self) -> None:
        """Close every connection and stop to listen."""

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def set(self, **conditions: Any) -> None:
        """Change conditions while clients stay connected."""
        self.network.change(conditions)

    def set_profile(self, name: Any) -> None:
        """Put a profile in force while clients stay connected."""
        self.network.change(name)

    def status(self) -> dict[str, Any]:
        """Return what the proxy is doing, as JSON types."""
        return {
            "url": self.url,
            "upstream": self.upstream,
            "connected_clients": self.network.connected,
            "message_history_size": len(self.history),
            "messages_recorded": self.history.recorded,
            "profile": self.history.profile,
            "network_conditions": self.network.conditions.to_dict(),
            "seed": self.network.seed,
        }


class Proxy(Front):
    """A proxy that frames cross unmodified, each when its time has come.

    In front of a Socket.IO server (protocol 5) it decodes packets for the history; older
    protocols and plain WebSocket servers pass message by message.

    Parameters
    ----------
    upstream
        Address of the server, such as ``http://127.0.0.1:4000``; fixed for good.
    conditions_or_profile
        What the network does.
    host, port
        Where to listen; port 0 takes a free one.
    token
        Needed for any host but loopback: clients give it as ``?token=`` in the address.
    allow_origin
        Origins of pages that may connect, beside those of loopback names.
    seed
        Chooses the random streams.
    record
        A .jsonl file that every message is appended to as it happens.
    max_history
        Rows kept in memory.

    Examples
    --------
    >>> Proxy("http://127.0.0.1:4000", "stressed", port=0).history.profile
    'stressed'
    """

    network: Network

    def __init__(
        self,
        upstream: str,
        conditions_or_profile: Any = "default",
        host: str = "127.0.0.1",
        port: int = 5000,
        *,
        token: str | None = None,
        allow_origin: Collection[str] = (),
        seed: int | None = None,
        record: str | Path | None = None,
        max_history: int | None = 10_000,
        bounds: Bounds | None = None,
    ) -> None:
        check_binding(host, token)
        seed = secrets.randbits(32) if seed is None else seed
        conditions, name = resolved(conditions_or_profile)
        about = {"started_at": time.time(), "seed": seed, "conditions": conditions.to_dict()}
        self.history = History(max_history, profile=name, about={**about, "upstream": upstream})
        self.network = Network(conditions, seed=seed, history=self.history, bounds=bounds)
        self.host, self.port, self.upstream = host, port, upstream
        self._upstream = Upstream(upstream, self._note_trouble)
        self.trouble = ""
        """Why the server could not be reached, or what it answered, the last time it failed."""
        middle = NetworkMiddleware(self._upstream, conditions, network=self.network)
        self._host = Host(Guard(middle, host=host, allow_origin=allow_origin, token=token))
        self._desk = Desk(self, self.history, record)

    @property
    def url(self) -> str:
        """The address for clients of this machine."""
        return f"http://{self.host}:{self.port}"

    async def start(self) -> Self:
        """Start to listen, in the running loop."""
        try:
            self.port = await self._host.start(self.host, self.port)
            await self._desk.open(self.port)
        except BaseException:
            await self.stop()
            raise
        return self

    async def stop(self) -> None:
        """Close every connection and stop to listen."""
        for client in list(self.network.clients):
            client.leaving = True
        await self._host.stop()
        await self._upstream.close()
        await self._desk.close()

    def _note_trouble(self, scope: Scope, reason: str) -> None:
        self.trouble = reason
        client: Client | None = scope.get(CLIENT)
        name, session = ("", 1) if client is None else (client.client_id, client.session)
        now_ns = self.network.clock.now_ns()
        self.history.note_connection(now_ns, name, "unreachable", session, reason)

    def fail(self, how: str, client_id: str | None = None, *, duration_s: float = 5.0) -> list[str]:
        """Make connections fail; see :func:`wsim.serving.faults.inflict`. Returns whose did."""
        return inflict(self.network, how, client_id=client_id, duration_s=duration_s)
