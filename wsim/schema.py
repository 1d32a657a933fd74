"""The one schema of a history: names, dtypes, units and meanings, declared once.

Validation, the empty frame, the file formats and the documentation are derived from
:data:`COLUMNS`. Seconds count from the start of the run. ``created_s`` is when the
application meant to send; latency runs from there, and the parts (:data:`PARTS`) sum to it.
"""

from __future__ import annotations

from typing import NamedTuple

SCHEMA_VERSION = 1

DIRECTIONS = ("inbound", "outbound")
"""``inbound``: client to server (commands). ``outbound``: server to client (telemetry)."""

FATES = ("delivered", "dropped", "refused", "in_flight", "unknown")
"""What became of a message.

``refused`` crossed the network and was turned away by validation; ``in_flight`` was
undecided when the run ended; ``unknown`` comes from one-sided recordings.
"""

CAUSES = (
    "",
    "loss",
    "queue_full",
    "expired",
    "outage",
    "disconnected",
    "not_connected",
    "unknown_client",
    "overflow",
    "corrupt",
    "validation",
    "closed",
)
"""Why it is not delivered; empty for a delivered message.

``loss``: the network lost it. ``queue_full``: the bottleneck's queue had no room.
``expired``: it waited longer than the age limit. ``outage``: the link was out.
``disconnected``: the session was cut while it was under way. ``not_connected``: it was sent
while the client was offline. ``unknown_client``: no such client. ``overflow``: a bound of
the server. ``corrupt``: it arrived unreadable. ``validation``: its payload is not allowed.
``closed``: the client or the link went away for good.
"""

PARTS = (
    "client_buffer_ms",
    "queue_ms",
    "serialization_ms",
    "propagation_ms",
    "jitter_ms",
    "retransmission_ms",
    "head_of_line_ms",
    "outage_ms",
)
"""The parts of the delay, in the order of ``Transit.parts``; they sum to ``latency_ms``."""


class Column(NamedTuple):
    """One column of a history.

    ``dtype`` is ``int64``, ``float64``, ``bool``, ``category``, ``str`` or ``object``.
    """

    name: str
    dtype: str
    unit: str
    meaning: str


COLUMNS: tuple[Column, ...] = (
    Column("seq", "int64", "", "row number of the run, 0, 1, 2, ... in order of recording"),
    Column("created_s", "float64", "s", "when the application meant to send it"),
    Column("sent_s", "float64", "s", "when it was handed to the network"),
    Column("delivered_s", "float64", "s", "when it arrived; NaN if it did not"),
    Column("latency_ms", "float64", "ms", "delivered_s - created_s; NaN if not delivered"),
    Column("direction", "category", "", "inbound (client to server) or outbound"),
    Column("event_name", "category", "", "the Socket.IO event"),
    Column("client_id", "category", "", "the client it came from or went to"),
    Column(
        "session", "int64", "", "session number of the client, 1 after connecting, +1 each time"
    ),
    Column("profile", "category", "", "name of the profile in force"),
    Column("run", "category", "", "name of the run"),
    Column("fate", "category", "", "delivered, dropped, refused, in_flight or unknown"),
    Column("cause", "category", "", "why it was not delivered"),
    Column("dropped", "bool", "", "True where fate is dropped"),
    Column("copy", "int64", "", "0 for the message itself, 1, 2, ... for duplicates"),
    Column("size_bytes", "int64", "B", "size of the Socket.IO packet with attachments"),
    Column("message_id", "str", "", "identifier carried in the payload's metadata"),
    Column("namespace", "category", "", "Socket.IO namespace; empty on a plain WebSocket"),
    Column("ack_id", "int64", "", "acknowledgement id; -1 if none was asked for"),
    Column("round_trip_ms", "float64", "ms", "send to acknowledgement; NaN if none"),
    Column(
        "lateness_ms", "float64", "ms", "what a live timer added to delivered_s; NaN unless live"
    ),
    *(
        Column(name, "float64", "ms", meaning)
        for name, meaning in zip(
            PARTS,
            (
                "waited in the client's own buffer while disconnected",
                "waited for the bottleneck behind other messages",
                "time on the wire at the bottleneck's rate",
                "fixed one-way latency",
                "random part of the delay; may be negative",
                "waited for lost packets of its own to be sent again",
                "waited behind earlier messages to keep the order",
                "waited for an outage to end",
            ),
            strict=True,
        )
    ),
    Column("data", "object", "", "the payload as sent"),
)
"""Every column of a history frame, in order."""

COLUMN_NAMES = tuple(column.name for column in COLUMNS)
COMMAND_EVENT = "driveCommands"
"""The default command stream of pooled teleoperation metrics."""
