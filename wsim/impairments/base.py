"""The contract of an impairment: a frozen spec, and a state made for each connection.

A spec is a frozen dataclass that says what is true of the network; it validates itself, and
``to_dict``/``from_dict`` carry it through JSON. What changes from message to message lives in
the state that ``start`` makes, one per client and direction. A state sees messages in order,
in blocks of any size, and must give the same answers whatever the blocks: reading one by one
and all at once agree bit for bit. States use NumPy functions only, never ``math``, whose last
bits differ (but for square roots), and integer nanoseconds for every time.

To add an impairment, write one small file with a spec of the right family; the class
registers itself by its ``kind``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, Self

from wsim.errors import ConditionsError, nearest, unknown
from wsim.randomness import BoolArray, FloatArray, IntArray, Stream

Sampler = Callable[[FloatArray], FloatArray]
"""Turns uniforms in [0, 1) into one-way delays in milliseconds, element by element."""

_REGISTRY: dict[str, dict[str, type[Spec]]] = {}


@dataclasses.dataclass(frozen=True)
class Spec:
    """Root of all specs: JSON in and out, and a registry by family and kind."""

    family: ClassVar[str] = ""
    kind: ClassVar[str] = ""
    units: ClassVar[Mapping[str, str]] = {}
    """Unit of every numeric field (``""`` for a pure number)."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if cls.kind:
            _REGISTRY.setdefault(cls.family, {})[cls.kind] = cls

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as JSON types, with its ``kind``."""
        values = {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}
        return {"kind": self.kind, **values}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build the spec from what :meth:`to_dict` gave, without the ``kind``."""
        known = [f.name for f in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                raise ConditionsError(
                    f"{cls.family} '{cls.kind}' has no field '{name}'{nearest(name, known)}"
                    f" Known: {', '.join(known) or 'none'}"
                )
        return cls(**{name: _tuples(value) for name, value in values.items()})

    def refuse(self, field: str, value: object, allowed: str) -> ConditionsError:
        """Build the error for a `field` of this spec; the caller raises it."""
        return ConditionsError(f"{self.family} '{self.kind}': {field}={value!r} is not {allowed}")


def kinds(family: str) -> dict[str, type[Spec]]:
    """Return the registered specs of a family, by kind."""
    return dict(_REGISTRY.get(family, {}))


def spec_from(family: str, value: object) -> Spec:
    """Return the spec meant by `value`: a spec, the name of a kind, or a mapping with ``kind``."""
    if isinstance(value, Spec):
        if value.family != family:
            raise ConditionsError(f"a {value.family} spec ({value.kind}) given as {family}")
        return value
    known = _REGISTRY.get(family, {})
    if isinstance(value, str):
        value = {"kind": value}
    if not isinstance(value, Mapping) or "kind" not in value:
        raise ConditionsError(
            f"{family}={value!r} is not one of {', '.join(known)}, nor a mapping with 'kind'"
        )
    kind = value["kind"]
    if kind not in known:
        raise unknown(f"{family} kind", kind, known)
    return known[kind].from_dict({k: v for k, v in value.items() if k != "kind"})


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Spec):
        return value.to_dict()
    return value


def _tuples(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_tuples(item) for item in value)
    return value


@dataclasses.dataclass(frozen=True)
class Jitter(Spec):
    """A distribution of the one-way delay around ``latency_ms`` with spread ``jitter_ms``."""

    family: ClassVar[str] = "jitter"

    def sampler(self, latency_ms: float, jitter_ms: float) -> Sampler:
        """Return the inverse distribution function of the whole delay, in ms, never negative."""
        raise TypeError(f"{type(self).__name__} has no sampler")

    def check(self, latency_ms: float, jitter_ms: float) -> None:
        """Raise ConditionsError if the shape cannot have this mean and spread."""

    def is_fixed(self, jitter_ms: float) -> bool:
        """Return True if every delay is ``latency_ms``, so that nothing need be drawn."""
        return False


class LossState(Protocol):
    """Who is lost, message by message, in order.

    Attributes
    ----------
    timeless
        True if the times of sending do not matter, so that a block may be read before they are
        known. Any other state is a :class:`TimedLossState`.
    """

    @property
    def timeless(self) -> bool:
        """True if ``times_ns`` does not matter."""

    def lost(self, numbers: IntArray, times_ns: IntArray, *uniforms: FloatArray) -> BoolArray:
        """Return True where a message is lost; one uniform array per purpose of the spec."""


class TimedLossState(LossState, Protocol):
    """A loss that depends on when messages are sent, and is asked for each as it is sent."""

    def lost_one(self, number: int, time_ns: int, *uniforms: float) -> bool:
        """Return what :meth:`lost` gives for a block of one, to the last bit."""


@dataclasses.dataclass(frozen=True)
class Loss(Spec):
    """A process that decides which messages are lost."""

    family: ClassVar[str] = "loss"
    purposes: ClassVar[tuple[str, ...]] = ("loss",)
    """The random streams it takes, one uniform per message from each."""

    def check(self, loss_rate: float) -> None:
        """Raise ConditionsError if the process cannot have this overall loss."""

    def start(self, loss_rate: float) -> LossState:
        """Make the state of one connection; `loss_rate` is ``packet_loss_rate``."""
        raise TypeError(f"{type(self).__name__} has no state")

    def is_off(self, loss_rate: float) -> bool:
        """Return True if nothing can ever be lost."""
        return False


class RateState(Protocol):
    """A server of bytes: messages leave one after another."""

    def finish(self, start_ns: int, size_bytes: int) -> int:
        """Return when a message whose service may begin at `start_ns` has left, in ns.

        Called in the order of service, with `start_ns` not before the last finish.
        """

    def peek(self, start_ns: int, size_bytes: int) -> int:
        """Return what :meth:`finish` would, and serve nothing."""

    def finish_many(self, arrivals_ns: IntArray, sizes: IntArray, last_ns: int) -> IntArray:
        """Return the finish of each, ``finish(max(arrival, previous finish), size)``.

        `last_ns` is the finish of the message before the block.
        """


@dataclasses.dataclass(frozen=True)
class Rate(Spec):
    """How fast bytes leave the bottleneck."""

    family: ClassVar[str] = "rate"

    def start(self, bandwidth_mbps: float | None, now_ns: int) -> RateState:
        """Make the state of one connection; `bandwidth_mbps` None is unlimited."""
        raise TypeError(f"{type(self).__name__} has no state")


class OutageState(Protocol):
    """When the link is out: a process in time, independent of the traffic."""

    def window(self, now_ns: int) -> tuple[int, int] | None:
        """Return the outage (start, end) in ns that holds `now_ns`, or None.

        Windows are half open: out at the start, back at the end. Asked in any order.
        """

    def next_start_ns(self, now_ns: int) -> int | None:
        """Return the start of the first outage that begins after `now_ns`, or None."""


@dataclasses.dataclass(frozen=True)
class Outage(Spec):
    """When the link is out, and what that does to messages."""

    family: ClassVar[str] = "outage"

    def start(self, stream: Stream) -> OutageState:
        """Make the state of one link (both directions share it)."""
        raise TypeError(f"{type(self).__name__} has no state")
