"""Options that several commands share, and what they mean."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from wsim.conditions import condition_fields
from wsim.errors import ConditionsError, UsageError, nearest
from wsim.profiles import Profile, profile

PROFILE_EXAMPLE = """\
A FILE for --profile, such as site.yaml, changes a profile of the catalogue:

  extends: lte
  sentence: Our yard, behind the hangar.
  conditions: {latency_ms: 60, packet_loss_rate: 0.02}
"""
DEFAULT_PROFILES = ("perfect", "default", "stressed", "mars")


class Layout(argparse.RawDescriptionHelpFormatter):
    """Wraps the description, and leaves the example below the options as it is written."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)


def add_options(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add the named shared options to a command's parser.

    Names are ``profile``, ``profiles``, ``set``, ``seed``, ``duration``, ``record``, ``port``
    and ``out``.
    """
    for name in names:
        _ADD[name](parser)


def _add_profile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--profile", default="default", metavar="NAME",
        help="network profile, or a YAML or JSON file with one, as 'wsim profiles --help' shows"
        " (default: %(default)s)",
    )  # fmt: skip


def _add_profiles(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--profile", action="append", default=[], metavar="NAME", dest="profiles",
        help="network profile, or a file with one; several times for several"
        f" (default: {', '.join(DEFAULT_PROFILES)})",
    )  # fmt: skip


def _add_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", dest="changes",
        help="change one condition, e.g. latency_ms=200; several times for several",
    )  # fmt: skip


def _add_seed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seed", type=whole_number("seed"), default=0, metavar="N",
        help="seed of the random numbers (default: %(default)s)",
    )  # fmt: skip


def _add_duration(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--duration", type=seconds, default=None, metavar="S", help="stop after so many seconds"
    )


def _add_record(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--record", type=Path, default=None, metavar="FILE",
        help="write every message to this .jsonl file as it happens",
    )  # fmt: skip


def _add_port(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=port, default=5000, metavar="N",
        help="port to listen on; 0 takes a free one and says which (default: %(default)s)",
    )  # fmt: skip


def _add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, default=Path("wsim-output"), metavar="DIR",
        help="folder for what is written (default: %(default)s)",
    )  # fmt: skip


_ADD: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "profile": _add_profile,
    "profiles": _add_profiles,
    "set": _add_set,
    "seed": _add_seed,
    "duration": _add_duration,
    "record": _add_record,
    "port": _add_port,
    "out": _add_out,
}


def whole_number(what: str, low: int = 0) -> Callable[[str], int]:
    """Return a converter for argparse that takes whole numbers from `low`."""

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if value < low:
            raise argparse.ArgumentTypeError(f"{what} {text!r} is not a whole number from {low}")
        return value

    return convert


def seconds(text: str) -> float:
    """Convert a duration for argparse: a positive, finite number of seconds."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return value


def port(text: str) -> int:
    """Convert a port for argparse."""
    value = whole_number("port")(text)
    if value > 65_535:
        raise argparse.ArgumentTypeError(f"port {value} is not from 0 to 65535")
    return value


def changes_from(texts: Sequence[str]) -> dict[str, Any]:
    """Return the conditions meant by ``FIELD=VALUE`` texts; values are YAML.

    Examples
    --------
    >>> changes_from(["latency_ms=200", "bandwidth_mbps=null", "transport=tcp"])
    {'latency_ms': 200, 'bandwidth_mbps': None, 'transport': 'tcp'}
    """
    known = [info.name for info in condition_fields()]
    changes: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"{text!r} is not FIELD=VALUE, such as latency_ms=200")
        if name not in known:
            raise ConditionsError(
                f"no network condition '{name}'{nearest(name, known) or ';'}"
                f" Known: {', '.join(known)}"
            )
        changes[name] = _value(name, value)
    return changes


def _value(name: str, text: str) -> Any:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConditionsError(f"{name}={text!r} cannot be read as a value") from None
    return None if isinstance(value, str) and value.lower() == "none" else value


def short_names(paths: Sequence[Path]) -> list[str]:
    """Return a name for each file: without folder and suffix, unless two would be the same.

    Examples
    --------
    >>> short_names([Path("a/drive.json"), Path("b/drive.json"), Path("b/walk.jsonl.gz")])
    ['a/drive.json', 'b/drive.json', 'walk']
    """
    names = [path.name.split(".")[0] for path in paths]
    return [
        str(path) if names.count(name) > 1 else name
        for path, name in zip(paths, names, strict=True)
    ]


def make_folder(folder: Path) -> None:
    """Create the folder of ``--out`` before any work is done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot write into {folder} ({error.strerror}); choose another with --out"
        ) from error


def profiles_from(names: Sequence[str], changes: Sequence[str]) -> list[Profile]:
    """Return the profiles of ``--profile`` (the usual four if none), changed by ``--set``."""
    changed = changes_from(changes)
    chosen = [profile(name) for name in (names or DEFAULT_PROFILES)]
    found = [each.replace(**changed) if changed else each for each in chosen]
    twice = {each.name for each in found if [p.name for p in found].count(each.name) > 1}
    if twice:
        raise UsageError(f"profile {', '.join(sorted(twice))} is named twice; name each once")
    return found
