"""The short way of the plainest messages, commands of a joystick many times a second.

A letter is a flat dict of numbers from a simulated client, accepted, with nobody waiting for
it. It stays a tuple from the call that sent it to its handler, and the client's alarm hands
it over without looking at the other direction, as long as the inbound channel alone is at
work and still. Fates, rows and handlers are those of the general way in
:mod:`wsim.simulation.network`, which takes over wherever anything out of the ordinary can
happen.
"""

from __future__ import annotations

from typing import Any

from wsim.clock import Clock
from wsim.history import History
from wsim.simulation.clients import Client, Letter, Message
from wsim.simulation.dispatch import Dispatcher
from wsim.simulation.handlers import Handlers
from wsim.simulation.tally import Tally
from wsim.transit import DELIVERED, Transit, new_transit


class Letters(Dispatcher):
    """Base of the network: sends and delivers letters.

    Attributes
    ----------
    tally
        Counters of what was sent and what became of it.
    recording
        Whether rows are written.
    no_delay
        Lateness in ns of what takes no time: 0 if live, otherwise -1.
    """

    def __init__(self, handlers: Handlers, recorder: History) -> None:
        super().__init__(handlers)
        self.tally = Tally()
        self.recorder = recorder
        self.recording = True
        self.no_delay = -1
        self._append_transit = recorder.append_transit
        self._live = False
        self._clock: Clock

    @property
    def clock(self) -> Clock:
        """The clock of the loop it lives in."""
        return self._clock

    @clock.setter
    def clock(self, clock: Clock) -> None:
        self._clock = clock
        self._source, self._call_at = clock.source, clock.call_at
        self._live = clock.live
        self.no_delay = 0 if clock.live else -1

    # -- what the general way does -------------------------------------------------------

    def send(self, message: Message, now_ns: int) -> None:
        """Hand a message to its client's link."""

    def pump(self, client: Client) -> None:
        """Deliver whatever has been decided on a client's link by now."""

    def _look(self, client: Client, due_ns: int | None, now_ns: int) -> None:
        """See to it that somebody looks at the link in time."""

    def _decided(self, client: Client, transit: Transit, now_ns: int) -> None:
        """Deliver, refuse or drop a message, as was decided."""

    # -- the short way -------------------------------------------------------------------

    def send_letter(self, letter: Letter, now_ns: int) -> None:
        """Hand a letter to its client's link."""
        client = letter[0]
        channel = client.inbound
        due_ns = channel.send_plain(now_ns, letter[3], letter)
        if due_ns is None:
            self.tally.asked += 1
            message = Message.of(letter, now_ns)
            message.session = client.session.number  # caught up by now
            self.send(message, now_ns)
            return
        self.tally.letters += 1
        if channel is not client.lane and channel not in client.at_work:
            client.work(channel)
        if not now_ns < client.armed_ns <= due_ns:  # else somebody looks in time
            self._look(client, channel.next_event_ns, now_ns)

    def wake(self, client: Client) -> None:
        """Do what is due on a client's link; its alarm calls this."""
        now_ns = self._source.now_ns
        if now_ns < client.armed_ns:  # somebody has looked meanwhile
            return
        lane = client.lane
        if lane is None or client.pumping or lane.pending.heap or not lane.still:
            self.pump(client)
            return
        pending = lane.pending
        client.pumping = True
        try:
            while (queue := pending.queue) and queue[0][0] <= now_ns:
                fields = queue.popleft()[2]
                if type(fields[7]) is tuple and fields[4] is DELIVERED:
                    self.deliver_letter(fields, now_ns)
                else:
                    self._decided(client, new_transit(fields), now_ns)
        finally:
            client.pumping = False
        if queue and lane.still and client.lane is lane and not pending.heap:
            client.armed_ns = due_ns = queue[0][0]
            self._call_at(due_ns, client.wake)
        else:
            self.pump(client)

    def deliver_letter(self, fields: tuple[Any, ...], now_ns: int) -> None:
        """Record and handle a letter that has arrived; `fields` are those of its transit."""
        _, _, sent_ns, delivered_ns, _, _, _, letter, _, _ = fields
        client, event, data, size, message_id, session = letter
        if self.recording:
            self._append_transit(
                fields, event, client.id, session, size, message_id,
                now_ns - delivered_ns if self._live else -1, data,
            )  # fmt: skip
        tally = self.tally
        tally.letters_delivered += 1
        tally.latency_ns += delivered_ns - sent_ns
        self.dispatch_letter(letter, sent_ns)
