"""Network conditions: what a link does to messages, declared field by field.

Each field carries its unit, range, step and help. Validation, sliders, command-line flags
and the README's table are derived from :func:`condition_fields`. Conditions are frozen;
change is replacement, and a refused change changes nothing.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Self, cast

from wsim.errors import ConditionsError, nearest
from wsim.impairments import Jitter, Loss, Outage, Rate, spec_from
from wsim.rules import Rule

SPEC_FIELDS = {
    "jitter_model": "jitter", "loss_model": "loss", "rate_model": "rate", "outage": "outage",
}  # fmt: skip


class FieldInfo(NamedTuple):
    """What is known of one condition.

    ``kind`` is one of number, integer, flag, choice, names, spec, rules and overrides;
    ``optional`` fields may be None, which ``help`` explains.
    """

    name: str
    kind: str
    unit: str
    low: float
    high: float
    step: float
    help: str
    choices: tuple[str, ...]
    advanced: bool
    optional: bool
    default: Any


def _field(
    default: Any,
    help: str,
    *,
    kind: str = "number",
    unit: str = "",
    low: float = 0.0,
    high: float = math.inf,
    step: float = 1.0,
    choices: tuple[str, ...] = (),
    advanced: bool = True,
    optional: bool = False,
) -> Any:
    about = (kind, unit, low, high, step, help, choices, advanced, optional)
    return dataclasses.field(default=default, metadata={"about": about})


def _rate_field(default: float, help: str, *, advanced: bool = True) -> Any:
    return _field(default, help, high=1.0, step=0.001, advanced=advanced)


@dataclasses.dataclass(frozen=True, repr=False)
class NetworkConditions:
    """Conditions of a link, the same both ways unless `outbound` says otherwise.

    The first six fields are the everyday ones. Everything is validated on construction.

    Raises
    ------
    ConditionsError
        For a value of the wrong type or out of range; names the field and the range.

    Examples
    --------
    >>> NetworkConditions(latency_ms=200.0).replace(jitter_ms=0).jitter_ms
    0.0
    """

    latency_ms: float = _field(
        50.0, "fixed one-way delay", unit="ms", high=1e8, step=5, advanced=False
    )
    jitter_ms: float = _field(
        10.0, "standard deviation of the delay", unit="ms", high=1e8, step=1, advanced=False
    )
    packet_loss_rate: float = _rate_field(0.01, "share of messages lost", advanced=False)
    disconnect_rate: float = _rate_field(
        0.001, "chance, per message, that the connection is cut", advanced=False
    )
    bandwidth_mbps: float | None = _field(
        100.0,
        "rate of the bottleneck, one shared queue per direction; None: unlimited",
        unit="Mbit/s",
        low=1e-6,
        high=1e6,
        step=0.1,
        advanced=False,
        optional=True,
    )
    enabled: bool = _field(
        True, "off: no waiting, no loss, no draws; messages overtake those still in flight",
        kind="flag", advanced=False,
    )  # fmt: skip
    transport: str = _field(
        "datagram",
        "datagram: lost is lost; tcp: loss becomes delay, as on a real WebSocket",
        kind="choice",
        choices=("datagram", "tcp"),
        advanced=False,
    )
    jitter_model: Any = _field("normal", "distribution of the delay", kind="spec")
    jitter_correlation: float = _field(
        0.0, "correlation of the delays of neighbouring messages", high=0.9999, step=0.05
    )
    jitter_memory_s: float = _field(
        0.0, "time over which delays stay alike; 0: by message", unit="s", high=1e6, step=0.1
    )
    loss_model: Any = _field("bernoulli", "which messages are lost", kind="spec")
    duplicate_rate: float = _rate_field(0.0, "share of messages delivered twice")
    corrupt_rate: float = _rate_field(0.0, "share of messages damaged on the way")
    corrupt_kinds: tuple[str, ...] = _field(
        ("missing", "nan", "sign", "truncate", "bitflip"),
        "kinds of damage, one drawn for each damaged message",
        kind="names",
        choices=("missing", "nan", "sign", "truncate", "bitflip"),
    )
    reorder: bool = _field(False, "let later messages overtake earlier ones", kind="flag")
    reorder_rate: float = _rate_field(
        0.0, "share of messages (every reorder_gap-th) that skip the delay; needs reorder"
    )
    reorder_gap: int = _field(
        1, "distance between messages that may skip the delay", kind="integer", low=1, high=1e6
    )
    overhead_bytes: int = _field(
        0, "bytes of headers added to every message", kind="integer", unit="B", high=1e6
    )
    rate_model: Any = _field("constant", "how bytes leave the bottleneck", kind="spec")
    queue_limit_bytes: int | None = _field(
        None, "room in the queue; None: no limit",
        kind="integer", unit="B", low=1, high=1e12, step=1000, optional=True,
    )  # fmt: skip
    queue_limit_messages: int | None = _field(
        None, "messages in the queue; None: no limit",
        kind="integer", low=1, high=1e9, optional=True,
    )  # fmt: skip
    queue_limit_ms: float | None = _field(
        None, "longest wait a message may join; None: no limit",
        unit="ms", low=0.0, high=1e8, step=10, optional=True,
    )  # fmt: skip
    queue_policy: str = _field(
        "tail",
        "who goes when the queue is full: the newcomer (tail) or the oldest (head); or CoDel",
        kind="choice",
        choices=("tail", "head", "codel"),
    )
    max_age_ms: float | None = _field(
        None, "drop what has waited longer than this, freshest first; None: never",
        unit="ms", low=0.0, high=1e8, step=10, optional=True,
    )  # fmt: skip
    priority_events: tuple[str, ...] = _field(
        (), "events that go before all others at the bottleneck", kind="names"
    )
    outage: Any = _field(None, "when the link is out", kind="spec", optional=True)
    congestion_control: str = _field(
        "cubic", "TCP congestion control", kind="choice", choices=("cubic", "bbr")
    )
    rto_min_ms: float = _field(200.0, "least TCP retransmission timeout", unit="ms", low=1)
    mss_bytes: int = _field(1448, "TCP segment size", kind="integer", unit="B", low=64, high=65535)
    initial_window: int = _field(
        10, "TCP initial congestion window, in segments", kind="integer", low=1, high=1000
    )
    heartbeat_interval_s: float | None = _field(
        25.0, "between the pings that give up a TCP connection which stalls; None: no heartbeat",
        unit="s", low=0.1, high=1e6, optional=True,
    )  # fmt: skip
    heartbeat_timeout_s: float = _field(
        20.0, "how late a ping or its answer may be", unit="s", low=0.1, high=1e6
    )
    auto_reconnect: bool = _field(True, "clients come back after being cut off", kind="flag")
    reconnect_client: str = _field(
        "js", "whose back-off a cut client follows", kind="choice", choices=("js", "python")
    )
    client_buffer: bool = _field(
        False, "what a cut client sends waits and is flushed on reconnection", kind="flag"
    )
    rules: tuple[Rule, ...] = _field(
        (), "other conditions for some messages, by event, direction, client or payload",
        kind="rules",
    )  # fmt: skip
    outbound: Mapping[str, Any] | None = _field(
        None, "fields that differ from server to client", kind="overrides", optional=True
    )

    def __post_init__(self) -> None:
        for info in condition_fields():
            object.__setattr__(self, info.name, _checked(info, getattr(self, info.name)))
        self.jitter.check(self.latency_ms, self.jitter_ms)
        self.loss.check(self.packet_loss_rate)

    def __repr__(self) -> str:
        """Name the first six fields and what differs from the default; can be pasted back."""
        shown = [info.name for info in condition_fields()[:6]]
        shown += [name for name in self.to_dict(changed_only=True) if name not in shown]
        fields = (f"{name}={getattr(self, name)!r}" for name in shown)
        return f"NetworkConditions({', '.join(fields)})"

    def replace(self, **changes: Any) -> Self:
        """Return conditions with some fields changed; unknown names are refused."""
        _refuse_unknown(changes)
        return dataclasses.replace(self, **changes)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build conditions from a mapping; missing fields take their defaults."""
        _refuse_unknown(values)
        return cls(**values)

    def to_dict(self, *, changed_only: bool = False) -> dict[str, Any]:
        """Return the fields as JSON types, all of them or those that differ from the default."""
        result = {}
        for info in condition_fields():
            value = getattr(self, info.name)
            if changed_only and value == _checked(info, info.default):
                continue
            result[info.name] = _plain(value)
        return result

    def for_direction(self, direction: str) -> Self:
        """Return the conditions of one direction, with its overrides applied."""
        if self.outbound is None:
            return self
        changes = dict(self.outbound) if direction == "outbound" else {}
        return dataclasses.replace(self, **changes, outbound=None)

    @property
    def jitter(self) -> Jitter:
        """The delay distribution in force."""
        return cast(Jitter, self.jitter_model)

    @property
    def loss(self) -> Loss:
        """The loss process in force."""
        return cast(Loss, self.loss_model)

    @property
    def rate(self) -> Rate:
        """The bottleneck in force."""
        return cast(Rate, self.rate_model)

    @property
    def outages(self) -> Outage | None:
        """The outage process in force."""
        return cast("Outage | None", self.outage)


_FIELDS: list[FieldInfo] = []


def condition_fields() -> list[FieldInfo]:
    """Return what is known of every condition, in order of declaration."""
    if not _FIELDS:
        _FIELDS.extend(
            FieldInfo._make((f.name, *f.metadata["about"], f.default))
            for f in dataclasses.fields(NetworkConditions)
        )
    return _FIELDS


def _refuse_unknown(values: Mapping[str, Any]) -> None:
    known = [info.name for info in condition_fields()]
    for name in values:
        if name not in known:
            raise ConditionsError(
                f"no network condition '{name}'{nearest(name, known) or ';'}"
                f" Known: {', '.join(known)}"
            )


def _checked(info: FieldInfo, value: Any) -> Any:
    """Return the value in its own type, or raise with the field, the range and the unit."""
    if value is None and info.optional:
        return None
    return _CHECKS[info.kind](info, value)


def _number(info: FieldInfo, value: Any) -> float:
    if info.optional and value == math.inf:
        return cast(float, None)
    try:
        refused = isinstance(value, bool | str) or not info.low <= float(value) <= info.high
        number = float(value)
    except (TypeError, ValueError):
        refused, number = True, math.nan
    if refused or not math.isfinite(number):
        raise ConditionsError(f"{info.name}={value!r} is not {allowed_values(info)}")
    return number


def _integer(info: FieldInfo, value: Any) -> int:
    number = _number(info, value)
    if number != int(number):
        raise ConditionsError(f"{info.name}={value!r} is not {allowed_values(info)}")
    return int(number)


def _flag(info: FieldInfo, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConditionsError(f"{info.name}={value!r} is not True or False")
    return value


def _choice(info: FieldInfo, value: Any) -> str:
    if value not in info.choices:
        hint = nearest(value, info.choices)
        raise ConditionsError(f"{info.name}={value!r} is not {allowed_values(info)}{hint}")
    return cast(str, value)


def _names(info: FieldInfo, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not all(isinstance(name, str) for name in value):
        raise ConditionsError(f"{info.name}={value!r} is not a list of names")
    for name in value:
        if info.choices:
            _choice(info, name)
    return tuple(value)


def _spec(info: FieldInfo, value: Any) -> Any:
    return spec_from(SPEC_FIELDS[info.name], value)


def _overrides(info: FieldInfo, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConditionsError(f"{info.name}={value!r} is not a mapping of conditions")
    _refuse_unknown(value)
    if "outbound" in value:
        raise ConditionsError("outbound cannot hold another 'outbound'")
    by_name = {field.name: field for field in condition_fields()}
    return _Frozen({name: _checked(by_name[name], item) for name, item in value.items()})


def _rules(info: FieldInfo, value: Any) -> tuple[Rule, ...]:
    if isinstance(value, str | Mapping | Rule):
        raise ConditionsError(f"rules={value!r} is not a list of rules")
    rules = [rule if isinstance(rule, Rule) else Rule.from_dict(rule) for rule in value]
    by_name = {field.name: field for field in condition_fields()}
    return tuple(
        dataclasses.replace(
            rule,
            conditions=tuple((name, _checked(by_name[name], v)) for name, v in rule.conditions),
        )
        for rule in rules
    )


class _Frozen(dict[str, Any]):
    """A mapping that is never changed after it was made, so that conditions can be hashed."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted((name, str(value)) for name, value in self.items())))


_CHECKS = {
    "number": _number,
    "integer": _integer,
    "flag": _flag,
    "choice": _choice,
    "names": _names,
    "spec": _spec,
    "overrides": _overrides,
    "rules": _rules,
}


def allowed_values(info: FieldInfo) -> str:
    """Say in words what a field may hold, for error messages and help.

    Examples
    --------
    >>> allowed_values(condition_fields()[0])
    'a number of ms from 0 to 1e+08'
    """
    if info.kind == "choice":
        return f"one of {', '.join(info.choices)}"
    word = "a whole number" if info.kind == "integer" else "a number"
    unit = f" of {info.unit}" if info.unit else ""
    top = f" to {info.high:g}" if math.isfinite(info.high) else " upwards"
    return f"{word}{unit} from {info.low:g}{top}" + (" or None" if info.optional else "")


def _plain(value: Any) -> Any:
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return value
