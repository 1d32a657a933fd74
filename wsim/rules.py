"""Rules: other conditions for some messages, by event, direction, client or payload.

The first rule that fits a message decides; a message that none fits meets the conditions of
the link. A rule changes what is drawn for each message (:data:`PER_MESSAGE`), from the same
random numbers, so that adding a rule moves no draw. Queue, rate, outages and order are the
link's and shared by all. In TCP mode all messages are bytes of one stream: there a rule can
change corruption and cuts, not loss and delay.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Mapping
from typing import Any

from wsim.errors import ConditionsError, nearest
from wsim.schema import DIRECTIONS

PER_MESSAGE = (
    "latency_ms",
    "jitter_ms",
    "jitter_model",
    "packet_loss_rate",
    "loss_model",
    "duplicate_rate",
    "corrupt_rate",
    "disconnect_rate",
)
"""The conditions a rule may change."""

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

Predicate = tuple[str, str, Any]
"""A path into the payload (``"position.x"``), an operator and a value."""


@dataclasses.dataclass(frozen=True)
class Rule:
    """Conditions for the messages that fit.

    Parameters
    ----------
    conditions
        (field, value) pairs among :data:`PER_MESSAGE`.
    events, direction, clients
        Names of events, ``inbound`` or ``outbound``, indices of clients; empty fits all.
    where
        Predicates on the payload, all of which must hold; a missing field fits none.

    Examples
    --------
    >>> rule = Rule.from_dict({"events": ["cameraFeed"], "packet_loss_rate": 0.2})
    >>> rule.fits("cameraFeed", "outbound", 0, None)
    True
    """

    conditions: tuple[tuple[str, Any], ...]
    events: tuple[str, ...] = ()
    direction: str | None = None
    clients: tuple[int, ...] = ()
    where: tuple[Predicate, ...] = ()

    def __post_init__(self) -> None:
        if self.direction is not None and self.direction not in DIRECTIONS:
            raise ConditionsError(f"rule: direction={self.direction!r} is not inbound or outbound")
        if not self.conditions:
            raise ConditionsError(f"rule: nothing to change; give one of {', '.join(PER_MESSAGE)}")
        for name, _ in self.conditions:
            if name not in PER_MESSAGE:
                raise ConditionsError(
                    f"rule: '{name}' is not a condition of single messages"
                    f"{nearest(name, PER_MESSAGE) or ';'} Known: {', '.join(PER_MESSAGE)}"
                )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Rule:
        """Build a rule from one mapping of what fits and what changes.

        ``where`` maps a path to a value (equality) or to ``{operator: value}``.
        """
        rest = dict(values)
        events, clients = rest.pop("events", ()), rest.pop("clients", ())
        if isinstance(events, str) or isinstance(clients, int | str):
            raise ConditionsError(
                f"rule: events={events!r}, clients={clients!r} are lists, as in ['cameraFeed']"
            )
        direction, where = rest.pop("direction", None), rest.pop("where", {})
        predicates = tuple(
            predicate for path, test in where.items() for predicate in _predicates(path, test)
        )
        return cls(tuple(rest.items()), tuple(events), direction, tuple(clients), predicates)

    def to_dict(self) -> dict[str, Any]:
        """Return the mapping that :meth:`from_dict` takes, in JSON types."""
        result: dict[str, Any] = {}
        if self.events:
            result["events"] = list(self.events)
        if self.direction:
            result["direction"] = self.direction
        if self.clients:
            result["clients"] = list(self.clients)
        for path, test, value in self.where:
            result.setdefault("where", {}).setdefault(path, {})[test] = value
        for name, value in self.conditions:
            result[name] = value.to_dict() if hasattr(value, "to_dict") else value
        return result

    def fits(self, event: str, direction: str, client: int, data: Any) -> bool:
        """Return True if the rule is meant for this message."""
        if self.events and event not in self.events:
            return False
        if self.direction is not None and direction != self.direction:
            return False
        if self.clients and client not in self.clients:
            return False
        return all(_holds(predicate, data) for predicate in self.where)


def _predicates(path: str, test: Any) -> list[Predicate]:
    if not isinstance(test, Mapping):
        return [(path, "==", test)]
    for sign in test:
        if sign not in OPERATORS:
            raise ConditionsError(
                f"rule: where['{path}'] has the operator '{sign}'; known: {' '.join(OPERATORS)}"
            )
    return [(path, sign, value) for sign, value in test.items()]


def _holds(predicate: Predicate, data: Any) -> bool:
    path, sign, value = predicate
    for step in path.split("."):
        if not isinstance(data, Mapping) or step not in data:
            return False
        data = data[step]
    try:
        return bool(OPERATORS[sign](data, value))
    except TypeError:
        return False
