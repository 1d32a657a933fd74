"""The in-process simulator of a Socket.IO server behind a network.

Here is what a user calls. It stands on :mod:`wsim.simulation` (clients and their links,
handlers, intake, what it tells of itself), :mod:`wsim.messages` (what is allowed) and
:mod:`wsim.history`.
"""

from __future__ import annotations

import asyncio
from asyncio import get_running_loop
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from importlib import import_module
from threading import get_ident
from typing import Any

from wsim.clock import Clock
from wsim.errors import PayloadError, UsageError
from wsim.history import History
from wsim.identifiers import identifiers
from wsim.messages import Registry, Schema, check_event_name
from wsim.payloads import ack_size, arguments, payload
from wsim.simulation.clients import Client, ConnectionState, Endpoint, Message
from wsim.simulation.handlers import Entry, Handler, Handlers, awaitable
from wsim.simulation.network import Network
from wsim.simulation.playback import Playback
from wsim.simulation.settings import Settings, settings_for, settings_from
from wsim.simulation.waiting import give_up

_S = 1_000_000_000


class WebSocketServerSimulator(Playback):
    """A Socket.IO server, its clients and the network between them, in one process.

    Parameters
    ----------
    config
        ``network`` (conditions by name), ``profile``, ``validate_messages``,
        ``record_messages``, ``max_history``, ``seed``, ``strict``, ``time_scale``, ``run``,
        ``started_at``: see :class:`wsim.simulation.settings.Settings`. All may be left out.

    Raises
    ------
    ConditionsError, UnknownNameError
        For a name or value that is not allowed.

    Examples
    --------
    >>> from wsim.clock import run
    >>> sim = WebSocketServerSimulator({"network": {"latency_ms": 50, "jitter_ms": 0}, "seed": 1})
    >>> @sim.on("driveCommands")
    ... def drive(command):
    ...     print(command["linear"], "after", sim.now_s, "s")
    >>> async def main():
    ...     client_id = await sim.connect()
    ...     return await sim.receive("driveCommands", {"linear": 0.5}, client_id)
    >>> run(main())
    0.5 after 0.10000264 s
    True
    """

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        self._make(settings_from(config))

    def _make(self, settings: Settings) -> None:
        super().__init__(settings.time_scale)
        self.settings = settings
        self.seed, self.started_at = settings.seed, settings.started_at
        self._next_id = identifiers(settings.seed).__next__
        about: dict[str, Any] = {"started_at": settings.started_at, "seed": settings.seed}
        about["conditions"] = settings.network.to_dict()
        self.recorder = History(
            settings.max_history, run=settings.run, profile=settings.profile, about=about
        )
        self._append_plain = self.recorder.append_plain
        self.registry = Registry()
        self._quick = self.registry.quick
        self._handlers = Handlers()
        self._net = Network(
            settings.network, settings.seed, self.recorder, self._handlers, self.registry
        )
        self._net.recording = settings.record_messages
        self._net.validating = settings.validate_messages
        self._net.strict, self._net.started_at = settings.strict, settings.started_at
        self._net.on_connection = self._connection_changed
        self._net.on_answer = self._answer
        self._connected, self._send_letter = self._net.connected, self._net.send_letter
        self._endpoints: list[Endpoint] = []
        self._clients_made = 0
        self._rover: dict[str, Any] = {}

    def _moved(self, clock: Clock) -> None:
        self._net.clock = clock
        for client in self._net.clients.values():
            client.armed_ns = 2**62
            if client.endpoint is None:
                self._net.arm(client, client.link.next_event_ns)

    def __repr__(self) -> str:
        clients = len(self._net.connected)
        return f"<WebSocketServerSimulator {self.recorder.profile!r}, {clients} clients>"

    # -- handlers and schemas ------------------------------------------------------------

    def on(self, event_name: str, handler: Handler | None = None) -> Any:
        """Register a handler of an event; without one, return a decorator.

        A handler takes the payload (several arguments if the message has several), may be a
        coroutine function, and what it returns is the acknowledgement. ``connect`` and
        ``disconnect`` handlers get the client's id.
        """
        if handler is None:
            check_event_name(event_name)
            return partial(self._decorated, event_name)
        self._handlers.add(event_name, handler)
        return handler

    def _decorated(self, event_name: str, handler: Handler) -> Handler:
        self._handlers.add(event_name, handler)
        return handler

    def off(self, event_name: str, handler: Handler | None = None) -> bool:
        """Remove a handler of an event, or all; say whether there was one."""
        return self._handlers.remove(event_name, handler)

    def set_default_handler(self, handler: Handler | None) -> None:
        """Set what is called with (event name, payload) for events without a handler."""
        self._handlers.set_default(handler)

    @property
    def event_handlers(self) -> dict[str, list[Handler]]:
        """The registered handlers by event."""
        return self._handlers.by_event

    def register_schema(self, event_name: str, schema: Schema) -> None:
        """Set the JSON Schema of an event's payload."""
        self.registry.register(event_name, schema)

    # -- messages ------------------------------------------------------------------------

    async def receive(self, event_name: str, data: Any = None, client_id: str = "") -> bool:
        """Send a message from a client to the server, and wait until its handlers are done.

        Returns
        -------
        True if it was delivered; False if it was lost, refused or has no such client.

        Raises
        ------
        UsageError
            From within a handler of the same client, which would wait for itself.
        """
        if self._source._thread_id != get_ident() and not self._at_home():
            return await self._carry(self.receive(event_name, data, client_id))
        quick = self._quick.get(event_name) if type(event_name) is type(client_id) is str else None
        size = 0 if quick is None else quick(data)
        measured = (size, "", True) if size else self._measure(event_name, data, client_id)
        now_ns = self._source.now_ns
        client = self._net.connected.get(client_id)
        if client is not None and not measured[1] and client.endpoint is None:
            if client.busy:
                self._refuse_waiting("receive", event_name, client)
            elif client.inbound.pass_now(now_ns):
                rest = self._arrive_at_once(client, event_name, data, measured, now_ns)
                return True if rest is None else await rest
        message = self._inbound(event_name, data, client_id, measured, now_ns)
        return message is not None and bool(await self._send_off(message, now_ns))

    def _arrive_at_once(
        self, client: Client, event: str, data: Any, measured: tuple[int, str, bool], now_ns: int
    ) -> Coroutine[Any, Any, bool] | None:
        """Record a message that meets no network, and run its handlers in the caller's task.

        This is the path of unit tests, kept as short as can be. What is left to await is
        returned.
        """
        handed = self._passed(client, "inbound", event, data, measured, now_ns)
        entries = self._handlers.table.get(event) or self._handlers.entries(event)
        if len(entries) != 1 or type(handed) is tuple:
            return self._handle_here(client, event, entries, handed) if entries else None
        client.busy = True
        waiting = failure = None
        try:
            waiting = entries[0].call(handed)
        except BaseException as error:
            client.busy = False
            if not isinstance(error, Exception):
                raise
            failure = error
        if failure is None and not client.queue and (waiting is None or not awaitable(waiting)):
            client.busy = False
            return None
        return self._finish_here(client, event, waiting, failure)

    async def _finish_here(
        self, client: Client, event: str, waiting: Any, failure: Exception | None
    ) -> bool:
        """Await what the only handler of a message returned, and let the next message in."""
        client.busy = True
        client.handling = asyncio.current_task()
        try:
            if failure is None and awaitable(waiting):
                await waiting
        except Exception as error:
            failure = error
        finally:
            client.busy = False
            client.handling = None
            if client.queue:
                self._net.drain(client)
        if failure is not None:
            self._handlers.failed(event, client.id, failure)
            if self._net.strict:
                raise failure
        return True

    async def _handle_here(
        self, client: Client, event: str, entries: Sequence[Entry], handed: Any
    ) -> bool:
        """Run several handlers, or one that takes several arguments."""
        message = Message(client, "inbound", event, None, True, 0, "", "", 0)
        await self._finish_here(client, event, self._handlers.begin(message, handed), None)
        if message.error is not None and self._net.strict:
            raise message.error
        return True

    def _refuse_waiting(self, verb: str, event: str, client: Client) -> None:
        """Raise where a handler would wait for itself."""
        if client.handling is not None and client.handling is asyncio.current_task():
            raise UsageError(
                f"{verb}('{event}') of '{client.id}' from within a handler of the same client"
                " would wait for itself: use receive_nowait, or"
                f" asyncio.create_task(sim.{verb}(...))"
            )

    async def call(
        self, event_name: str, data: Any = None, client_id: str = "", *, timeout_s: float = 60.0
    ) -> Any:
        """Send a message from a client that asks for an acknowledgement, and return the answer.

        It crosses, the handlers run, and the first value they return comes back; the round
        trip is recorded with the message.

        Raises
        ------
        TimeoutError
            If no answer came within `timeout_s` simulated seconds: message or answer were
            lost, the message was refused, a handler failed, or there is no such client.
        """
        if get_running_loop() is not self._loop and not self._at_home():
            return await self._carry(self.call(event_name, data, client_id, timeout_s=timeout_s))
        size, reason, flat = self._measure(event_name, data, client_id)
        client = self._net.clients.get(client_id)
        if client is not None:
            self._refuse_waiting("call", event_name, client)
        now_ns = self._source.now_ns
        ack_id = 0 if client is None else client.acks
        measured = (size + len(str(ack_id)) if size else 0, reason, flat)
        message = self._inbound(event_name, data, client_id, measured, now_ns)
        if message is None:
            raise TimeoutError(f"call '{event_name}': no client '{client_id}' is connected")
        message.ack_id = ack_id
        message.client.acks += 1
        answer = self._send_off(message, now_ns)
        self._net.clock.call_at(now_ns + round(timeout_s * _S), partial(give_up, message))
        return await answer

    def _answer(self, message: Message) -> None:
        """Send back what the handlers returned; one that failed answers nothing."""
        if message.error is not None:
            if self._net.strict and message.future is not None and not message.future.done():
                message.future.set_exception(message.error)
            return
        try:
            size = ack_size(arguments(message.ack), message.ack_id)
        except PayloadError as error:
            self._handlers.message_failed(message, error)
            return
        self._net.answer(message, message.ack, size, self._source.now_ns)

    async def emit(self, event_name: str, data: Any = None, client_id: str | None = None) -> bool:
        """Send a message from the server to one client, or to all, and wait for its fate.

        Returns
        -------
        True if it was delivered, in a broadcast to one client at least. A real client counts
        as reached once the message is handed to its network.
        """
        if get_running_loop() is not self._loop and not self._at_home():
            return await self._carry(self.emit(event_name, data, client_id))
        measured = self._measure(event_name, data, client_id)
        now_ns = self._source.now_ns
        if client_id is not None:
            fate = self._emit(event_name, data, client_id, measured, now_ns)
            return fate if isinstance(fate, bool) else bool(await fate)
        names = self._audience()
        fates = [self._emit(event_name, data, name, measured, now_ns) for name in names]
        return any([fate if isinstance(fate, bool) else await fate for fate in fates])

    def _emit(
        self, event: str, data: Any, client_id: str, measured: tuple[int, str, bool], now_ns: int,
        wait: bool = True,
    ) -> bool | asyncio.Future[Any]:  # fmt: skip
        client = self._net.clients.get(client_id)
        if client is not None and client.endpoint is not None:
            return self._to_endpoint(client.endpoint, client_id, event, data, measured)
        if client is not None and not measured[1] and client.outbound.pass_now(now_ns):
            self._passed(client, "outbound", event, data, measured, now_ns)
            return True
        message = self._outbound(event, data, client_id, measured, now_ns)
        if message is None:
            return False
        if wait:
            return self._send_off(message, now_ns)
        self._net.send(message, now_ns)
        return False

    def _audience(self) -> list[str]:
        """Return whom a broadcast is for: everybody who has come in, cut off or not."""
        clients = self._net.clients.items()
        return [name for name, c in clients if c.state is not ConnectionState.CONNECTING]

    def receive_nowait(self, event_name: str, data: Any = None, client_id: str = "") -> None:
        """Send a message from a client to the server without waiting; call it in the loop."""
        if self._source._thread_id != get_ident():
            self._enter()
        now_ns = self._source.now_ns
        size, client = 0, None
        try:
            size = self._quick[event_name](data)
            client = self._connected[client_id]
        except (KeyError, TypeError):  # not the plainest of messages
            size *= type(client_id) is str
        if size and client is not None and client.endpoint is None:
            number = client.session.number
            letter = (client, event_name, data.copy(), size, self._next_id(), number)
            self._send_letter(letter, now_ns)
            return
        measured = (size, "", True) if size else self._measure(event_name, data, client_id)
        if (message := self._inbound(event_name, data, client_id, measured, now_ns)) is not None:
            self._net.send(message, now_ns)

    def emit_nowait(self, event_name: str, data: Any = None, client_id: str | None = None) -> None:
        """Send a message to one client, or to all, without waiting; call it in the loop."""
        self._enter()
        measured = self._measure(event_name, data, client_id)
        now_ns = self._source.now_ns
        for name in self._audience() if client_id is None else [client_id]:
            self._emit(event_name, data, name, measured, now_ns, wait=False)

    async def handle(self, event_name: str, args: tuple[Any, ...], client_id: str) -> Any:
        """Run the handlers of a message that a real client's door delivered.

        Returns
        -------
        The first value a handler returned: the acknowledgement. Handlers of one client run
        one message after another.
        """
        if get_running_loop() is not self._loop and not self._at_home():
            return await self._carry(self.handle(event_name, args, client_id))
        client = self._net.clients.get(client_id)
        if client is None:
            return None
        message = Message(
            client, "inbound", event_name, payload(args), True, 0, "", "", self._source.now_ns
        )
        message.future = get_running_loop().create_future()
        self._net.dispatch(message)
        await message.future
        return message.ack

    def serve(self, **options: Any) -> Any:
        """Serve real Socket.IO clients; see :func:`wsim.serve`."""
        endpoint: Any = import_module("wsim.serving.endpoint")  # a floor above: only when called
        return endpoint.serve(self, **options)


def create_websocket_simulator(
    profile: Any = "default", **overrides: Any
) -> WebSocketServerSimulator:
    """Create a simulator with the conditions of a profile.

    Parameters
    ----------
    profile
        A name such as ``"perfect"``, ``"default"``, ``"stressed"`` or ``"mars"``, a profile
        file, a :class:`~wsim.profiles.Profile` or conditions.
    **overrides
        Settings (``seed``, ``strict``, ``max_history``, ...) and conditions by name.

    Raises
    ------
    UnknownNameError, ConditionsError
        For an unknown profile, setting or condition, or a value out of range.
    """
    sim = WebSocketServerSimulator.__new__(WebSocketServerSimulator)
    sim._make(settings_for(profile, overrides))
    return sim
