"""Event handlers: registering them, and running them one after another."""

from __future__ import annotations

import inspect
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from types import CoroutineType
from typing import Any, NamedTuple

from wsim.errors import PayloadError
from wsim.messages import check_event_name
from wsim.simulation.clients import Message

Handler = Callable[..., Any]
_LOG = logging.getLogger("wsim")
_KEPT_ERRORS = 100
_ANY = 1_000
_PASSING = ("asyncio", "concurrent")  # they carry exceptions and look at none


class HandlerError(NamedTuple):
    """An exception that a handler raised."""

    event: str
    client_id: str
    error: Exception


class Entry(NamedTuple):
    """A handler, how to call it, and how many arguments it takes at most."""

    call: Handler
    most: int  # arguments it takes
    handler: Handler


class Handlers:
    """The handlers by event, in order of registration, and the default one."""

    def __init__(self) -> None:
        self.table: dict[str, list[Entry]] = {}
        """The entries by event, without the default."""
        self._default: Handler | None = None
        self.errors: deque[HandlerError] = deque(maxlen=_KEPT_ERRORS)
        """The last exceptions of handlers."""
        self.error_count = 0
        self._told = 0

    def __contains__(self, event: str) -> bool:
        return event in self.table

    @property
    def by_event(self) -> dict[str, list[Handler]]:
        """The registered handlers by event."""
        return {event: [entry.handler for entry in e] for event, e in self.table.items()}

    def add(self, event: str, handler: Handler) -> None:
        """Register a handler for an event, after those there are."""
        check_event_name(event)
        self.table.setdefault(event, []).append(_entry(event, handler))

    def remove(self, event: str, handler: Handler | None = None) -> bool:
        """Remove a handler of an event, or all; say whether there was one."""
        check_event_name(event)
        entries = self.table.get(event, [])
        kept = [e for e in entries if handler is not None and e.handler != handler]
        if kept:
            self.table[event] = kept
        else:
            self.table.pop(event, None)
        return len(kept) < len(entries)

    def set_default(self, handler: Handler | None) -> None:
        """Set what is called with (event, data) for events nobody else handles."""
        if handler is not None and not callable(handler):
            raise PayloadError(f"the default handler is not callable: {handler!r}")
        self._default = handler

    def begin(self, message: Message, data: Any) -> Coroutine[Any, Any, None] | None:
        """Run the handlers until one has to be awaited; return the rest as a coroutine, or None.

        Parameters
        ----------
        message
            Keeps the first value returned (the acknowledgement) and the first exception.
        data
            What the handlers get, all of them the same object: what one changes, the next
            one sees. A tuple is spread over those that take several arguments.
        """
        entries = self.entries(message.event)
        return self._step(entries, 0, data, message) if entries else None

    def entries(self, event: str) -> Sequence[Entry]:
        """Return what is to be called for an event: its handlers, or the default one."""
        entries = self.table.get(event)
        if entries is not None:
            return entries
        default = self._default
        if default is None:
            return ()
        return (Entry(lambda given: default(event, given), 1, default),)

    def _step(
        self, entries: Sequence[Entry], first: int, data: Any, message: Message
    ) -> Coroutine[Any, Any, None] | None:
        spread = type(data) is tuple
        for i in range(first, len(entries)):
            call, most, _ = entries[i]
            try:
                result = call(*data) if spread and most >= len(data) else call(data)
            except Exception as error:
                self.message_failed(message, error)
                continue
            if result is None:
                continue
            if awaitable(result):
                return self._rest(result, entries, i + 1, data, message)
            if message.ack is None:
                message.ack = result
        return None

    async def _rest(
        self, result: Any, entries: Sequence[Entry], following: int, data: Any, message: Message
    ) -> None:
        try:
            value = await result
            if message.ack is None:
                message.ack = value
        except Exception as error:
            self.message_failed(message, error)
        if following < len(entries):
            rest = self._step(entries, following, data, message)
            if rest is not None:
                await rest

    def rest(self, result: Any, message: Message) -> Coroutine[Any, Any, None]:
        """Return what is left to do of a message whose only handler returned an awaitable."""
        return self._rest(result, (), 0, None, message)

    def message_failed(self, message: Message, error: Exception) -> None:
        """Note an exception of a handler with its message, too."""
        self.failed(message.event, message.client.id, error)
        if message.error is None:
            message.error = error

    def untold(self) -> list[Exception]:
        """Return the exceptions kept since the last call that no caller of wsim met."""
        recent = list(self.errors)[max(len(self.errors) + self._told - self.error_count, 0) :]
        self._told = self.error_count
        return [kept.error for kept in recent if not met_caller(kept.error)]

    def failed(self, event: str, client_id: str, error: Exception) -> None:
        """Log, count and keep an exception of a handler."""
        _LOG.error("handler of '%s' failed: %r", event, error, exc_info=error)
        self.error_count += 1
        self.errors.append(HandlerError(event, client_id, error))


def met_caller(error: BaseException) -> bool:
    """Say whether an exception left wsim and went through code that awaited the call.

    Then the outermost frame that is not asyncio's is not wsim's either. It stays wsim's where
    nobody awaited, or where the exception was handed over as a value, as
    ``gather(..., return_exceptions=True)`` does.
    """
    trace = error.__traceback__
    while trace is not None:
        room = str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        if room not in _PASSING:
            return room != "wsim"
        trace = trace.tb_next
    return False


def awaitable(result: object) -> bool:
    """Return True for what a handler returned if it has to be awaited."""
    return type(result) is CoroutineType or hasattr(result, "__await__")


def _entry(event: str, handler: Handler) -> Entry:
    if not callable(handler):
        raise PayloadError(f"the handler of '{event}' is not callable: {handler!r}")
    most = _most_arguments(handler)
    if most == 0:
        return Entry(lambda *_: handler(), _ANY, handler)
    return Entry(handler, most, handler)


def _most_arguments(handler: Handler) -> int:
    """Return how many positional arguments a handler takes."""
    try:
        parameters = inspect.signature(handler).parameters.values()
    except (TypeError, ValueError):  # builtins do not always tell
        return 1
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return _ANY
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
