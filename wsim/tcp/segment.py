"""A segment in the retransmission queue."""

from __future__ import annotations


class Segment:
    """Bytes `start` to `end` of the stream, in flight or waiting to be sent again.

    ``sent_ns`` and ``order`` are of the latest transmission: orders are strictly increasing,
    so that transmissions of one instant can be told apart. The four flags are those of Linux:
    selectively acknowledged, marked lost, retransmission under way, ever retransmitted.
    """

    __slots__ = (
        "acked", "again", "app_limited", "delivered", "delivered_ns", "end", "first_ns", "lost",
        "order", "resent", "sent_ns", "start",
    )  # fmt: skip

    def __init__(self, start: int, end: int, sent_ns: int, order: int) -> None:
        self.start = start
        self.end = end
        self.sent_ns = sent_ns
        self.order = order
        self.acked = False
        self.lost = False
        self.again = False
        self.resent = False
        self.delivered = 0
        self.delivered_ns = 0
        self.first_ns = 0
        self.app_limited = False
