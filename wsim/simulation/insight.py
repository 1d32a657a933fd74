"""What a simulator tells of itself: history, statistics, rover state and export."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsim.errors import ConditionsError, PayloadError, UsageError
from wsim.history import History
from wsim.simulation.clients import ConnectionState, check_client_id
from wsim.simulation.handlers import HandlerError, Handlers
from wsim.simulation.home import Home
from wsim.simulation.network import Network
from wsim.simulation.records import MessageRecord, records_of, select_rows
from wsim.simulation.settings import checked_max_history
from wsim.store.columns import rows_of

if TYPE_CHECKING:
    import pandas as pd


class Insight(Home):
    """Base of the simulator: everything that reads, and nothing that sends."""

    recorder: History
    started_at: float
    _net: Network
    _handlers: Handlers
    _rover: dict[str, Any]

    @property
    def history(self) -> pd.DataFrame:
        """The history as a DataFrame of the schema's columns, a snapshot.

        Payloads in ``data`` are shared by all snapshots: copy one before you change it.
        """
        return self.recorder.frame

    @property
    def max_history(self) -> int | None:
        """The most messages kept; None for all. Can be changed at any time."""
        return self.recorder.max_rows

    @max_history.setter
    def max_history(self, value: int | None) -> None:
        self.recorder.max_rows = checked_max_history(value)

    @property
    def record_messages(self) -> bool:
        """Whether messages are recorded."""
        return self._net.recording

    @record_messages.setter
    def record_messages(self, value: bool) -> None:
        self._net.recording = _flag("record_messages", value)

    @property
    def validate_messages(self) -> bool:
        """Whether payloads are checked against the schemas."""
        return self._net.validating

    @validate_messages.setter
    def validate_messages(self, value: bool) -> None:
        self._net.validating = _flag("validate_messages", value)

    @property
    def connection_state(self) -> ConnectionState:
        """The state of the connections as a whole: the best any client has."""
        states = {client.state for client in self._net.clients.values()}
        for state in (
            ConnectionState.CONNECTED,
            ConnectionState.RECONNECTING,
            ConnectionState.CONNECTING,
        ):
            if state in states:
                return state
        return ConnectionState.DISCONNECTED

    def client_state(self, client_id: str) -> ConnectionState:
        """Return the state of one client; DISCONNECTED if there is none of that name."""
        check_client_id(client_id)
        client = self._net.clients.get(client_id)
        return ConnectionState.DISCONNECTED if client is None else client.state

    @property
    def errors(self) -> list[HandlerError]:
        """The last exceptions of handlers, each with its event and client."""
        return list(self._handlers.errors)

    @property
    def stats(self) -> dict[str, Any]:
        """The counts of now: connections, messages, errors, mean latency and uptime."""
        return self._net.tally.as_dict(self._handlers.error_count, self.now_s)

    def get_statistics(self) -> dict[str, Any]:
        """Return ``stats``, and beside it the state of connections, history and network."""
        return {
            "stats": self.stats,
            "connected_clients": len(self._net.connected),
            "connection_state": str(self.connection_state),
            "message_history_size": len(self.recorder),
            "messages_evicted": self.recorder.evicted,
            "network_conditions": self._net.conditions.to_dict(),
            "profile": self.recorder.profile,
            "seed": self._net.seed,
        }

    def get_message_history(
        self,
        count: int | None = None,
        event_name: str | None = None,
        direction: str | None = None,
        client_id: str | None = None,
    ) -> list[MessageRecord]:
        """Return the last `count` recorded messages that match, oldest first.

        Raises
        ------
        UsageError
            For a direction that is none, or a count that is no whole number from 0.
        """
        frame = select_rows(
            self.recorder.frame,
            count=count, event_name=event_name, direction=direction, client_id=client_id,
        )  # fmt: skip
        return records_of(rows_of(frame), self.started_at)

    def clear_history(self) -> None:
        """Forget the recorded messages; the counters go on."""
        self._do(self.recorder.clear)

    def export_history(self, filename: str | Path) -> Path:
        """Write the history to a file and return its path.

        The suffix chooses the format: ``.json`` is one object with statistics, conditions and
        messages; ``.jsonl``, ``.csv`` and ``.parquet`` are tables. Missing folders are made,
        and an existing file is replaced only by a whole one.
        """
        from wsim.formats import save
        from wsim.formats.json_export import write_json

        if not isinstance(filename, str | Path):
            raise UsageError(f"export_history takes the path of a file, not {filename!r}")
        path = Path(filename)
        if path.suffix.lower() != ".json":
            return save(self.recorder.frame, path)
        statistics, conditions = self.get_statistics(), self._net.conditions.to_dict()
        write_json(self.recorder.frame, path, statistics=statistics, network_conditions=conditions)
        return path

    def update_rover_state(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Put new values into the rover's state, key by key, and return the state.

        Raises
        ------
        PayloadError
            For what is no mapping, or a value that cannot be copied; then nothing changes.
        """
        if not isinstance(changes, Mapping):
            raise PayloadError(
                f"rover state {changes!r} is not a mapping such as {{'battery': 85}}"
            )
        copies = {}
        for name, value in changes.items():
            try:
                copies[name] = copy.deepcopy(value)
            except Exception as error:  # whatever an object's own way of copying raises
                raise PayloadError(
                    f"rover state {name!r}: {value!r} cannot be copied ({error}); give plain"
                    " values such as numbers, texts, lists and dicts"
                ) from error
        self._rover.update(copies)
        return self.get_rover_state()

    def get_rover_state(self) -> dict[str, Any]:
        """Return a copy of the rover's state."""
        return copy.deepcopy(self._rover)

    def raise_errors(self) -> None:
        """Raise UsageError if a strict simulator's handler failed and nobody was told.

        A failure in a message that somebody awaits is raised there; this is for the others:
        messages sent without waiting, tasks that nobody awaited, failures that
        ``gather(..., return_exceptions=True)`` returned. Each is raised once.
        """
        untold = self._handlers.untold() if self._net.strict else []
        if untold:
            raise UsageError(
                f"{len(untold)} failures in handlers that nobody awaited; the first: {untold[0]!r}"
            ) from untold[0]


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConditionsError(f"{name}={value!r} is not True or False")
    return value
