"""Named network conditions with their sources: the catalogue, user files and variants.

The catalogue lies beside this file as YAML, one entry per profile; values nobody has measured
are listed under ``assumed``. A user's own file has the same keys.

Examples
--------
>>> profile("stressed").conditions.latency_ms
200.0
>>> profile("lte").replace(packet_loss_rate=0.05).name
'lte(packet_loss_rate=0.05)'
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from wsim.conditions import NetworkConditions, condition_fields
from wsim.errors import ConditionsError, FormatError, UnknownNameError, nearest, unknown
from wsim.names import readable
from wsim.profiles.files import KEYS, SUFFIXES, read_mapping

_HERE = Path(__file__).parent
_FILES = ("contract.yaml", "wireless.yaml", "rover.yaml", "space.yaml")


@dataclasses.dataclass(frozen=True)
class Profile:
    """Network conditions with a name and a source.

    Attributes
    ----------
    name
        Short name, as in tables and legends.
    conditions
        What the link does.
    sentence
        What it stands for, in one sentence.
    source
        Where the values come from.
    assumed
        Names of the conditions whose values have no source.
    time_scale
        Simulated seconds per wall second that suit live use.
    """

    name: str
    conditions: NetworkConditions
    sentence: str = ""
    source: str = ""
    assumed: tuple[str, ...] = ()
    time_scale: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or readable(self.name) != self.name:
            raise ConditionsError(f"a profile's name={self.name!r} is not a text")
        if not isinstance(self.conditions, NetworkConditions):
            raise ConditionsError(
                f"profile '{self.name}': conditions={self.conditions!r} are no NetworkConditions"
            )
        known = [info.name for info in condition_fields()]
        if isinstance(self.assumed, str):
            raise ConditionsError(f"profile '{self.name}': assumed={self.assumed!r} is no list")
        for name in self.assumed:
            if name not in known:
                raise ConditionsError(
                    f"profile '{self.name}': assumed names no condition '{name}'"
                    f"{nearest(name, known)}"
                )
        scale = self.time_scale
        if isinstance(scale, bool) or not isinstance(scale, int | float) or not 0 < scale < 1e9:
            raise ConditionsError(
                f"profile '{self.name}': time_scale={scale!r} is not a positive number"
            )
        object.__setattr__(self, "assumed", tuple(self.assumed))
        object.__setattr__(self, "time_scale", float(scale))

    def replace(self, *, name: str | None = None, **changes: Any) -> Profile:
        """Return a variant with some conditions changed, named after the changes by default."""
        said = ", ".join(f"{field}={value!r}" for field, value in changes.items())
        return dataclasses.replace(
            self,
            name=name or (f"{self.name}({said})" if said else self.name),
            conditions=self.conditions.replace(**changes),
            assumed=tuple(field for field in self.assumed if field not in changes),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types: only the conditions that differ from their defaults."""
        values: dict[str, Any] = {"name": self.name}
        values["conditions"] = self.conditions.to_dict(changed_only=True)
        values["sentence"] = self.sentence
        values["source"] = self.source
        values["assumed"] = list(self.assumed)
        values["time_scale"] = self.time_scale
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Profile:
        """Build a profile from what :meth:`to_dict` gave; ``extends`` names another to start from.

        Raises
        ------
        ConditionsError
            For an unknown key or condition, or a value out of range.
        """
        return _build({"name": "custom", **values}, PROFILES.get, "profile")


class Catalogue(Mapping[str, Profile]):
    """The shipped profiles by name; each file is read when first needed."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, Any]] = {}
        self._made: dict[str, Profile] = {}

    def __getitem__(self, name: str) -> Profile:
        if name not in self:
            raise unknown("profile", name, self)
        if name not in self._made:
            entry = self._read()[name]
            self._made[name] = _build({"name": name, **entry}, self.get, f"profile '{name}'")
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._read()

    def get(self, name: str, default: Any = None) -> Any:
        """Return the profile of a name, or `default` if there is none."""
        try:
            return self[name]
        except UnknownNameError:  # a LookupError, not the KeyError that a Mapping looks for
            return default

    def __repr__(self) -> str:
        return f"<profiles {', '.join(self)}>"

    def _read(self) -> dict[str, dict[str, Any]]:
        if not self._entries:
            for file in _FILES:
                self._entries.update(read_mapping(_HERE / file))
        return self._entries


PROFILES = Catalogue()
"""The shipped profiles, by name."""


def profile(value: str | Path | Mapping[str, Any] | NetworkConditions | Profile) -> Profile:
    """Return the profile meant by `value`.

    Parameters
    ----------
    value
        A name of the catalogue, the path of a YAML or JSON file, a mapping with the keys of
        such a file, bare conditions or a mapping of them (named ``custom``), or a profile,
        which is returned.

    Raises
    ------
    UnknownNameError
        For an unknown name; suggests the nearest.
    FormatError, ConditionsError
        For a file that cannot be read or holds something not allowed; names the file, the
        field and what is allowed.
    """
    if isinstance(value, Profile):
        return value
    if isinstance(value, NetworkConditions):
        return Profile("custom", value)
    if isinstance(value, Mapping):
        if value and {info.name for info in condition_fields()}.issuperset(value):
            return Profile("custom", NetworkConditions.from_dict(value))
        return Profile.from_dict(value)
    if isinstance(value, Path) or str(value).lower().endswith(SUFFIXES):
        return _from_file(Path(value), ())
    if value not in PROFILES:
        raise unknown("profile", value, PROFILES)
    return PROFILES[value]


def _from_file(path: Path, seen: tuple[Path, ...]) -> Profile:
    resolved = path.resolve()
    if resolved in seen:
        raise FormatError(f"{path}: 'extends' goes round in a circle through {seen[-1].name}")

    def base(name: str) -> Profile | None:
        if name.lower().endswith(SUFFIXES):
            return _from_file(path.parent / name, (*seen, resolved))
        found: Profile | None = PROFILES.get(name)
        return found

    return _build({"name": path.stem, **read_mapping(path)}, base, str(path))


def _build(
    values: Mapping[str, Any], base_named: Callable[[str], Profile | None], place: str
) -> Profile:
    for key in values:
        if key not in KEYS:
            raise ConditionsError(
                f"{place}: no key '{key}'{nearest(key, KEYS) or ';'} Known: {', '.join(KEYS)}"
            )
    given = {key: value for key, value in values.items() if value is not None}
    conditions = given.pop("conditions", {})
    if not isinstance(conditions, Mapping):
        raise ConditionsError(f"{place}: conditions={conditions!r} is not a mapping")
    extends = given.pop("extends", None)
    try:
        if extends is None:
            return Profile(conditions=NetworkConditions.from_dict(conditions), **given)
        base = base_named(extends)
        if base is None:
            raise unknown("profile to extend", extends, PROFILES)
        assumed = [field for field in base.assumed if field not in conditions]
        given["assumed"] = tuple(dict.fromkeys([*assumed, *given.get("assumed", ())]))
        changed = base.conditions.replace(**conditions)
        variant: Profile = dataclasses.replace(base, conditions=changed, **given)
        return variant
    except (ConditionsError, UnknownNameError) as error:
        if str(error).startswith(place):
            raise
        raise type(error)(f"{place}: {error}") from None
    except TypeError as error:
        raise ConditionsError(f"{place}: {error}") from None
