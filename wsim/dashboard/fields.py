"""From a condition's own description to what a control needs: label, range, text in and out."""

from __future__ import annotations

import json
import math
from typing import Any

from wsim.conditions import SPEC_FIELDS, FieldInfo, allowed_values
from wsim.errors import ConditionsError
from wsim.impairments import kinds

_SUFFIXES = ("_ms", "_mbps", "_bytes", "_s")
_STEPS = 300
"""Steps on a slider, so that one of them can be hit with a mouse."""


def label(info: FieldInfo) -> str:
    """Return the words beside a control, with the unit.

    Examples
    --------
    >>> from wsim.conditions import condition_fields
    >>> label(condition_fields()[0])
    'latency (ms)'
    """
    name = info.name
    if info.unit:
        name = next((name.removesuffix(end) for end in _SUFFIXES if name.endswith(end)), name)
    words = name.replace("_", " ")
    return f"{words} ({info.unit})" if info.unit else words


def hint(info: FieldInfo) -> str:
    """Return what the control does and what it takes, for its tooltip."""
    if info.kind in ("number", "integer", "choice"):
        return f"{info.help}. {info.name}: {allowed_values(info)}"
    if info.kind == "spec":
        known = ", ".join(kinds(SPEC_FIELDS[info.name]))
        none = ", or empty for none" if info.optional else ""
        return f'{info.help}. {info.name}: {known}, or {{"kind": ..., ...}}{none}'
    return f"{info.help} ({info.name})"


def told(info: FieldInfo, value: Any) -> str:
    """Return a condition and its value in a few words, for legends.

    Examples
    --------
    >>> from wsim.conditions import condition_fields
    >>> told(condition_fields()[0], 300.0)
    'latency 300 ms'
    """
    if info.kind == "choice":
        return str(value)
    words = label(info).split(" (")[0]
    if info.kind == "flag":
        return words if value else f"not {words}"
    if value is None:
        return f"no {words}"
    if info.kind not in ("number", "integer"):
        return f"{words} {shown(info, value)}"
    return f"{words} {value:g} {info.unit}".rstrip()


def slider_range(info: FieldInfo, value: float) -> tuple[float, float]:
    """Return a range for everyday use that holds `value`; the field beside takes all allowed."""
    top = max(_STEPS * info.step, 2 * _number(info.default))
    while top < value:
        top *= 2
    return max(info.low, 0.0), min(top, info.high)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def rounded(info: FieldInfo, value: float) -> float:
    """Return `value` without the last bits that steps of a slider leave behind."""
    return round(value, max(0, 2 - math.floor(math.log10(info.step))))


def shown(info: FieldInfo, value: Any) -> str:
    """Return the text of a value that is neither number, flag nor choice."""
    if value is None:
        return ""
    if info.kind == "names":
        return ", ".join(value)
    plain = value.to_dict() if hasattr(value, "to_dict") else dict(value)
    return str(plain["kind"]) if list(plain) == ["kind"] else json.dumps(plain)


def parsed(info: FieldInfo, text: str) -> Any:
    """Return what a text means, as conditions take it.

    Raises
    ------
    ConditionsError
        For text that is not JSON where it begins like JSON.
    """
    text = text.strip()
    if info.kind == "names":
        return tuple(name.strip() for name in text.split(",") if name.strip())
    if not text:
        return info.default if not info.optional else None
    if not text.startswith("{"):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ConditionsError(
            f"{info.name}: {text!r} is not JSON ({error.msg} at character {error.pos + 1});"
            f" write it like {_example(info)}"
        ) from error


def _example(info: FieldInfo) -> str:
    if info.kind == "spec":
        known = list(kinds(SPEC_FIELDS[info.name]))
        return f'{{"kind": "{known[0] if known else "..."}"}}'
    return '{"latency_ms": 80}'
