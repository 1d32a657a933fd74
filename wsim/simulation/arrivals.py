"""Clients coming and going, simulated and real ones."""

from __future__ import annotations

import asyncio
from asyncio import get_running_loop
from collections.abc import Mapping
from types import MappingProxyType

from wsim.errors import UsageError
from wsim.link import Link
from wsim.names import is_name
from wsim.simulation.clients import Client, Endpoint, Message, check_client_id
from wsim.simulation.steering import Steering

_S = 1_000_000_000


class Arrivals(Steering):
    """Base of the simulator: connecting, being cut off, and leaving."""

    _clients_made: int

    @property
    def connected_clients(self) -> Mapping[str, Client]:
        """The connected clients by id."""
        return MappingProxyType(self._net.connected)

    async def connect(self, client_id: str | None = None) -> str:
        """Connect a client, which takes one one-way delay, and return its id."""
        if get_running_loop() is not self._loop and not self._at_home():
            return await self._carry(self.connect(client_id))
        client = self._new_client(client_id)
        try:
            await self._come_in(client)
        except asyncio.CancelledError:
            self._net.clients.pop(client.id, None)
            raise
        if self._net.clients.get(client.id) is client:
            await self._admit(client)
        return client.id

    async def _come_in(self, client: Client) -> None:
        """Wait for the handshake to cross; an outage holds it."""
        conditions = client.inbound.conditions
        if not conditions.enabled:
            return
        window = client.link.session.outage(self._now_ns())
        held_s = 0.0 if window is None else (window[1] - self._now_ns()) / _S
        if conditions.latency_ms or held_s:
            await self.sleep(held_s + conditions.latency_ms / 1e3)

    async def _admit(self, client: Client) -> None:
        self._net.admit(client, self._now_ns())
        await self._notify("connect", client)

    def admit(
        self,
        client_id: str | None = None,
        *,
        endpoint: Endpoint | None = None,
        link: Link | None = None,
    ) -> Client:
        """Take a client in at once, without a crossing; the door's way in for a real one.

        Parameters
        ----------
        endpoint, link
            Of a real client: who reaches it, and the link that its door drives.
        """
        self._at_home()
        client = self._new_client(client_id, endpoint, link)
        self._net.admit(client, self._now_ns())
        self._connection_changed("connect", client.id)
        return client

    def _new_client(
        self, client_id: str | None, endpoint: Endpoint | None = None, link: Link | None = None
    ) -> Client:
        index = self._clients_made
        name = f"client-{index + 1}" if client_id is None else client_id
        if not is_name(name):
            raise UsageError(f"client id {client_id!r} is no name; leave it out to get one")
        if name in self._net.clients:
            raise UsageError(f"client '{name}' is connected already; disconnect it first")
        self._clients_made += 1
        return self._net.add_client(name, index, endpoint, link)

    async def disconnect(self, client_id: str) -> bool:
        """Disconnect a client for good; what is in flight is not delivered. False if unknown."""
        if get_running_loop() is not self._loop and not self._at_home():
            return await self._carry(self.disconnect(client_id))
        check_client_id(client_id)
        client = self._net.clients.get(client_id)
        if client is None:
            return False
        if client.endpoint is not None:
            return await client.endpoint.disconnect(client_id)
        self._net.remove(client, self._now_ns())
        await self._notify("disconnect", client)
        return True

    def dismiss(self, client_id: str) -> None:
        """Note that a real client has gone; its door calls this."""
        client = self._net.clients.get(client_id)
        if client is not None:
            was_connected = client_id in self._net.connected
            self._net.remove(client, self._now_ns())
            if was_connected:  # otherwise that was told when it was lost
                self._connection_changed("disconnect", client_id, client)

    def lost(self, client_id: str) -> None:
        """Note that a real client lost its connection and may come back; its door calls this."""
        self._net.suspend(client_id, self._now_ns())
        self._connection_changed("disconnect", client_id)

    def back(self, client_id: str) -> None:
        """Note that a real client has come back; its door calls this."""
        self._net.resume(client_id, self._now_ns())
        self._connection_changed("connect", client_id)

    async def close(self) -> None:
        """Disconnect everybody."""
        for client_id in list(self._net.clients):
            await self.disconnect(client_id)

    async def _notify(self, event: str, client: Client) -> None:
        if event in self._handlers:
            message = Message(client, "inbound", event, None, True, 0, "", "", self._now_ns())
            rest = self._handlers.begin(message, client.id)
            if rest is not None:
                await rest
            if self._net.strict and message.error is not None:
                raise message.error

    def _connection_changed(self, event: str, client_id: str, client: Client | None = None) -> None:
        client = client or self._net.clients.get(client_id)
        if client is not None and event in self._handlers:
            self._net.spawn(self._notify(event, client))
