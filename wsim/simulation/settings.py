"""The configuration of a simulator: what may be in it, checked before anything is made."""

from __future__ import annotations

import dataclasses
import math
import secrets
import time
from collections.abc import Mapping
from typing import Any

from wsim.conditions import NetworkConditions, condition_fields
from wsim.errors import ConditionsError, UsageError, nearest
from wsim.names import readable
from wsim.profiles import Profile, profile


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a simulator is made with.

    Attributes
    ----------
    network
        Conditions of every link.
    profile
        Name under which rows are recorded.
    validate_messages, record_messages, max_history
        As the simulator's attributes of these names; ``max_history=None`` keeps everything.
    seed
        Of all random streams; drawn, and recorded, if not given.
    strict
        Raise what handlers raise.
    time_scale
        Simulated seconds per wall second when live.
    run
        Name of the run in the history.
    started_at
        Wall-clock start in epoch seconds; now if not given.
    """

    network: NetworkConditions = dataclasses.field(default_factory=NetworkConditions)
    profile: str = "default"
    validate_messages: bool = True
    record_messages: bool = True
    max_history: int | None = 10_000
    seed: int = dataclasses.field(default_factory=lambda: secrets.randbits(32))
    strict: bool = False
    time_scale: float = 1.0
    run: str = "run-1"
    started_at: float = dataclasses.field(default_factory=time.time)

    def __post_init__(self) -> None:
        for name in ("validate_messages", "record_messages", "strict"):
            if not isinstance(getattr(self, name), bool):
                raise _refused(name, getattr(self, name), "True or False")
        for name in ("profile", "run"):
            text = getattr(self, name)
            if not isinstance(text, str) or readable(text) != text:
                raise _refused(name, text, "a text")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise _refused("seed", self.seed, "a whole number from 0")
        checked_max_history(self.max_history)
        for name in ("time_scale", "started_at"):
            _positive(name, getattr(self, name))


def _positive(name: str, value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        raise _refused(name, value, "a positive number")


def checked_max_history(value: Any) -> int | None:
    """Return a valid bound of the history, or raise ConditionsError."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _refused("max_history", value, "a whole number from 0, or None for no bound")
    return value


def _refused(name: str, value: object, allowed: str) -> ConditionsError:
    return ConditionsError(f"{name}={value!r} is not {allowed}")


def settings_from(config: Mapping[str, Any] | None) -> Settings:
    """Build settings from a configuration.

    Parameters
    ----------
    config
        Keys are the fields of :class:`Settings`. ``network`` is a mapping of conditions,
        conditions or a :class:`Profile`; without it, ``profile`` names one of the catalogue.

    Raises
    ------
    ConditionsError, UnknownNameError
        For a key, field or value that is not allowed; suggests the nearest name.
    """
    if config is not None and not isinstance(config, Mapping):
        raise UsageError(f"config={config!r} is not a mapping such as {{'network': {{...}}}}")
    values = {name: value for name, value in (config or {}).items() if not _missing(name, value)}
    known = [field.name for field in dataclasses.fields(Settings)]
    for name in values:
        if name not in known:
            fields = [info.name for info in condition_fields()]
            inside = "; it belongs into 'network'" if name in fields else nearest(name, known)
            raise ConditionsError(f"no setting '{name}'{inside}. Known: {', '.join(known)}")
    return Settings(**_with_network(values))


def _missing(name: str, value: Any) -> bool:
    return value is None and name in ("seed", "network", "profile", "started_at", "time_scale")


def _with_network(values: dict[str, Any]) -> dict[str, Any]:
    network, named = values.get("network"), values.get("profile")
    if isinstance(network, NetworkConditions):
        return {"profile": "custom", **values}
    if isinstance(network, Mapping):
        return {"profile": "custom", **values, "network": NetworkConditions.from_dict(network)}
    if network is None and named is None:
        return values
    given: Any = named if network is None else network
    found = profile(given)
    values["profile"] = found.name if not isinstance(named, str) or network is None else named
    return {"time_scale": found.time_scale, **values, "network": found.conditions}


def settings_for(given: Any, overrides: Mapping[str, Any]) -> Settings:
    """Build settings from a profile, and overrides that are settings or conditions."""
    found: Profile = profile(given)
    fields = {info.name for info in condition_fields()}
    changes = {name: value for name, value in overrides.items() if name in fields}
    rest = {name: value for name, value in overrides.items() if name not in fields}
    network = rest.pop("network", None) or {}
    if isinstance(network, Mapping):
        changes = {**network, **changes}
    if changes:
        found = found.replace(name=found.name, **changes)
    conditions = network if isinstance(network, NetworkConditions) else found.conditions
    named = {"profile": found.name, "time_scale": found.time_scale}
    return settings_from({**named, **rest, "network": conditions})
