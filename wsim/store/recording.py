"""The writing half of a history: rows packed one after another into blocks of memory.

It takes no lock and looks at no frame; :mod:`wsim.history` reads what is written here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wsim.schema import CAUSES, DIRECTIONS, FATES
from wsim.store.columns import Columns
from wsim.store.notes import Notes
from wsim.store.rowpack import LIMITS, NO_PARTS, ROW, Block, CodeBook, FlagBook, clipped

BLOCK_ROWS = 4096
DELIVERED = "delivered"
INBOUND, OUTBOUND = (FlagBook()[direction, DELIVERED, ""] for direction in DIRECTIONS)
_pack_into = ROW.pack_into
_ROW_BYTES = ROW.size
RowListener = Callable[[tuple[Any, ...]], None]


class Recording(Notes):
    """Records messages; a history is one that can be read.

    Parameters
    ----------
    run, profile, about
        As for :class:`~wsim.history.History`.
    """

    def __init__(self, run: str, profile: str, about: Mapping[str, Any] | None) -> None:
        super().__init__(about)
        self.run = run
        self.listeners: list[RowListener] = []
        """Called with each row as it is recorded: ``(seq, *arguments of append, profile)``."""
        self.recorded = 0
        """Rows recorded so far, evicted and cleared ones included."""
        self._floor = 0  # rows before this one are gone for good
        self._max_rows: int | None = None
        self._blocks: list[Block] = []
        self._make_books(profile)

    def _make_books(self, profile: str) -> None:
        books = {name: CodeBook(limit=limit) for name, limit in LIMITS.items()}
        self._events, self._clients = books["event_name"], books["client_id"]
        self._profiles, self._namespaces = books["profile"], books["namespace"]
        self._flags = FlagBook()
        self._root_code = self._namespaces["/"]
        self._books = {name: book.names for name, book in books.items()}
        self._books |= {"direction": list(DIRECTIONS), "fate": list(FATES)}
        self._books |= {"cause": list(CAUSES), "run": [self.run]}
        self._columns = Columns(self._books)
        self.profile = profile

    def _open_block(self) -> None:
        rows = BLOCK_ROWS
        if self._max_rows is not None:
            rows = min(BLOCK_ROWS, max(64, self._max_rows // 4))
        block = Block(self.recorded, rows)
        self._end = rows * ROW.size
        self._at = 0
        self._buffer = block.buffer
        self._add_id = block.ids.append
        self._add_payload = block.payloads.append
        self._blocks = [*self._blocks, block]

    def _next_block(self) -> None:
        """Close the full block, forget what was evicted or read, and open another."""
        self._blocks[-1].seal()
        needed = max(self._first_row(), self._columns.until)
        self._blocks = [block for block in self._blocks if block.end > needed]
        self._open_block()

    def append(
        self,
        created_ns: int,
        sent_ns: int,
        delivered_ns: int = -1,
        direction: str = "inbound",
        event_name: str = "",
        client_id: str = "",
        session: int = 1,
        fate: str = "delivered",
        cause: str = "",
        copy: int = 0,
        size_bytes: int = 0,
        message_id: str = "",
        namespace: str = "/",
        ack_id: int = -1,
        round_trip_ns: int = -1,
        lateness_ns: float = -1,
        parts: tuple[int, ...] | None = None,
        data: Any = None,
    ) -> int:
        """Record one message and return its row number.

        Times are nanoseconds since the start of the run, -1 where there is none; `parts`
        are those of a Transit. Everything else is as in the schema.

        Raises
        ------
        UnknownNameError
            For a direction, fate or cause that is not in the schema.
        UsageError
            For a value that is not of the column's type.
        """
        if self._at == self._end:
            self._next_block()
        try:
            p0, p1, p2, p3, p4, p5, p6, p7 = parts or NO_PARTS
            _pack_into(
                self._buffer, self._at,
                created_ns, sent_ns, delivered_ns, round_trip_ns, lateness_ns,
                p0, p1, p2, p3, p4, p5, p6, p7,
                ack_id, size_bytes, session, self._events[event_name],
                self._clients[client_id], self._profile_code, self._namespaces[namespace],
                copy, self._flags[direction, fate, cause],
            )  # fmt: skip
        except Exception as error:
            return self.append(*clipped(
                error, created_ns, sent_ns, delivered_ns, direction, event_name, client_id,
                session, fate, cause, copy, size_bytes, message_id, namespace, ack_id,
                round_trip_ns, lateness_ns, parts, data,
            ))  # fmt: skip
        self._at += _ROW_BYTES
        self._add_id(message_id)
        self._add_payload(data)
        seq = self.recorded
        self.recorded = seq + 1
        if self.listeners:
            self._tell(
                seq, created_ns, sent_ns, delivered_ns, direction, event_name, client_id,
                session, fate, cause, copy, size_bytes, message_id, namespace, ack_id,
                round_trip_ns, lateness_ns, parts, data, self._profile,
            )  # fmt: skip
        return seq

    def append_plain(
        self, created_ns: int, sent_ns: int, delivered_ns: int, direction: str, event_name: str,
        client_id: str, session: int, size_bytes: int, message_id: str, lateness_ns: float,
        parts: tuple[int, ...], data: Any,
    ) -> int:  # fmt: skip
        """Do as :meth:`append` for a message that was delivered, and wants no acknowledgement."""
        fits = self._at < self._end and not self.listeners
        try:
            if fits:
                p0, p1, p2, p3, p4, p5, p6, p7 = parts
                _pack_into(
                    self._buffer, self._at,
                    created_ns, sent_ns, delivered_ns, -1, lateness_ns,
                    p0, p1, p2, p3, p4, p5, p6, p7,
                    -1, size_bytes, session, self._events[event_name],
                    self._clients[client_id], self._profile_code, self._root_code,
                    0, INBOUND if direction == "inbound" else OUTBOUND,
                )  # fmt: skip
        except Exception:  # the other one knows what to do
            fits = False
        if not fits:
            return self.append(
                created_ns, sent_ns, delivered_ns, direction, event_name, client_id, session,
                DELIVERED, "", 0, size_bytes, message_id, "/", -1, -1, lateness_ns, parts, data,
            )  # fmt: skip
        self._at += _ROW_BYTES
        self._add_id(message_id)
        self._add_payload(data)
        seq = self.recorded
        self.recorded = seq + 1
        return seq

    def append_transit(
        self, transit: tuple[Any, ...], event_name: str, client_id: str, session: int,
        size_bytes: int, message_id: str, lateness_ns: float, data: Any,
    ) -> None:  # fmt: skip
        """Do as :meth:`append` for an inbound message that arrived, by its transit's fields."""
        _, _, created_ns, delivered_ns, _, _, parts, _, _, _ = transit
        p0, p1, p2, p3, p4, p5, p6, p7 = parts
        at = self._at
        fits = at < self._end and not self.listeners
        try:
            if fits:
                _pack_into(
                    self._buffer, at,
                    created_ns, created_ns + p0, delivered_ns, -1, lateness_ns,
                    p0, p1, p2, p3, p4, p5, p6, p7,
                    -1, size_bytes, session, self._events[event_name],
                    self._clients[client_id], self._profile_code, self._root_code,
                    0, INBOUND,
                )  # fmt: skip
        except Exception:  # the other one knows what to do
            fits = False
        if not fits:
            self.append(
                created_ns, created_ns + p0, delivered_ns, "inbound", event_name, client_id,
                session, DELIVERED, "", 0, size_bytes, message_id, "/", -1, -1, lateness_ns,
                parts, data,
            )  # fmt: skip
            return
        self._at = at + _ROW_BYTES
        self._add_id(message_id)
        self._add_payload(data)
        self.recorded += 1

    def _tell(self, *row: Any) -> None:
        for listener in self.listeners:
            listener(row)

    @property
    def profile(self) -> str:
        """Name of the profile in force, recorded with every row."""
        return self._profile

    @profile.setter
    def profile(self, name: str) -> None:
        self._profile = name
        self._profile_code = self._profiles[name]

    def _first_row(self) -> int:
        if self._max_rows is None:
            return self._floor
        return max(self._floor, self.recorded - self._max_rows)
