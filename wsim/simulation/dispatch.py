"""Running handlers: those of one client one message after another, in the order of delivery."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from wsim.payloads import enriched, snapshot
from wsim.simulation.clients import Client, Letter, Message
from wsim.simulation.handlers import Handlers, awaitable


class Dispatcher:
    """Takes delivered messages and runs their handlers.

    Attributes
    ----------
    strict
        Raise what handlers raise to whoever awaits the message.
    started_at
        Wall-clock start in epoch seconds, for the metadata.
    on_answer
        Called with a message that asks for an acknowledgement, when its handlers are done.
    """

    on_answer: Callable[[Message], None]

    def __init__(self, handlers: Handlers) -> None:
        self.handlers = handlers
        self._table = handlers.table
        self.strict = False
        self.started_at = 0.0
        self._tasks: set[asyncio.Task[Any]] = set()

    def dispatch(self, message: Message) -> None:
        """Run the handlers now, or after those of the client's earlier messages."""
        client = message.client
        if client.busy:
            client.queue.append(message)
            return
        client.busy = True
        try:
            rest = self.handlers.begin(message, self.handed(message))
        except BaseException:  # not a handler's failure, but the end of the run
            client.busy = False
            raise
        if rest is not None:
            client.handling = self.spawn(self._work(client, message, rest))
            return
        client.busy = False
        self._handled(message)
        if client.queue:
            self.drain(client)

    def dispatch_letter(self, letter: Letter, created_ns: int) -> None:
        """Do what :meth:`dispatch` does; one handler that has nothing to await is called here."""
        client, event, data, _, message_id, _ = letter
        entries = self._table.get(event) or self.handlers.entries(event)
        if client.busy or len(entries) != 1:
            if entries:
                self.dispatch(Message.of(letter, created_ns))
            return
        timestamp = self.started_at + created_ns / 1e9
        client.busy = True
        try:
            result = entries[0][0]({"timestamp": timestamp, "message_id": message_id, **data})
        except BaseException as error:
            client.busy = False
            if not isinstance(error, Exception):  # not a handler's failure, but the end of the run
                raise
            self.handlers.failed(event, client.id, error)
        else:
            if result is not None and awaitable(result):
                message = Message.of(letter, created_ns)
                rest = self.handlers.rest(result, message)
                client.handling = self.spawn(self._work(client, message, rest))
                return
            client.busy = False
        if client.queue:
            self.drain(client)

    def drain(self, client: Client) -> None:
        """Run what waits for a client's handlers; hand over to a task where one has to wait."""
        queue = client.queue
        client.busy = True
        rest: Coroutine[Any, Any, None] | None = None
        try:
            while queue:
                message = queue.popleft()
                rest = self.handlers.begin(message, self.handed(message))
                if rest is not None:
                    client.handling = self.spawn(self._work(client, message, rest))
                    return
                self._handled(message)
        finally:
            if rest is None:
                client.busy = False

    def spawn(self, coro: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine beside everything else."""
        task = asyncio.get_running_loop().create_task(coro)
        self._tasks.add(task)  # the loop keeps weak references only
        task.add_done_callback(self._tasks.discard)
        return task

    async def _work(
        self, client: Client, message: Message, rest: Coroutine[Any, Any, None]
    ) -> None:
        try:
            await rest
            self._handled(message)
            while client.queue:
                message = client.queue.popleft()
                following = self.handlers.begin(message, self.handed(message))
                if following is not None:
                    await following
                self._handled(message)
        except BaseException:
            message.resolve(False)
            raise
        finally:
            client.busy = False
            client.handling = None

    def _handled(self, message: Message) -> None:
        future = message.future
        if future is None and message.error is None:
            return
        if message.ack_id >= 0:
            self.on_answer(message)
        elif future is None or future.done():
            return  # nobody waits; a failure is kept with the handlers' errors
        elif self.strict and message.error is not None:
            future.set_exception(message.error)
        else:
            future.set_result(True)

    def handed(self, message: Message) -> Any:
        """Return what handlers get: theirs to change, enriched with metadata."""
        data = message.data if message.flat else snapshot(message.data)
        return enriched(data, message.message_id, self.started_at + message.created_ns / 1e9)
