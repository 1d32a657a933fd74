"""``serve``: the simulator as a real Socket.IO server, on a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Self, TypeVar

from wsim.errors import UsageError
from wsim.formats.jsonl import Recorder
from wsim.serving.control import ControlFile, control_app
from wsim.serving.faults import inflict
from wsim.serving.guard import Guard, check_binding
from wsim.serving.host import Host
from wsim.serving.lag import LagMeter
from wsim.serving.middleware import NetworkMiddleware
from wsim.serving.network import Network
from wsim.serving.page import network_in_force, with_page
from wsim.serving.socketio_app import SimulatorRoster, SocketIoApp
from wsim.serving.terms import Bounds, check_heartbeat, checked_namespaces
from wsim.simulator import WebSocketServerSimulator, create_websocket_simulator

T = TypeVar("T")
_log = logging.getLogger("wsim")
_PATIENCE_S = 10.0


class Server:
    """A served simulator: real clients on a port, in a loop that runs somewhere.

    Use :func:`serve` from a notebook or a script, or ``async with Server(sim)`` to serve in the
    running loop.

    Parameters
    ----------
    sim
        The simulator whose handlers, validation, statistics and history it is.
    host, port
        Where to listen; port 0 takes a free one, which :attr:`port` tells.
    token
        What clients must send as ``auth: {token: ...}``; needed for any host but loopback.
    allow_origin
        Origins of pages that may connect, beside those of loopback names.
    record
        A .jsonl file that every message is appended to as it happens.
    ping_interval, ping_timeout
        Engine.IO's heartbeat, in seconds.
    bounds
        What the server puts up with.
    namespaces
        Those that clients may connect to beside ``/``, such as ``["/admin"]``; ``["*"]`` is any.
    """

    def __init__(
        self,
        sim: WebSocketServerSimulator,
        host: str = "127.0.0.1",
        port: int = 5000,
        *,
        token: str | None = None,
        allow_origin: Collection[str] = (),
        record: str | Path | None = None,
        ping_interval: float = 25,
        ping_timeout: float = 20,
        bounds: Bounds | None = None,
        namespaces: Collection[str] = (),
    ) -> None:
        check_binding(host, token)
        check_heartbeat(sim.conditions, sim.recorder.profile)
        self.sim, self.host, self.port = sim, host, port
        self._record = record
        self._recorder: Recorder | None = None
        self._bounds = bounds or Bounds()
        self._guarding: dict[str, Any] = {
            "host": host, "allow_origin": allow_origin, "token": token, "token_later": True
        }  # fmt: skip
        self._app = SocketIoApp(
            sim, token=token, ping_interval=ping_interval, ping_timeout=ping_timeout,
            max_payload=self._bounds.max_payload, namespaces=checked_namespaces(namespaces),
        )  # fmt: skip
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._thread_id = 0
        self._ended: asyncio.Event | None = None
        self.lag = LagMeter(lambda: sim.conditions)
        self.network: Network

    @property
    def url(self) -> str:
        """The address for clients of this machine."""
        name = self.host if self.host not in ("0.0.0.0", "::", "") else "127.0.0.1"
        return f"http://{name}:{self.port}"

    @property
    def running(self) -> bool:
        """True while it listens."""
        return self._loop is not None

    def __repr__(self) -> str:
        state = f"{self.network.connected} clients" if self.running else "stopped"
        return f"<Server {self.url}, {state}>"

    # -- in a running loop ---------------------------------------------------------------

    async def start(self) -> Self:
        """Start to listen, in the running loop."""
        if self.running:
            raise UsageError(f"this server already listens on {self.url}")
        self.sim.move_here()
        self.sim.use_real_time()
        self._loop, self._thread_id = asyncio.get_running_loop(), threading.get_ident()
        try:
            await self._open()
        except BaseException:
            self._loop = None
            raise
        return self

    async def _open(self) -> None:
        sim, app = self.sim, self._app
        self.network = app.network = Network(
            sim.conditions, seed=sim.seed, history=sim.recorder, inspect=sim.inspect,
            on_row=app.count, clock=sim.clock, roster=SimulatorRoster(sim, app),
            bounds=self._bounds, strict=True,
        )  # fmt: skip
        middle = NetworkMiddleware(app.asgi, sim.conditions, network=self.network)
        self._host = Host(Guard(with_page(middle, self._in_force), **self._guarding))
        control, control_token = control_app(self)
        self._control = Host(control)
        self.port = await self._host.start(self.host, self.port)
        control_port = await self._control.start("127.0.0.1", 0)
        self._file = ControlFile.write(self.port, control_port, control_token)
        if self._record is not None:
            self._recorder = Recorder(self._record, sim.recorder)
        self._forget = sim.add_endpoint(app)
        self._tasks = [asyncio.create_task(app.post()), asyncio.create_task(self.lag.run())]

    def _in_force(self) -> dict[str, Any]:
        return network_in_force(self.sim.conditions, self.sim.recorder.profile)

    async def stop(self) -> None:
        """Close every connection and stop to listen; starting again is allowed."""
        if not self.running:
            return
        self._loop = None
        for task in self._tasks:
            task.cancel()
        for client in list(self.network.clients):
            client.leaving = True
        await self._host.stop()
        await self._control.stop()
        for client in list(self.network.clients):
            self.network.lose(client, for_good=True)
        self._forget()
        self._file.remove()
        if self._recorder is not None:
            self._recorder.close()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # -- on a thread ---------------------------------------------------------------------

    def start_thread(self) -> Self:
        """Start to listen, in a loop on a thread of its own; return when it does."""
        started = threading.Event()
        failure: list[BaseException] = []

        async def main() -> None:
            self._ended = asyncio.Event()
            try:
                await self.start()
            except BaseException as error:
                failure.append(error)
                return
            finally:
                started.set()
            await self._ended.wait()
            await self.stop()

        def work() -> None:
            with asyncio.Runner() as runner:
                runner.get_loop().run_until_complete(main())

        self._thread = threading.Thread(target=work, name=f"wsim.serve:{self.port}", daemon=True)
        self._thread.start()
        in_time = started.wait(_PATIENCE_S)
        if failure:
            raise failure[0]
        if not in_time:
            raise UsageError(f"the server did not start within {_PATIENCE_S:g} s")
        return self

    def close(self) -> None:
        """Stop the server that :func:`serve` started, and wait until it has."""
        thread, self._thread = self._thread, None
        loop, ended = self._loop, self._ended
        if thread is None or loop is None or ended is None:
            return
        loop.call_soon_threadsafe(ended.set)
        thread.join(_PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _in_loop(self, action: Callable[[], T]) -> T:
        """Run something in the server's loop, from whatever thread, and wait for it."""
        loop = self._loop
        if loop is None:
            raise UsageError("the server does not run; start it first")
        if threading.get_ident() == self._thread_id:
            return action()

        async def act() -> T:
            return action()

        return asyncio.run_coroutine_threadsafe(act(), loop).result(_PATIENCE_S)

    # -- what can be done to it ----------------------------------------------------------

    def fail(self, how: str, client_id: str | None = None, *, duration_s: float = 5.0) -> list[str]:
        """Make connections fail; see :func:`wsim.serving.faults.inflict`. Returns whose did."""
        return self._in_loop(
            lambda: inflict(self.network, how, client_id=client_id, duration_s=duration_s)
        )

    def status(self) -> dict[str, Any]:
        """Return what the server is doing, as JSON types."""
        stats = self.sim.get_statistics()
        lag = {"p99_ms": self.lag.p99_ms, "worst_ms": self.lag.worst_ms}
        return {**stats, "url": self.url, "loop_lag": lag}

    def set(self, **conditions: Any) -> None:
        """Change conditions while clients stay connected."""
        self.sim.set_network_conditions(conditions)

    def set_profile(self, name: Any) -> None:
        """Put a profile in force while clients stay connected."""
        self.sim.set_profile(name)


def serve(
    sim: Any = "default",
    host: str = "127.0.0.1",
    port: int = 5000,
    *,
    token: str | None = None,
    allow_origin: Collection[str] = (),
    **options: Any,
) -> Server:
    """Serve a simulator to real Socket.IO clients, from a notebook or a script.

    The server runs on a thread of its own, so that a busy cell does not stall the network, and
    touches no signal handler. Handlers run in that thread.

    Parameters
    ----------
    sim
        A simulator, or the name of a profile (or a profile) to make one with.
    host, port, token, allow_origin
        As for :class:`Server`, which takes the other options too.

    Returns
    -------
    The running server; ``close()`` it, or use it in a ``with`` statement.

    Raises
    ------
    UsageError
        If the port is taken, or the host is not loopback and there is no token.
    ConditionsError
        If the conditions outlast the heartbeat of real clients.

    Examples
    --------
    >>> with serve("stressed", port=0) as server:
    ...     server.set(latency_ms=100)
    ...     server.sim.conditions.latency_ms
    100.0
    """
    if not isinstance(sim, WebSocketServerSimulator):
        sim = create_websocket_simulator(sim)
    server = Server(sim, host, port, token=token, allow_origin=allow_origin, **options)
    return server.start_thread()
