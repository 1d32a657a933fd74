"""A segment in the retransmission queue."""

from __future__ import annotations


class Segment:
    """Bytes `start` to `end` of the stream, in flight or waiting to be sent again.

    ``sent_ns`` and ``order`` are of the latest transmission: orders are strictly increasing,
    so that transmissions of one instant can be told apart. The four flags are those of Linux:
    selectively acknowledged, marked lost, retransmission under way, ever retransmitted. The
    remaining fields are the state of delivery when it left, for a control that measures rates.
    """

    __slots__ = (
        "acked", "again", "app_limited", "delivered", "delivered_ns", "end", "first_ns", "lost",
        "order", "resent", "sent_ns", "start",
    )  # fmt: skip

    delivered: int
    delivered_ns: int
    first_ns: int
    app_limited: bool

    def __init__(self, start: int, end: int, sent_ns: int, order: int) -> None:
        self.start = start
        self.end = end
        self.sent_ns = sent_ns
        self.order = order
        self.acked = False
        self.lost = False
        self.again = False
        self.resent = False
