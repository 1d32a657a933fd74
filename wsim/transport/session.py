"""The session of a client: cut off, backing off, coming back under a new number.

Pure like the channels it stands between. A cut is caused by a message (``disconnect_rate``), by
an outage that closes the connection, by a heartbeat that is missed, or from outside. When and
whether the client is back is settled at the cut: its back-off draws from a stream of its own,
and its attempts meet the same outages as the messages.

Over TCP the pings of :mod:`wsim.transport.heartbeat` meet whatever delays messages. Datagrams
have no stream that could stall: there only a ``half_open`` outage is noticed by a heartbeat,
whose phase is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from wsim.conditions import NetworkConditions
from wsim.impairments import OutageState
from wsim.randomness import Stream
from wsim.transit import NEVER as NEVER
from wsim.transport.heartbeat import Heartbeat, heartbeat_ns

_S = 1_000_000_000
CONNECT_TIMEOUT_NS = 20 * _S
SYN_RETRY_NS = 1_030_000_000


class SessionEvent(NamedTuple):
    """A change of a session.

    ``kind`` is ``cut`` or ``reconnected``, ``number`` the session that ended or began, ``cause``
    of a cut ``disconnected``, ``outage`` or ``ping_timeout``.
    """

    at_ns: int
    kind: str
    number: int
    cause: str


class Session:
    """Whether a client is connected, as a function of time and of what cut it.

    Parameters
    ----------
    inbound, outbound
        Conditions of the two directions.
    seed, client
        As for a channel.
    on_cut
        Called with the time of each cut, so that channels lose what is in flight.
    bring_to
        Called at each reconnection and before a heartbeat is judged: brings the transport to
        that time.

    Attributes
    ----------
    number
        Of the session: 1, and one more each time the client comes back.
    heartbeat
        Its pings, which the transport tells of every message.
    steady
        True if connected, with nothing due that could end it.
    """

    def __init__(
        self,
        inbound: NetworkConditions,
        outbound: NetworkConditions,
        seed: int,
        client: int,
        on_cut: Callable[[int], None],
        bring_to: Callable[[int], None] = lambda at_ns: None,
    ) -> None:
        self.number = 1
        self.steady = True
        self.heartbeat = Heartbeat()
        self._seed, self._client = seed, client
        self._on_cut, self._bring_to = on_cut, bring_to
        self._back_ns: int | None = None  # None: connected
        self._log: list[SessionEvent] = []
        self._attempts = self._detections = self._outages = 0
        self._backoff = Stream(seed, client, "link", "reconnect")
        self._detection = Stream(seed, client, "link", "detection")
        self._outage: OutageState | None = None
        self._next_cut_ns = NEVER
        self._inbound, self._outbound = inbound, outbound
        self._start_outages(0)
        self._configure_heartbeat(0)

    def begin(self, now_ns: int) -> None:
        """The client connects only now: what happened before did not concern it."""
        if now_ns > 0 and self._back_ns is None:
            self._detections = 0
            self._opened(now_ns)

    def leave_heartbeat_to_client(self) -> None:
        """Simulate no pings: a real client and its server send their own."""
        was_on, self.heartbeat.allowed = self.heartbeat.on, False
        self.heartbeat.stop()
        if was_on and self._back_ns is None:
            self._next_cut_ns = self._cut_after(0)
        self._note_steady()

    def change(self, now_ns: int, inbound: NetworkConditions, outbound: NetworkConditions) -> None:
        """Take new conditions; a new outage process has random numbers of its own."""
        self.catch_up(now_ns)
        same = inbound.outage == self._inbound.outage
        self._inbound, self._outbound = inbound, outbound
        if not same:
            self._outages += 1
            self._start_outages(now_ns)
        self._configure_heartbeat(now_ns)

    @property
    def steady_but_for_heartbeat(self) -> bool:
        """True if connected, with nothing due that could end it except a missed heartbeat."""
        return self._back_ns is None and self._next_cut_ns >= NEVER

    def calm(self, now_ns: int) -> bool:
        """Return True if connected, with nothing to catch up with at `now_ns`."""
        due_ns = min(self._next_cut_ns, self.heartbeat.due_ns)
        return self._back_ns is None and now_ns < due_ns

    def connected(self, now_ns: int) -> bool:
        """Return True if the client is connected at `now_ns`."""
        self.catch_up(now_ns)
        return self._back_ns is None

    def back_ns(self, now_ns: int) -> int | None:
        """Return when the client will be back, `NEVER` if it will not, None if it is there."""
        self.catch_up(now_ns)
        return self._back_ns

    def outage(self, now_ns: int) -> tuple[int, int] | None:
        """Return the outage (start, end) that holds `now_ns`, or None."""
        return None if self._outage is None else self._outage.window(now_ns)

    @property
    def outage_effect(self) -> str:
        """What an outage does: drop, hold, close or half_open."""
        return str(getattr(self._inbound.outages, "effect", "drop"))

    @property
    def outage_state(self) -> OutageState | None:
        """The outage process in force."""
        return self._outage

    @property
    def next_event_ns(self) -> int | None:
        """When the session changes next by itself, or None."""
        at = self._back_ns
        if at is None:
            at = min(self._next_cut_ns, self.heartbeat.due_ns)
        return None if at >= NEVER else at

    def events(self, now_ns: int) -> list[SessionEvent]:
        """Return, once, the changes up to `now_ns`."""
        self.catch_up(now_ns)
        events, self._log = self._log, []
        return events

    def cut(self, now_ns: int, cause: str = "disconnected") -> None:
        """Cut the connection at `now_ns`; what is in flight is lost."""
        if self.connected(now_ns):
            self._cut(now_ns, cause)

    def resume(self, now_ns: int) -> None:
        """A real client came back at `now_ns`, whatever its back-off would have been."""
        if not self.connected(now_ns):
            self._back_ns = now_ns
            self.catch_up(now_ns)

    def catch_up(self, now_ns: int) -> None:
        """Bring the session to `now_ns`; asking often or seldom makes no difference."""
        while True:
            if self._back_ns is not None:
                if self._back_ns > now_ns:
                    return
                back_ns, self._back_ns = self._back_ns, None
                self.number += 1
                self._log.append(SessionEvent(back_ns, "reconnected", self.number, ""))
                self._opened(back_ns)
                self._bring_to(back_ns)  # clients flush their buffers before anything else
            elif self._next_cut_ns <= min(now_ns, self.heartbeat.due_ns):
                self._cut(self._next_cut_ns, "outage")
            elif self.heartbeat.due_ns <= now_ns:
                due_ns = self.heartbeat.due_ns
                self._bring_to(due_ns)
                if self.heartbeat.missed():
                    self._cut(due_ns, "ping_timeout")
            else:
                return

    def _opened(self, now_ns: int) -> None:
        self._next_cut_ns = self._cut_after(now_ns)
        self.heartbeat.start(now_ns)
        self._note_steady()

    def _note_steady(self) -> None:
        self.steady = self.steady_but_for_heartbeat and not self.heartbeat.running

    def _cut(self, now_ns: int, cause: str) -> None:
        self._on_cut(now_ns)
        self._log.append(SessionEvent(now_ns, "cut", self.number, cause))
        self._back_ns = self._reconnection_ns(now_ns)
        self.heartbeat.stop()
        self._note_steady()

    def _configure_heartbeat(self, now_ns: int) -> None:
        """Let the heartbeat know the conditions; one that begins takes over from the outages."""
        beat, connected = self.heartbeat, self._back_ns is None
        was_on = beat.on
        beat.configure(now_ns, self._inbound, self._outbound, self._outage, connected=connected)
        if connected and beat.on != was_on:
            self._next_cut_ns = self._cut_after(now_ns)
        self._note_steady()

    def _start_outages(self, now_ns: int) -> None:
        spec = self._inbound.outages if self._inbound.enabled else None
        purpose = f"outage:{self._outages}" if self._outages else "outage"
        stream = Stream(self._seed, self._client, "link", purpose)
        self._outage = None if spec is None else spec.start(stream)
        if self._back_ns is None:
            self._next_cut_ns = self._cut_after(now_ns)

    def _cut_after(self, now_ns: int) -> int:
        """Return the first time from `now_ns` on at which an outage cuts the connection."""
        if self._outage is None or self.outage_effect not in ("close", "half_open"):
            return NEVER
        if self.outage_effect == "half_open" and (self.heartbeat.on or self._no_heartbeat):
            return NEVER
        window = self._outage.window(now_ns)
        after = now_ns
        while True:
            if window is None:
                start = self._outage.next_start_ns(after)
                window = None if start is None else self._outage.window(start)
                if window is None:
                    return NEVER
            if self.outage_effect == "close":
                return max(window[0], now_ns)
            noticed = max(window[0], now_ns) + self._detection_ns()
            if noticed < window[1]:
                return noticed
            after, window = window[1] - 1, None

    def _detection_ns(self) -> int:
        """A heartbeat is missed between its timeout and timeout + interval after the link fails."""
        u = self._detection.one(self._detections)
        self._detections += 1
        interval_ns, timeout_ns = heartbeat_ns(self._inbound)
        return timeout_ns + int(u * interval_ns)

    @property
    def _no_heartbeat(self) -> bool:
        return self._inbound.heartbeat_interval_s is None

    def _reconnection_ns(self, now_ns: int) -> int:
        if not self._inbound.auto_reconnect:
            return NEVER
        for attempt in range(10_000):
            now_ns += self._backoff_ns(attempt)
            window = self.outage(now_ns)
            if window is None:
                return now_ns + self._handshake_ns()
            if self.outage_effect == "close":
                continue  # refused at once: back off again
            tries = -(-(window[1] - now_ns) // SYN_RETRY_NS)
            if tries * SYN_RETRY_NS < CONNECT_TIMEOUT_NS:
                return now_ns + tries * SYN_RETRY_NS + self._handshake_ns()
            now_ns += CONNECT_TIMEOUT_NS
        return NEVER

    def _backoff_ns(self, attempt: int) -> int:
        """Return the wait before an attempt, as the Socket.IO clients choose it.

        Both start at 1 s and double. The JavaScript client spreads each wait by half of it
        and then caps at 5 s; the Python client caps first and spreads by half a second.
        """
        u = self._backoff.one(self._attempts)
        self._attempts += 1
        base = 2.0 ** min(attempt, 60)
        if self._inbound.reconnect_client == "js":
            wait = min(base * (0.5 + u), 5.0)
        else:
            wait = min(base, 5.0) + u - 0.5
        return int(wait * _S)

    def _handshake_ns(self) -> int:
        """TCP, the WebSocket upgrade and the namespace take a round trip each."""
        round_trip_ms = self._inbound.latency_ms + self._outbound.latency_ms
        return int(3e6 * round_trip_ms) if self._inbound.enabled else 0
