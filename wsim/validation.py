"""JSON Schemas made into checks, and what a check has against a payload, in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from wsim.errors import PayloadError

Schema = Mapping[str, Any]
Check = Callable[[Any], Any]
_DRAFT = {"$schema": "http://json-schema.org/draft-07/schema#"}
_BROKEN = (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, SyntaxError)
_SHOWN = 60


class _NothingRemote(Mapping[str, Callable[[str], Any]]):
    """Answers for every kind of address, so that nothing is fetched to compile a schema."""

    def __contains__(self, scheme: object) -> bool:
        return True

    def __getitem__(self, scheme: str) -> Callable[[str], Any]:
        return _refuse

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 1


def _refuse(address: str) -> Any:
    raise PayloadError(
        f"$ref points to {address!r}, and nothing is fetched; put what it means under"
        " 'definitions' and point there: {'$ref': '#/definitions/name'}"
    )


def compiled(event: str, schema: Schema) -> Check:
    """Return what raises for a payload that a JSON Schema (draft 7) does not allow.

    Raises
    ------
    PayloadError
        If the schema is not valid, or refers to something outside of itself.
    """
    import fastjsonschema

    if not isinstance(schema, Mapping):
        raise PayloadError(f"the schema of '{event}' is not a mapping: {schema!r}")
    whole = {**_DRAFT, **schema}
    try:
        check: Check = fastjsonschema.compile(whole, handlers=_NothingRemote(), use_default=False)
    except re.error as error:
        raise PayloadError(
            f"the schema of '{event}' is not valid: {error.pattern!r} is no regular expression:"
            f" {error}"
        ) from error
    except (fastjsonschema.JsonSchemaException, TypeError, ValueError, *_BROKEN) as error:
        raise PayloadError(f"the schema of '{event}' is not valid: {error}") from error
    return check


def complaint(event: str, check: Check, data: Any) -> str:
    """Return what a check has against a payload, or ``""``.

    Examples
    --------
    >>> complaint("speed", compiled("speed", {"minimum": 0}), -1)
    'speed: data must be bigger than or equal to 0, not -1'
    """
    import fastjsonschema

    try:
        check(data)
    except fastjsonschema.JsonSchemaValueException as error:
        return f"{event}: {error.name} {_wanted(error)}, not {_shown(error.value)}"
    except (TypeError, ValueError, *_BROKEN) as error:
        return f"{event}: {_shown(data)} cannot be checked: {type(error).__name__}: {error}"
    return ""


def _wanted(error: Any) -> str:
    if error.rule != "type":
        return str(error.message).removeprefix(error.name).strip()
    kinds = error.rule_definition
    return "must be " + (kinds if isinstance(kinds, str) else " or ".join(map(str, kinds)))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
