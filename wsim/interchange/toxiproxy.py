"""Toxiproxy's toxics, both ways.

A toxic shapes one stream: ``upstream`` is from client to server (inbound here), ``downstream``
the other way. Its latency is uniform between latency - jitter and latency + jitter and keeps
the order; its bandwidth is in kB/s, a thousand bytes; its packet loss raises the chance by
``correlation`` after a loss, which is a Gilbert-Elliott chain.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wsim.conditions import NetworkConditions
from wsim.errors import ConditionsError, FormatError, nearest
from wsim.impairments.constant_rate import ConstantRate
from wsim.impairments.gilbert_elliott import GilbertElliott
from wsim.impairments.independent_loss import Bernoulli
from wsim.impairments.uniform import Uniform
from wsim.impairments.window_outage import WindowOutage
from wsim.interchange.reporting import Subject, conditions_of, not_carried, report

_STREAMS = {"upstream": "inbound", "downstream": "outbound"}
_EVER_S = 1e9
_NO_WORD = (
    "disconnect_rate", "duplicate_rate", "corrupt_rate", "queue_limit_bytes", "max_age_ms",
    "queue_limit_messages", "queue_limit_ms", "priority_events", "outage", "reorder",
    "jitter_correlation", "jitter_memory_s", "overhead_bytes",
)  # fmt: skip
_KB_PER_S = 125.0  # in a Mbit/s

Values = dict[str, Any]


def from_toxiproxy(
    source: str | Path | Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    notes: list[str] | None = None,
) -> NetworkConditions:
    """Return the conditions that a proxy's toxics ask for, both directions.

    Parameters
    ----------
    source
        A list of toxics, a proxy (a mapping with ``toxics``), JSON text of either, or a file.
    notes
        A list to which is appended what could not be carried over; by default each is a
        :class:`~wsim.interchange.TranslationWarning`.

    Raises
    ------
    FormatError
        For an unknown toxic, stream or attribute; names it and its place.

    Examples
    --------
    >>> link = from_toxiproxy([{"type": "latency", "attributes": {"latency": 80, "jitter": 5}}])
    >>> link.for_direction("outbound").latency_ms, link.latency_ms
    (80.0, 0.0)
    """
    found: list[str] = []
    streams: dict[str, Values] = {"inbound": {}, "outbound": {}}
    for place, toxic in enumerate(_toxics(source)):
        _take(toxic, f"toxics[{place}]", streams, found)
    base: Values = {
        "latency_ms": 0.0, "jitter_ms": 0.0, "packet_loss_rate": 0.0, "disconnect_rate": 0.0,
        "bandwidth_mbps": None, "jitter_model": "uniform",
    }  # fmt: skip
    inbound, outbound = {**base, **streams["inbound"]}, {**base, **streams["outbound"]}
    differ = {name: value for name, value in outbound.items() if inbound.get(name) != value}
    differ |= {name: _default(name) for name in inbound if name not in outbound}
    report(found, notes)
    try:
        return NetworkConditions.from_dict({**inbound, "outbound": differ or None})
    except ConditionsError as error:
        raise FormatError(f"toxiproxy: {error}") from None


def to_toxiproxy(subject: Subject, *, notes: list[str] | None = None) -> list[dict[str, Any]]:
    """Return the toxics, as JSON types, that come closest to a profile or conditions.

    Parameters
    ----------
    subject
        A profile, its name or file, conditions, or a mapping of them.
    notes
        A list to which is appended what Toxiproxy cannot express; by default each is a
        :class:`~wsim.interchange.TranslationWarning`.
    """
    found: list[str] = []
    toxics = []
    for stream, direction in _STREAMS.items():
        c = conditions_of(subject, direction)
        for kind, attributes in _attributes(c, found):
            toxics.append(
                {"name": f"{kind}_{stream}", "type": kind, "stream": stream, "toxicity": 1.0,
                 "attributes": attributes}
            )  # fmt: skip
        found += not_carried(c, "Toxiproxy", _NO_WORD)
    report(list(dict.fromkeys(found)), notes)
    return toxics


def _default(name: str) -> Any:
    return getattr(NetworkConditions(), name)


def _toxics(source: Any) -> Sequence[Mapping[str, Any]]:
    if isinstance(source, Path) or (isinstance(source, str) and source.endswith(".json")):
        source = Path(source).read_text(encoding="utf-8")
    if isinstance(source, str):
        try:
            source = json.loads(source)
        except json.JSONDecodeError as error:
            raise FormatError(f"toxiproxy: not JSON at column {error.colno}: {error.msg}") from None
    if isinstance(source, Mapping):
        source = source.get("toxics")
    if not isinstance(source, Sequence) or isinstance(source, str):
        raise FormatError("toxiproxy: give a list of toxics or a proxy with 'toxics'")
    return source


def _take(
    toxic: Mapping[str, Any], place: str, streams: dict[str, Values], found: list[str]
) -> None:
    kind, stream = toxic.get("type"), toxic.get("stream", "downstream")
    if kind not in _READERS:
        known = ", ".join(_READERS)
        hint = nearest(kind, _READERS) or ";"
        raise FormatError(f"toxiproxy: {place}: no toxic '{kind}'{hint} Known: {known}")
    if stream not in _STREAMS:
        raise FormatError(f"toxiproxy: {place}: stream={stream!r} is not upstream or downstream")
    share = toxic.get("toxicity", 1.0)
    if share != 1.0:
        found.append(
            f"{place}: toxicity {share} spares whole connections at random; here every one has it"
        )
    reader = _Attributes(toxic.get("attributes", {}), f"toxiproxy: {place} ({kind})")
    _READERS[kind](reader, streams[_STREAMS[stream]], found)
    reader.refuse_others()


class _Attributes:
    """The attributes of one toxic; what nobody asked for is refused."""

    def __init__(self, values: Mapping[str, Any], place: str) -> None:
        self._values, self._place = values, place
        self._known: list[str] = []

    def number(self, name: str) -> float:
        self._known.append(name)
        value = self._values.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise FormatError(f"{self._place}: {name}={value!r} is not a number from 0 upwards")
        return float(value)

    def refuse_others(self) -> None:
        for name in self._values:
            if name not in self._known:
                hint = nearest(name, self._known) or ";"
                known = ", ".join(self._known)
                raise FormatError(f"{self._place}: no attribute '{name}'{hint} Known: {known}")


def _latency(a: _Attributes, values: Values, found: list[str]) -> None:
    jitter = a.number("jitter")
    if jitter and values.get("jitter_ms"):
        found.append("two latency toxics with jitter: their sum is taken as uniform")
    values["latency_ms"] = values.get("latency_ms", 0.0) + a.number("latency")
    values["jitter_ms"] = values.get("jitter_ms", 0.0) + jitter


def _bandwidth(a: _Attributes, values: Values, found: list[str]) -> None:
    rate = a.number("rate") / _KB_PER_S
    if rate:
        values["bandwidth_mbps"] = min(rate, values.get("bandwidth_mbps", rate))


def _packet_loss(a: _Attributes, values: Values, found: list[str]) -> None:
    to_bad, extra = a.number("loss_rate"), a.number("correlation")
    to_good = 1.0 - min(1.0, to_bad + extra)
    values["packet_loss_rate"] = to_bad / (to_bad + to_good) if to_bad else 0.0
    if extra and to_bad:
        if not to_good:
            raise FormatError("toxiproxy: loss_rate + correlation = 1 loses everything for ever")
        values["loss_model"] = GilbertElliott(mean_burst=1.0 / to_good)


def _timeout(a: _Attributes, values: Values, found: list[str]) -> None:
    after_ms = a.number("timeout")
    values["outage"] = WindowOutage(((0.0, _EVER_S),), effect="hold" if after_ms == 0 else "drop")
    if after_ms:
        found.append(f"timeout closes the connection after {after_ms:g} ms; here it stays, silent")


def _reset_peer(a: _Attributes, values: Values, found: list[str]) -> None:
    at_s = a.number("timeout") / 1e3
    values["outage"] = WindowOutage(((at_s, _EVER_S),), effect="close")


def _left_out(*names: str) -> Callable[[_Attributes, Values, list[str]], None]:
    def read(a: _Attributes, values: Values, found: list[str]) -> None:
        said = ", ".join(f"{name}={a.number(name):g}" for name in names)
        found.append(f"a toxic with {said} acts on the byte stream, not on messages; left out")

    return read


_READERS: dict[Any, Callable[[_Attributes, Values, list[str]], None]] = {
    "latency": _latency,
    "bandwidth": _bandwidth,
    "packet_loss": _packet_loss,
    "timeout": _timeout,
    "reset_peer": _reset_peer,
    "slow_close": _left_out("delay"),
    "slicer": _left_out("average_size", "size_variation", "delay"),
    "limit_data": _left_out("bytes"),
}


def _attributes(c: NetworkConditions, found: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    fixed = c.jitter.is_fixed(c.jitter_ms)
    if c.latency_ms or not fixed:
        latency, jitter = c.latency_ms, 0.0 if fixed else c.jitter_ms
        if not fixed and not isinstance(c.jitter, Uniform):
            latency, jitter = _as_uniform(c)
            found.append(
                f"Toxiproxy's jitter is uniform; '{c.jitter.kind}' became one with the same mean"
                " and deviation"
            )
        if {latency % 1, jitter % 1} != {0.0}:
            found.append("Toxiproxy counts whole milliseconds; the delay was rounded")
        yield "latency", {"latency": round(latency), "jitter": round(jitter)}
    if not isinstance(c.rate, ConstantRate):
        found.append(f"Toxiproxy has no rate by '{c.rate.kind}'; it is left out")
    elif c.bandwidth_mbps is not None:
        yield "bandwidth", {"rate": max(1, round(c.bandwidth_mbps * _KB_PER_S))}
    if not c.loss.is_off(c.packet_loss_rate):
        yield from _loss(c, found)


def _loss(c: NetworkConditions, found: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    found.append("older releases of Toxiproxy have no packet_loss toxic")
    if isinstance(c.loss, Bernoulli):
        yield "packet_loss", {"loss_rate": c.packet_loss_rate, "correlation": 0.0}
    elif isinstance(c.loss, GilbertElliott) and c.loss == GilbertElliott(
        mean_burst=c.loss.mean_burst
    ):
        to_bad, to_good = c.loss.transitions(c.packet_loss_rate)
        extra = max(0.0, 1.0 - to_bad - to_good)
        yield "packet_loss", {"loss_rate": to_bad, "correlation": extra}
    else:
        found.append(f"Toxiproxy has no loss like '{c.loss.kind}'; it is left out")


def _as_uniform(c: NetworkConditions) -> tuple[float, float]:
    delays = c.jitter.sampler(c.latency_ms, c.jitter_ms)((np.arange(4096) + 0.5) / 4096)
    return float(delays.mean()), float(delays.std()) * 3.0**0.5
