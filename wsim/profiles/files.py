"""Reading a mapping from a YAML or JSON file, with errors that name the file and the place."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from wsim.errors import FormatError

KEYS = ("name", "extends", "conditions", "sentence", "source", "assumed", "time_scale")
"""What a profile may say."""

SUFFIXES = (".yaml", ".yml", ".json")


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the mapping a YAML or JSON file holds.

    Raises
    ------
    FormatError
        If it is missing, malformed (with line and column) or not a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: cannot be read: {error}") from None
    parsed = _json(path, text) if path.suffix.lower() == ".json" else _yaml(path, text)
    if not isinstance(parsed, dict):
        raise FormatError(f"{path}: holds {type(parsed).__name__}, not a mapping of keys to values")
    return parsed


def _json(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise FormatError(f"{path}: not JSON at {place}: {error.msg}") from None


def _yaml(path: Path, text: str) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = "" if mark is None else f" at line {mark.line + 1} column {mark.column + 1}"
        raise FormatError(f"{path}: not YAML{place}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise FormatError(f"{path}: not YAML: {error}") from None


@cache
def _loader() -> Any:
    """Return a safe loader that also reads 1e3 as a number, which YAML 1.1 takes for a word."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        pass

    exponent = re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", exponent, list("-+0123456789"))
    return Loader
