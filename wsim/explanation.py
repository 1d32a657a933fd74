"""Where a message's milliseconds went, in a sentence and a bar.

Examples
--------
>>> parts = {"serialization_ms": 100.0, "propagation_ms": 20.0}
>>> print(explain({"fate": "delivered", "latency_ms": 120.0, **parts}))
The message took 120 ms: 100 ms to be put on the wire at the bottleneck's rate (83 %) and 20 ms of \
fixed latency (17 %).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

from wsim.errors import ColumnsError
from wsim.schema import PARTS

_WORDS = {
    "client_buffer_ms": "in the client's own buffer while it was offline",
    "queue_ms": "waiting behind other messages at the bottleneck",
    "serialization_ms": "to be put on the wire at the bottleneck's rate",
    "propagation_ms": "of fixed latency",
    "jitter_ms": "of jitter",
    "retransmission_ms": "to send it again after a loss",
    "head_of_line_ms": "behind earlier messages that had to arrive first",
    "outage_ms": "until an outage ended",
}
_CAUSES = {
    "loss": "the network lost it",
    "queue_full": "the queue at the bottleneck had no room",
    "expired": "it waited longer than the age limit",
    "outage": "the link was out",
    "disconnected": "its connection was cut while it was under way",
    "not_connected": "the client was offline when it was sent",
    "unknown_client": "there is no such client",
    "overflow": "the server could hold no more",
    "corrupt": "it arrived unreadable",
    "validation": "its payload is not allowed",
    "closed": "the client or the link went away for good",
}
_LEAST_SHARE = 0.005  # of the latency; less is not worth a word
_COLOURS = ("#8c6bb1", "#e6550d", "#fdae6b", "#3182bd", "#9ecae1", "#a63603", "#756bb1", "#636363")


class Explanation(str):
    """A sentence, with the parts it speaks of.

    Attributes
    ----------
    parts
        Milliseconds by name of the part, those that are not zero, in the order of
        :data:`wsim.schema.PARTS`; empty for what never arrived.
    """

    parts: dict[str, float]

    def __new__(cls, sentence: str, parts: Mapping[str, float]) -> Explanation:
        made = super().__new__(cls, sentence)
        made.parts = dict(parts)
        return made

    def _repr_html_(self) -> str:
        """Return the sentence above a bar, one piece for each part."""
        positive = {name: value for name, value in self.parts.items() if value > 0}
        total = sum(positive.values())
        pieces, at = [], 0.0
        for name, value in positive.items():
            width = 100.0 * value / total
            colour = _COLOURS[PARTS.index(name)]
            pieces.append(
                f'<rect x="{at:.3f}%" width="{width:.3f}%" height="18" fill="{colour}">'
                f"<title>{escape(f'{_ms(value)} {_WORDS[name]}')}</title></rect>"
            )
            at += width
        bar = f'<svg width="100%" height="18" role="img">{"".join(pieces)}</svg>' if pieces else ""
        return f"<p>{escape(self)}</p>{bar}"


def explain(message: Any) -> Explanation:
    """Say where the milliseconds of one message went, or why it never arrived.

    Parameters
    ----------
    message
        A :class:`~wsim.transit.Transit`, or a row of a history: a Series, a frame of one row, a
        mapping or a record.

    Raises
    ------
    ColumnsError
        If it has neither a fate nor a latency.
    """
    values = _values(message)
    name = _name(values)
    fate = values.get("fate") or ("dropped" if values.get("dropped") else "")
    latency = _number(values.get("latency_ms"))
    if not fate and latency is None:
        raise ColumnsError(
            f"nothing to explain in {message!r}; it needs fate and cause, or latency_ms and parts"
        )
    if fate and fate != "delivered":
        return Explanation(_never(name, str(fate), str(values.get("cause") or "")), {})
    parts = {part: value for part in PARTS if (value := _number(values.get(part)))}
    sentence = _took(name, latency if latency is not None else sum(parts.values()), parts)
    return Explanation(sentence + _extras(values), parts)


def _values(message: Any) -> Mapping[str, Any]:
    """Return a mapping of columns, from whatever a message comes as."""
    if hasattr(message, "sent_ns") and hasattr(message, "parts"):
        values = {"number": message.number, "fate": message.fate, "cause": message.cause}
        values |= {"copy": message.copy, "corruption": message.corruption}
        if message.delivered_ns is not None:
            values |= {part: ns / 1e6 for part, ns in zip(PARTS, message.parts, strict=True)}
            values["latency_ms"] = (message.delivered_ns - message.sent_ns) / 1e6
        return values
    if isinstance(message, Mapping):
        return message
    if hasattr(message, "columns"):
        if len(message) != 1:
            raise ColumnsError(f"a frame of {len(message)} rows is no message; give frame.iloc[0]")
        message = message.iloc[0]
    if hasattr(message, "to_dict"):
        columns: Mapping[str, Any] = message.to_dict()
        return columns
    raise ColumnsError(f"{type(message).__name__} is no message; give a Transit or a history's row")


def _number(value: Any) -> float | None:
    if value is None or isinstance(value, str) or not math.isfinite(value):
        return None
    return float(value)


def _name(values: Mapping[str, Any]) -> str:
    event = values.get("event_name")
    number = values.get("seq", values.get("number"))
    said = f"{event}" if event else "The message"
    if number is not None:
        said = f"{event} {number}" if event else f"Message {number}"
    client, direction = values.get("client_id"), values.get("direction")
    if client and direction in ("inbound", "outbound"):
        said += f" {'from' if direction == 'inbound' else 'to'} {client}"
    return said


def _never(name: str, fate: str, cause: str) -> str:
    if fate == "in_flight":
        return f"{name} was still under way when the run ended."
    if fate == "unknown":
        return f"{name} was recorded on one side only; whether it arrived is not known."
    verb = "crossed the network and was refused" if fate == "refused" else "never arrived"
    reason = _CAUSES.get(cause, cause)
    return f"{name} {verb}{f': {reason}' if reason else ''}."


def _took(name: str, latency: float, parts: Mapping[str, float]) -> str:
    """Say the whole, then the parts, largest first."""
    if not parts:
        how = "at once" if latency == 0.0 else f"{_ms(latency)}; of what, was not recorded"
        return f"{name} arrived {how}." if latency == 0.0 else f"{name} took {how}."
    said = [
        _part(part, value, latency)
        for part, value in sorted(parts.items(), key=lambda item: -abs(item[1]))
        if abs(value) >= _LEAST_SHARE * latency
    ]
    rest = sum(value for value in parts.values() if abs(value) < _LEAST_SHARE * latency)
    if abs(rest) >= 0.0005:
        said.append(f"{_ms(rest)} besides")
    joined = said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
    return f"{name} took {_ms(latency)}: {joined}."


def _part(part: str, value: float, latency: float) -> str:
    if value < 0.0:
        return f"{_ms(-value)} less by luck of the jitter"
    share = f" ({value / latency:.0%})".replace("%", " %") if latency > 0 else ""
    return f"{_ms(value)} {_WORDS[part]}{share}"


def _extras(values: Mapping[str, Any]) -> str:
    said = ""
    if _number(values.get("copy")):
        said += " It is a duplicate."
    if values.get("corruption") is not None:
        said += " It was damaged on the way."
    late = _number(values.get("lateness_ms"))
    if late is not None and late >= 1.0:
        said += f" The live timer added {_ms(late)}, which does not count."
    return said


def _ms(value: float) -> str:
    if value >= 10_000.0:
        return f"{value / 1e3:,.4g} s"
    return f"{value:.3g} ms" if value < 1000.0 else f"{value:,.0f} ms"
