"""Counters of a simulator: exact whatever the history forgets."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(slots=True)
class Tally:
    """Counts of connections and messages.

    Attributes
    ----------
    asked
        Messages handed in, in both directions, whatever became of them.
    sent
        Outbound messages the server sent, those that were lost included.
    received
        Inbound messages that arrived and were accepted.
    passed_in, passed_out
        Messages that crossed a link with nothing to simulate; they count in none of the above.
    """

    connections: int = 0
    disconnections: int = 0
    reconnections: int = 0
    asked: int = 0
    sent: int = 0
    received: int = 0
    delivered: int = 0
    dropped: int = 0
    refused: int = 0
    duplicates: int = 0
    latency_ns: int = 0
    letters: int = 0
    letters_delivered: int = 0
    passed_in: int = 0
    passed_out: int = 0

    def as_dict(self, errors: int, uptime_s: float) -> dict[str, Any]:
        """Return the counts under the names of ``get_statistics()['stats']``."""
        delivered = self.delivered + self.passed_in + self.passed_out + self.letters_delivered
        mean_ms = self.latency_ns / delivered / 1e6 if delivered else 0.0
        return {
            "connections": self.connections,
            "disconnections": self.disconnections,
            "reconnections": self.reconnections,
            "messages_sent": self.sent + self.passed_out,
            "messages_received": self.received + self.passed_in,
            "messages_delivered": delivered,
            "messages_dropped": self.dropped,
            "messages_in_flight": self.asked - self.delivered - self.dropped - self.refused,
            "duplicates": self.duplicates,
            "validation_errors": self.refused,
            "errors": errors,
            "avg_latency_ms": mean_ms,
            "uptime_s": uptime_s,
        }
