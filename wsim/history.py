"""What happened to every message: appended in O(1), read as a pandas DataFrame.

Rows are packed into blocks of plain memory as they are recorded (see :mod:`wsim.store.rowpack`).
Reading ``frame`` moves whatever is new into typed columns (see :mod:`wsim.store.columns`) and
slices them, so the cost of a read depends on the new rows only. The writer takes no lock:
recording belongs to one thread, reading is allowed from any.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from wsim.errors import UsageError
from wsim.names import readable
from wsim.store.columns import Columns, rows_of
from wsim.store.notes import RunNotes
from wsim.store.recording import Recording
from wsim.store.rowpack import ROUND_TRIP_OFFSET, ROW, Block, codes_of, objects, to_columns


class History(Recording):
    """A bounded record of messages, readable as a DataFrame at any time.

    Parameters
    ----------
    max_rows
        Older rows are evicted beyond this number; None keeps everything. Can be changed at
        any time.
    run
        Name of the run, as in the column of that name.
    profile
        Name of the profile in force; assign to it when it changes.
    about
        What is true of the whole run: ``started_at`` (epoch seconds), ``seed``,
        ``conditions``, ``duration_s``, ``versions`` ...

    Notes
    -----
    A row takes 139 bytes beside its payload and the text of its identifier. Reading moves it
    into the columns of the frame, 8 bytes for each number and nothing for a column that never
    varies: about 115 bytes in an ordinary run, 177 if every column varies.

    Examples
    --------
    >>> history = History(max_rows=2)
    >>> for number in range(3):
    ...     seq = history.append(number * 10**9, number * 10**9, number * 10**9 + 50_000_000)
    >>> history.frame[["seq", "created_s", "latency_ms"]].to_dict("list")
    {'seq': [1, 2], 'created_s': [1.0, 2.0], 'latency_ms': [50.0, 50.0]}
    >>> history.recorded, history.evicted
    (3, 1)
    """

    def __init__(
        self,
        max_rows: int | None = 10_000,
        *,
        run: str = "run-1",
        profile: str = "",
        about: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(run, str) or readable(run) != run:
            raise UsageError(f"run={run!r} is not a text such as 'run-1'")
        super().__init__(run, profile, about)
        self._round_trips: deque[tuple[int, int]] = deque()  # of rows already read
        self._read_until = 0
        self._lock = threading.RLock()
        self._base = 0  # rows before this one were cleared
        self._evicted = 0  # rows evicted before that
        self._end_ns = 0
        self.max_rows = max_rows
        self._open_block()

    def append_many(
        self,
        created_ns: Any,
        sent_ns: Any,
        delivered_ns: Any,
        *,
        direction: Any = "inbound",
        event_name: Any = "",
        client_id: Any = "",
        session: Any = 1,
        fate: Any = "delivered",
        cause: Any = "",
        copy: Any = 0,
        size_bytes: Any = 0,
        message_id: Any = "",
        namespace: Any = "/",
        ack_id: Any = -1,
        round_trip_ns: Any = -1,
        lateness_ns: Any = -1,
        parts: Any = None,
        data: Any = None,
    ) -> int:
        """Record many messages at once and return how many; a whole schedule's worth.

        Parameters
        ----------
        created_ns, sent_ns, delivered_ns
            Arrays of nanoseconds, shape (n,), -1 where there is none.
        direction, event_name, client_id, fate, cause, namespace
            One name for all rows, n names, or a pair ``(codes, names)`` where codes, shape
            (n,), are indices into names.
        session, copy, size_bytes, ack_id, round_trip_ns, lateness_ns
            One number, or an array of shape (n,).
        message_id, data
            One value (``""`` and None), or a sequence of n.
        parts
            Array of nanoseconds, shape (n, 8), in the order of :data:`wsim.schema.PARTS`.
        """
        created = np.asarray(created_ns, np.int64)
        named = {"direction": direction, "event_name": event_name, "client_id": client_id}
        named |= {"fate": fate, "cause": cause, "namespace": namespace}
        fields: dict[str, Any] = {
            n: codes_of(n, value, self._book(n)) for n, value in named.items()
        }
        fields |= {"session": session, "copy": copy, "size_bytes": size_bytes, "ack_id": ack_id}
        fields |= {"created_ns": created, "sent_ns": np.asarray(sent_ns)}
        fields |= {"delivered_ns": np.asarray(delivered_ns), "parts": parts}
        fields |= {"round_trip_ns": np.asarray(round_trip_ns)}
        fields |= {"lateness_ns": np.asarray(lateness_ns), "profile": self._profile_code}
        values = to_columns(fields)
        for name, given in (("message_id", message_id), ("data", data)):
            values[name] = given if given is None or isinstance(given, str) else objects(given)
        self._add_rows(values, created, np.asarray(delivered_ns))
        return len(created)

    def _book(self, name: str) -> Mapping[str, int]:
        books = {"event_name": self._events, "client_id": self._clients}
        books["namespace"] = self._namespaces
        if name in books:
            return books[name]
        return {known: code for code, known in enumerate(self._books[name])}

    def _add_rows(self, values: dict[str, Any], created: Any, delivered: Any) -> None:
        if not len(created):
            return
        with self._lock:
            self._catch_up()
            self._blocks[-1].rows = self.recorded - self._blocks[-1].first
            self._columns.extend(values, len(created))
            self._end_ns = max(self._end_ns, int(created.max()), int(delivered.max()))
            self.recorded += len(created)
            self._next_block()

    @property
    def max_rows(self) -> int | None:
        """The most rows kept; None for no bound."""
        return self._max_rows

    @max_rows.setter
    def max_rows(self, value: int | None) -> None:
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0
        ):
            raise UsageError(f"max_rows={value!r} is not a whole number from 0, or None")
        self._floor = self._first_row()
        self._max_rows = None if value is None else int(value)

    @property
    def evicted(self) -> int:
        """Rows that the bound pushed out, exactly."""
        return self._evicted + self._first_row() - self._base

    def __len__(self) -> int:
        return self.recorded - self._first_row()

    def __repr__(self) -> str:
        return f"<History of {self.run!r}: {len(self)} rows, {self.evicted} evicted>"

    def clear(self) -> None:
        """Forget the rows and notes; row numbers and ``recorded`` go on."""
        with self._lock:
            self._evicted = self.evicted
            self._base = self._floor = self.recorded
            self.changes, self.connections = [], []
            self._columns = Columns(self._books)
            self._columns.first = self.recorded
            self._blocks = []
            self._open_block()

    def set_round_trip(self, seq: int, round_trip_ns: int) -> None:
        """Say how long the acknowledgement of row `seq` took; evicted rows are ignored."""
        if not 0 <= seq < self.recorded:
            raise UsageError(f"no row {seq}: rows 0 to {self.recorded - 1} were recorded")
        for block in reversed(self._blocks):
            if block.first <= seq:
                place = (seq - block.first) * ROW.size + ROUND_TRIP_OFFSET
                block.buffer[place : place + 8] = round_trip_ns.to_bytes(8, "little", signed=True)
                break
        if seq < self._read_until:
            self._round_trips.append((seq, round_trip_ns))
        if self.note_listeners:
            self._note("round_trip", {"seq": seq, "round_trip_ms": round_trip_ns / 1e6})

    @property
    def frame(self) -> pd.DataFrame:
        """The rows kept, as a frame of the schema's columns that will not change.

        The payloads in ``data`` are the recorded ones, shared by all frames: copy one before
        you change it.
        """
        with self._lock:
            self._catch_up()
            frame = self._columns.frame()
            frame.attrs["wsim"] = {self.run: self._all_notes()}
            return frame

    def notes(self) -> RunNotes:
        """Return what is true of the run, as kept in ``frame.attrs["wsim"]``."""
        with self._lock:
            self._catch_up()
            return self._all_notes()

    def _all_notes(self) -> RunNotes:
        notes = RunNotes(started_at=None, seed=None, conditions=None)
        notes |= {"profile": self._profile} | self.about
        notes.setdefault("duration_s", self._end_ns / 1e9)
        notes |= {"changes": list(self.changes), "connections": list(self.connections)}
        notes |= {"evicted": self.evicted, "max_history": self._max_rows}
        return notes

    def rows(self, last: int | None = None) -> list[dict[str, Any]]:
        """Return the rows kept, or the `last` ones, as dicts with None where a value is missing."""
        frame = self.frame
        if last is not None:
            frame = frame.iloc[max(len(frame) - max(last, 0), 0) :]
        return rows_of(frame)

    def _catch_up(self) -> None:
        """Move rows that were recorded since the last read into the columns."""
        recorded = self.recorded
        blocks = list(self._blocks)
        columns = self._columns
        self._read_until = recorded  # before reading, so that no round trip falls between
        bound = recorded if self._max_rows is None else self._max_rows
        columns.drop_before(max(self._floor, recorded - bound))
        columns.make_room(recorded - max(columns.until, blocks[0].first))
        columns.patch("round_trip_ms", self._late_round_trips(columns.until))
        for block in blocks:
            start = max(columns.until, block.first)
            stop = min(recorded, block.end)
            if start < stop:
                rows, latest_ns = block.read(start, stop)
                columns.extend(rows, stop - start)
                self._end_ns = max(self._end_ns, latest_ns)
        self._forget_read(blocks)

    def _late_round_trips(self, until: int) -> list[tuple[int, float]]:
        found = [self._round_trips.popleft() for _ in range(len(self._round_trips))]
        return [(row, ns / 1e6) for row, ns in found if row < until]

    def _forget_read(self, blocks: list[Block]) -> None:
        """Let go of full blocks that are in the columns now; the writer drops the shells."""
        for block in blocks[:-1]:
            if block.end <= self._columns.until and block.buffer:
                block.release()
