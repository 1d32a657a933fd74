"""Traffic: what is sent when, as recipes that are added up and laid out into arrays.

Sends are open-loop: they do not wait for answers, so that a stalled link does not slow down
the traffic that would show it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wsim.errors import ColumnsError, ConditionsError, nearest
from wsim.messages import check_event_name
from wsim.randomness import IntArray, Stream
from wsim.schema import DIRECTIONS

_NS = 1e9
_MOST = 50_000_000  # messages of one source


@dataclasses.dataclass(frozen=True, eq=False)
class Layout:
    """Traffic as arrays, in order of time; at one instant in order of the sources.

    Attributes
    ----------
    times_ns, sizes
        Shape (n,), int64.
    outbound
        Shape (n,), bool.
    events
        Shape (n,), codes of `event_names`.
    clients
        Shape (n,), codes of `client_names`; None if every client sends it all.
    data
        Shape (n,), payloads, or None.
    """

    times_ns: IntArray
    sizes: IntArray
    outbound: Any
    events: IntArray
    event_names: tuple[str, ...]
    clients: IntArray | None = None
    client_names: tuple[str, ...] = ()
    data: Any = None

    def __len__(self) -> int:
        return len(self.times_ns)


@dataclasses.dataclass(frozen=True)
class Source:
    """One stream of messages: ``kind`` is ``periodic`` or ``poisson``."""

    kind: str
    event: str
    rate_hz: float
    size_bytes: int
    direction: str = "inbound"
    start_s: float = 0.0

    def __post_init__(self) -> None:
        check_event_name(self.event)
        if self.direction not in DIRECTIONS:
            hint = nearest(self.direction, DIRECTIONS)
            raise ConditionsError(f"direction={self.direction!r} is not inbound or outbound{hint}")
        _check("rate_hz", self.rate_hz, "a positive number", 1e-9)
        _check("start_s", self.start_s, "a number of seconds from 0", 0.0)
        whole = isinstance(self.size_bytes, int | np.integer)
        if not whole or isinstance(self.size_bytes, bool) or not 0 <= self.size_bytes < 2**32:
            raise ConditionsError(f"size_bytes={self.size_bytes!r} is not a whole number from 0")

    def times_ns(self, duration_s: float, seed: int, number: int) -> IntArray:
        """Return when messages are sent before `duration_s`, in ns, shape (n,)."""
        span_s = max(0.0, duration_s - self.start_s)
        if span_s * self.rate_hz > _MOST:
            raise ConditionsError(
                f"'{self.event}' at {self.rate_hz:g} Hz for {duration_s:g} s are more than"
                f" {_MOST:,} messages; lower the rate or the duration"
            )
        times = _PLANS[self.kind](self.rate_hz, span_s, Stream(seed, number, "traffic", self.kind))
        moments: IntArray = np.rint((self.start_s + times) * _NS).astype(np.int64)
        return moments[moments < round(duration_s * _NS)]


def _check(name: str, value: Any, allowed: str, low: float) -> None:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not low <= value < math.inf:
        raise ConditionsError(f"{name}={value!r} is not {allowed}")


def _periodic(rate_hz: float, span_s: float, stream: Stream) -> Any:
    return np.arange(math.ceil(span_s * rate_hz)) / rate_hz


def _poisson(rate_hz: float, span_s: float, stream: Stream) -> Any:
    """Exponential gaps of mean 1 / rate."""
    expected = span_s * rate_hz
    count = int(expected + 10.0 * math.sqrt(expected) + 20.0)
    return np.cumsum(-np.log1p(-stream.many(0, count))) / rate_hz


_PLANS = {"periodic": _periodic, "poisson": _poisson}


@dataclasses.dataclass(frozen=True, eq=False)
class Traffic:
    """What is sent when; traffics are added with ``+``.

    Examples
    --------
    >>> traffic = Traffic.periodic("driveCommands", 20, size_bytes=60)
    >>> traffic += Traffic.periodic("cameraFeed", 5, size_bytes=30_000, direction="outbound")
    >>> len(traffic.layout(2.0))
    50
    """

    sources: tuple[Source, ...] = ()
    recorded: tuple[Layout, ...] = ()

    @classmethod
    def periodic(
        cls,
        event: str,
        rate_hz: float,
        *,
        size_bytes: int,
        direction: str = "inbound",
        start_s: float = 0.0,
    ) -> Traffic:
        """Messages of one size at a fixed rate, the first at `start_s`."""
        return cls((Source("periodic", event, rate_hz, size_bytes, direction, start_s),))

    @classmethod
    def poisson(
        cls,
        event: str,
        rate_hz: float,
        *,
        size_bytes: int,
        direction: str = "inbound",
        start_s: float = 0.0,
    ) -> Traffic:
        """Messages of one size at random, independent of each other, `rate_hz` on average."""
        return cls((Source("poisson", event, rate_hz, size_bytes, direction, start_s),))

    @classmethod
    def from_history(cls, frame: Any, *, payloads: bool = True) -> Traffic:
        """What a history says was sent: its times, sizes, clients and payloads.

        Parameters
        ----------
        frame
            A history; duplicates made by the network are left out. Times count from its first
            message.
        payloads
            Whether to keep them, so that they can be validated again.

        Raises
        ------
        ColumnsError
            If a column is missing, or the history is of several runs.
        """
        return cls(recorded=(_recorded(frame, payloads),))

    def __add__(self, other: Traffic) -> Traffic:
        if not isinstance(other, Traffic):
            return NotImplemented
        return Traffic(self.sources + other.sources, self.recorded + other.recorded)

    @property
    def duration_s(self) -> float:
        """When the last recorded message is sent, in seconds; 0 for recipes, which never end."""
        ends = [part.times_ns[-1] / _NS for part in self.recorded if len(part)]
        return float(max(ends, default=0.0))

    def layout(self, duration_s: float, *, seed: int = 0) -> Layout:
        """Lay the traffic out up to `duration_s`, in order of time.

        Parameters
        ----------
        duration_s
            Seconds; what would be sent at or after this time is left out.
        seed
            Of the random sources.
        """
        _check("duration_s", duration_s, "a number of seconds from 0", 0.0)
        parts = [
            _laid_out(source, source.times_ns(duration_s, seed, number))
            for number, source in enumerate(self.sources)
        ]
        parts += [_until(part, round(duration_s * _NS)) for part in self.recorded]
        return _merged(parts)


def _laid_out(source: Source, times_ns: IntArray) -> Layout:
    count = len(times_ns)
    outbound = np.full(count, source.direction == "outbound")
    sizes = np.full(count, source.size_bytes, np.int64)
    return Layout(times_ns, sizes, outbound, np.zeros(count, np.int64), (source.event,))


def _until(part: Layout, end_ns: int) -> Layout:
    keep = part.times_ns < end_ns
    arrays: dict[str, Any] = {
        name: value[keep] for name, value in vars(part).items() if isinstance(value, np.ndarray)
    }
    return dataclasses.replace(part, **arrays)


def _merged(parts: Sequence[Layout]) -> Layout:
    """Merge by time; the order of the parts decides at one instant."""
    if len(parts) == 1:
        return parts[0]
    events, event_names = _coded([(part.events, part.event_names) for part in parts])
    clients: IntArray | None = None
    client_names: tuple[str, ...] = ()
    if any(part.clients is not None for part in parts):
        if not all(part.clients is not None for part in parts):
            raise ColumnsError(
                "recorded traffic, which knows its clients, cannot be added to recipes, which"
                " every client follows; simulate them one by one and join the frames"
            )
        pairs = [(p.clients, p.client_names) for p in parts if p.clients is not None]
        clients, client_names = _coded(pairs)
    times = np.concatenate([np.empty(0, np.int64), *(part.times_ns for part in parts)])
    order = np.argsort(times, kind="stable")
    sizes = np.concatenate([np.empty(0, np.int64), *(part.sizes for part in parts)])
    outbound = np.concatenate([np.empty(0, np.bool_), *(part.outbound for part in parts)])
    data = np.concatenate([_payloads(part) for part in parts]) if parts else _objects(())
    return Layout(
        times[order], sizes[order], outbound[order], events[order], event_names,
        None if clients is None else clients[order], client_names,
        data[order] if any(part.data is not None for part in parts) else None,
    )  # fmt: skip


def _payloads(part: Layout) -> Any:
    return _objects([None] * len(part)) if part.data is None else part.data


def _objects(values: Sequence[Any]) -> Any:
    return np.fromiter(values, dtype=object, count=len(values))


def _coded(pairs: Sequence[tuple[IntArray, tuple[str, ...]]]) -> tuple[IntArray, tuple[str, ...]]:
    names = tuple(dict.fromkeys(name for _, known in pairs for name in known))
    place = {name: code for code, name in enumerate(names)}
    codes = [np.array([place[name] for name in known], np.int64)[old] for old, known in pairs]
    return np.concatenate([np.empty(0, np.int64), *codes]), names


def _recorded(frame: Any, payloads: bool) -> Layout:
    if not hasattr(frame, "columns"):
        raise ColumnsError(f"from_history takes a history such as sim.history, not {frame!r}")
    needed = ("created_s", "size_bytes", "direction", "event_name", "client_id")
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise ColumnsError(f"a history without {', '.join(missing)} cannot be played as traffic")
    if "run" in frame.columns and frame["run"].nunique() > 1:
        raise ColumnsError(
            "a history of several runs cannot be played as one; choose one:"
            " frame[frame['run'] == name]"
        )
    if "copy" in frame.columns:
        frame = frame[frame["copy"] == 0]
    if {"fate", "cause"} <= set(frame.columns):  # what never reached a network is not played
        refused = (frame["fate"] == "refused") & (frame["direction"] == "outbound")
        frame = frame[~refused & (frame["cause"] != "unknown_client")]
    keys = [name for name in ("created_s", "message_id", "seq") if name in frame.columns]
    notes = frame.attrs.get("wsim", {})
    frame = frame.sort_values(keys)
    times = np.rint(frame["created_s"].to_numpy(np.float64) * _NS).astype(np.int64)
    events, event_names = _codes(frame["event_name"])
    clients, client_names = _codes(frame["client_id"], _connected(notes))
    with_data = payloads and "data" in frame.columns
    return Layout(
        times - times[:1].sum(), frame["size_bytes"].to_numpy(np.int64),
        (frame["direction"] == "outbound").to_numpy(np.bool_), events, event_names,
        clients, client_names, _objects(frame["data"].tolist()) if with_data else None,
    )  # fmt: skip


def _connected(notes: Any) -> list[str]:
    """Return the clients in the order of connecting, which chooses their random streams."""
    return [str(note["client_id"]) for run in notes.values() for note in run.get("connections", ())]


def _codes(column: Any, order: Sequence[str] = ()) -> tuple[IntArray, tuple[str, ...]]:
    values = [str(value) for value in column.tolist()]
    there = set(values)
    names = tuple(dict.fromkeys([*(name for name in order if name in there), *values]))
    place = {name: code for code, name in enumerate(names)}
    return np.array([place[value] for value in values], np.int64), names
