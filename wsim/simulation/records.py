"""Records of single messages, for those who do not want a frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wsim.errors import UsageError, nearest
from wsim.schema import DIRECTIONS


class MessageRecord(Mapping[str, Any]):
    """One message of the history, read by key or by attribute.

    It has the columns of the schema, None where there is no value, and ``timestamp``: the
    epoch seconds at which it was sent.

    Examples
    --------
    >>> record = MessageRecord({"event_name": "driveCommands", "latency_ms": 50.0})
    >>> record["event_name"], record.latency_ms
    ('driveCommands', 50.0)
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            hint = nearest(name, self._values)
            raise AttributeError(f"a message record has no '{name}'{hint}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._values]

    def __repr__(self) -> str:
        return f"MessageRecord({self._values!r})"


def select_rows(
    frame: Any,
    *,
    count: int | None = None,
    event_name: str | None = None,
    direction: str | None = None,
    client_id: str | None = None,
) -> Any:
    """Return the last `count` rows of a history frame that match.

    Raises
    ------
    UsageError
        For a direction that is none, a name that is no text, or a count that is no whole
        number from 0.
    """
    if direction is not None and direction not in DIRECTIONS:
        hint = nearest(direction, DIRECTIONS)
        raise UsageError(f"direction={direction!r} is not inbound or outbound{hint}")
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
        raise UsageError(f"count={count!r} is not a whole number from 0, or None for all")
    wanted = {"event_name": event_name, "direction": direction, "client_id": client_id}
    for column, value in wanted.items():
        if value is not None:
            if not isinstance(value, str):
                raise UsageError(f"{column}={value!r} is not a text, and not None for all")
            frame = frame[frame[column] == value]
    return frame if count is None else frame.iloc[max(len(frame) - count, 0) :]


def records_of(rows: list[dict[str, Any]], started_at: float) -> list[MessageRecord]:
    """Make records of rows, with the epoch time of sending."""
    return [MessageRecord({"timestamp": started_at + row["created_s"], **row}) for row in rows]
