"""Playing traffic through a simulator: open-loop, by callbacks, with nobody waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from wsim.errors import UsageError
from wsim.schema import DIRECTIONS
from wsim.simulation.arrivals import Arrivals
from wsim.simulation.clients import Client
from wsim.traffic import Layout, Traffic


class Playback(Arrivals):
    """Base of the simulator: plays traffic as its own clients."""

    async def play_traffic(
        self, traffic: Traffic, *, duration_s: float | None = None, clients: int = 1
    ) -> list[str]:
        """Send traffic from now on, and return the clients' ids after the last send.

        The clients are taken in at once, one for each name of recorded traffic, `clients` for
        recipes. The sizes are those of the traffic, so a run from its start meets the same
        fates as :func:`wsim.simulate` with the same seed.

        Raises
        ------
        UsageError
            If recipes, which never end, are played without `duration_s`.
        """
        self._enter()
        if duration_s is None:
            if traffic.sources:
                raise UsageError("duration_s is missing: these messages would be sent for ever")
            duration_s = traffic.duration_s + 1e-9
        layout = traffic.layout(duration_s, seed=self.seed)
        if layout.clients is not None:
            senders = [self.admit(name) for name in layout.client_names]
        else:
            senders = [self.admit() for _ in range(clients)]
        await _Player(self, layout, senders).done
        return [client.id for client in senders]

    def _post(
        self, client: Client, direction: str, event: str, data: Any, size: int, now_ns: int
    ) -> None:
        """Send a message of a given size, whatever its payload would take."""
        reason = ""
        if data is not None and direction == "inbound" and self._net.validating:
            reason = self.registry.measure(event, data)[1]
        message = self._message(client, direction, event, data, False, size, reason, now_ns)
        self._net.send(message, now_ns)


class _Player:
    """Sends what is due, and asks to be called for the next."""

    def __init__(self, sim: Playback, layout: Layout, senders: Sequence[Client]) -> None:
        self._sim, self._layout, self._senders = sim, layout, senders
        self._start_ns = sim.clock.now_ns()
        self._times = layout.times_ns.tolist()
        self._next = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tick()

    def _tick(self) -> None:
        sim, times = self._sim, self._times
        now_ns = sim.clock.now_ns()
        due: list[int] = []
        while self._next < len(times) and times[self._next] + self._start_ns <= now_ns:
            due.append(self._next)
            self._next += 1
        for outbound in (False, True):  # at one instant, as in a batch
            for place in due:
                if bool(self._layout.outbound[place]) is outbound:
                    self._send(place)
        if self._next < len(times):
            sim.clock.call_at(times[self._next] + self._start_ns, self._tick)
        elif not self.done.done():
            self.done.set_result(None)

    def _send(self, place: int) -> None:
        layout = self._layout
        data = None if layout.data is None else layout.data[place]
        event = layout.event_names[layout.events[place]]
        senders = self._senders
        if layout.clients is not None:
            senders = [senders[layout.clients[place]]]
        sent_ns = self._start_ns + self._times[place]
        if self._sim.clock.live:  # late as the loop may be, time does not run backwards
            sent_ns = self._sim.clock.now_ns()
        direction = DIRECTIONS[int(layout.outbound[place])]
        for client in senders:
            if client.id in self._sim._net.clients:
                self._sim._post(client, direction, event, data, int(layout.sizes[place]), sent_ns)
