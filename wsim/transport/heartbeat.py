"""Engine.IO's heartbeat over TCP: who gives a stalled connection up, and when.

The server sends a ping an interval after the connection opened and after every answer; the
client answers at once. The client gives up when no ping has come for the interval and the
timeout together, the server when a timeout after its ping there is no answer. Other traffic
does not count (socketio/socket.io issue 5450): a ping that waits behind camera frames is late.

Pings weigh nothing here. When one would have come through is read off the messages that were
handed to TCP before it, so a run in which no deadline is missed is the same, bit for bit, as
one without a heartbeat.
"""

from __future__ import annotations

from bisect import bisect_right
from copy import copy
from itertools import pairwise
from typing import NamedTuple

from wsim.conditions import NetworkConditions
from wsim.impairments import OutageState
from wsim.schema import DIRECTIONS
from wsim.transit import NEVER
from wsim.transport.datagram import fixed_delay_ns, nothing_to_simulate

RETRY_MAX_NS = 120_000_000_000


class Regime(NamedTuple):
    """What held from ``since_ns`` on: latency and retransmission timeout in ns, and outages."""

    since_ns: int
    latency_ns: int
    retry_ns: int
    outages: OutageState | None


class Way:
    """One direction: when a ping that is sent at some time gets there.

    TCP keeps the order, so a ping arrives with the last message sent before it, or later. With
    nothing under way it crosses in the latency; an outage makes TCP send it again, at twice
    the distance each time.
    """

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.delivered: list[int] = []
        self._regimes: list[Regime] = []
        self._first = -1  # number of the first message noted

    def note_sent(self, number: int, now_ns: int) -> None:
        """A message was handed to TCP."""
        if self._first < 0:
            self._first = number
        self.sent.append(now_ns)

    def note_delivered(self, number: int, now_ns: int) -> None:
        """A message has come through; those sent before the notes began do not count."""
        if 0 <= self._first <= number:
            self.delivered.append(now_ns)

    def enter(self, regime: Regime) -> None:
        """Let other conditions hold from now on."""
        self._regimes = [*self._regimes, regime]

    def start(self) -> None:
        """A new connection: nothing was sent on it."""
        self.sent, self.delivered, self._first = [], [], -1

    def forget(self, before_ns: int) -> None:
        """Give up what no ping sent after `before_ns` depends on."""
        regimes = self._regimes
        self._regimes = [
            regime for regime, later in pairwise(regimes) if later.since_ns > before_ns
        ] + regimes[-1:]
        done = min(bisect_right(self.sent, before_ns) - 1, len(self.delivered))
        if done > 0:
            self.sent, self.delivered = self.sent[done:], self.delivered[done:]

    def arrival_ns(self, at_ns: int, until_ns: int) -> int:
        """Return when what is sent at `at_ns` arrives, or `NEVER` if after `until_ns`."""
        place = bisect_right(self.sent, at_ns) - 1
        if place >= len(self.delivered):
            return NEVER
        behind_ns = self.delivered[place] if place >= 0 else 0
        if behind_ns > at_ns:
            return max(behind_ns, at_ns + self._regime(at_ns).latency_ns)
        wait_ns = self._regime(at_ns).retry_ns
        while at_ns <= until_ns:
            regime = self._regime(at_ns)
            if regime.outages is None or regime.outages.window(at_ns) is None:
                return at_ns + regime.latency_ns
            at_ns += wait_ns
            wait_ns = min(2 * wait_ns, RETRY_MAX_NS)
        return NEVER

    def _regime(self, at_ns: int) -> Regime:
        for regime in reversed(self._regimes):
            if regime.since_ns <= at_ns:
                return regime
        return self._regimes[0]


class Heartbeat:
    """The pings of one client's connections, judged at their deadlines.

    Attributes
    ----------
    due_ns
        The next deadline, the client's or the server's; `NEVER` while no heartbeat runs.
    ways
        The two directions by name.
    allowed
        False where real clients send pings of their own.
    """

    def __init__(self) -> None:
        self.due_ns = NEVER
        self.ways = {name: Way() for name in DIRECTIONS}
        self.allowed = True
        self._interval_ns = self._timeout_ns = 0
        self._on = False
        self._ping_ns = 0
        self._came_ns = NEVER  # when the client got the ping, once that is known

    @property
    def running(self) -> bool:
        """True if a connection has a heartbeat now."""
        return self.due_ns < NEVER

    @property
    def on(self) -> bool:
        """True if connections have a heartbeat."""
        return self._on and self.allowed

    def configure(
        self,
        now_ns: int,
        inbound: NetworkConditions,
        outbound: NetworkConditions,
        outages: OutageState | None,
        *,
        connected: bool,
    ) -> None:
        """Take conditions; a heartbeat that goes on as before is not disturbed."""
        latencies = [fixed_delay_ns(c) if c.enabled else 0 for c in (inbound, outbound)]
        retry_ns = round(inbound.rto_min_ms * 1e6) + sum(latencies)
        for way, latency_ns in zip(self.ways.values(), latencies, strict=True):
            if not self.running:
                way.forget(now_ns)
            way.enter(Regime(now_ns, latency_ns, retry_ns, outages))
        on, interval_ns, timeout_ns = beats(inbound, outbound), *heartbeat_ns(inbound)
        same = (on, interval_ns, timeout_ns) == (self._on, self._interval_ns, self._timeout_ns)
        self._on, self._interval_ns, self._timeout_ns = on, interval_ns, timeout_ns
        if same:
            return
        self.due_ns = NEVER
        if connected:
            self.start(now_ns)

    def start(self, now_ns: int) -> None:
        """A connection opened."""
        for way in self.ways.values():
            way.start()
        self._came_ns = NEVER
        if self.on:
            self._ping_ns = now_ns + self._interval_ns
            self.due_ns = self._ping_ns + self._timeout_ns

    def stop(self) -> None:
        """The connection is gone."""
        self.due_ns = NEVER

    def missed(self) -> bool:
        """Judge the deadline that is due, everything before it being known; True: missed."""
        outbound, inbound = self.ways["outbound"], self.ways["inbound"]
        due_ns = self.due_ns
        if self._came_ns >= NEVER:
            came_ns = outbound.arrival_ns(self._ping_ns, due_ns)
            if came_ns > due_ns:
                return True
            self._came_ns = came_ns
            self.due_ns = self._ping_ns + self._timeout_ns
            return False
        answered_ns = inbound.arrival_ns(self._came_ns, due_ns)
        if answered_ns > due_ns:
            return True
        self.due_ns = self._came_ns + self._interval_ns + self._timeout_ns
        self._ping_ns, self._came_ns = answered_ns + self._interval_ns, NEVER
        for way in self.ways.values():
            way.forget(min(due_ns, self._ping_ns))
        return False

    def survives(self, direction: str, sent_ns: list[int], delivered_ns: list[int]) -> bool:
        """Return True if no deadline is missed while one direction carries these messages.

        The heartbeat then stands where stepping would have left it; else it is as before.
        """
        trial = copy(self)
        trial.ways = {name: copy(way) for name, way in self.ways.items()}
        way = trial.ways[direction]
        way.sent, way.delivered = way.sent + sent_ns, way.delivered + delivered_ns
        end_ns = max(way.sent[-1], way.delivered[-1])
        while trial.due_ns <= end_ns:
            if trial.missed():
                return False
        self.__dict__.update(trial.__dict__)
        return True


def beats(inbound: NetworkConditions, outbound: NetworkConditions) -> bool:
    """Return True if a connection under these conditions has a heartbeat that may be missed."""
    both = (inbound, outbound)
    if inbound.heartbeat_interval_s is None or not all(c.enabled for c in both):
        return False
    return all(c.transport == "tcp" for c in both) and not all(map(nothing_to_simulate, both))


def heartbeat_ns(conditions: NetworkConditions) -> tuple[int, int]:
    """Return the interval and the timeout in ns; an interval of `NEVER` is no heartbeat."""
    interval_s = conditions.heartbeat_interval_s
    interval_ns = NEVER if interval_s is None else round(interval_s * 1e9)
    return interval_ns, round(conditions.heartbeat_timeout_s * 1e9)
