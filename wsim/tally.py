"""Counters of a simulator: exact whatever the history forgets."""

from __future__ import annotations

from typing import Any


class Tally:
    """Counts of connections, messages and errors.

    Attributes
    ----------
    sent
        Outbound messages the server sent, those that were lost included.
    received
        Inbound messages that arrived and were accepted.
    asked
        Messages handed in in both directions, whatever became of them.
    """

    __slots__ = (
        "asked", "connections", "delivered", "disconnections", "dropped", "duplicates",
        "latency_ns", "received", "reconnections", "refused", "sent",
    )  # fmt: skip

    def __init__(self) -> None:
        self.connections = self.disconnections = self.reconnections = 0
        self.asked = self.sent = self.received = 0
        self.delivered = self.dropped = self.refused = self.duplicates = 0
        self.latency_ns = 0

    @property
    def in_flight(self) -> int:
        """Messages whose fate is open."""
        return self.asked - self.delivered - self.dropped - self.refused

    def as_dict(self, errors: int, uptime_s: float) -> dict[str, Any]:
        """Return the counts under the names of ``get_statistics()['stats']``."""
        mean_ms = self.latency_ns / self.delivered / 1e6 if self.delivered else 0.0
        return {
            "connections": self.connections,
            "disconnections": self.disconnections,
            "reconnections": self.reconnections,
            "messages_sent": self.sent,
            "messages_received": self.received,
            "messages_delivered": self.delivered,
            "messages_dropped": self.dropped,
            "messages_in_flight": self.in_flight,
            "duplicates": self.duplicates,
            "validation_errors": self.refused,
            "errors": errors,
            "avg_latency_ms": mean_ms,
            "uptime_s": uptime_s,
        }
