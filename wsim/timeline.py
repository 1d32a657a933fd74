"""A timeline: when a link changes, and to what, as a value for live, virtual and batch runs.

Examples
--------
>>> from wsim import PROFILES
>>> tunnel = (
...     Timeline()
...     .at(10, profile="lte")
...     .at(30, outage="hold", for_s=5)
...     .at(40, restore=True)
... )
>>> [(change.at_ns // 10**9, change.label) for change in tunnel.changes(PROFILES["default"])]
[(10, 'lte'), (30, 'outage'), (35, 'lte'), (40, 'default')]
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

from wsim.conditions import SPEC_FIELDS, NetworkConditions, condition_fields
from wsim.errors import ConditionsError, FormatError, UnknownNameError, nearest
from wsim.impairments import Spec, spec_from
from wsim.impairments.outages import EFFECTS
from wsim.impairments.window_outage import WindowOutage
from wsim.profiles import PROFILES, Profile, profile
from wsim.profiles.files import read_mapping

_KEYS = ("at_s", "profile", "set", "outage", "restore", "for_s", "over_s", "label")
_MODELS = {"jitter_model", "loss_model"}  # allowed or not, depending on other conditions
_RAMP_STEPS = 50
_EVER_S = 1e9


class Change(NamedTuple):
    """At ``at_ns`` the link takes these conditions, known by ``label``."""

    at_ns: int
    conditions: NetworkConditions
    label: str


@dataclasses.dataclass(frozen=True)
class Step:
    """One entry of a timeline; see :meth:`Timeline.at`."""

    at_s: float
    profile: Profile | None = None
    set: Mapping[str, Any] | None = None
    outage: str = ""
    restore: bool = False
    for_s: float | None = None
    over_s: float | None = None
    label: str = ""

    def __post_init__(self) -> None:
        for field in ("at_s", "for_s", "over_s"):
            value = getattr(self, field)
            if value is None and field != "at_s":
                continue
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ConditionsError(f"{field}={value!r} is not a number of seconds")
            if not (0 <= value < _EVER_S) or (value == 0 and field != "at_s"):
                low = "from 0" if field == "at_s" else "above 0"
                raise ConditionsError(f"{field}={value!r} is not {low} to 1e+09 seconds")
        if self.outage and self.outage not in EFFECTS:
            hint = nearest(self.outage, EFFECTS)
            raise ConditionsError(
                f"outage={self.outage!r} is not one of {', '.join(EFFECTS)}{hint}"
            )
        self._check_combination()

    def _check_combination(self) -> None:
        aims = [
            name
            for name, given in (
                ("profile or set", self.profile is not None or self.set is not None),
                ("outage", bool(self.outage)),
                ("restore", self.restore),
            )
            if given
        ]
        if len(aims) != 1:
            said = " and ".join(aims) or "nothing"
            raise ConditionsError(f"says {said}; give one of profile (with set), outage or restore")
        if self.for_s is not None and self.over_s is not None:
            raise ConditionsError("has for_s and over_s; let another step follow the ramp")
        if self.outage and self.over_s is not None:
            raise ConditionsError("has outage and over_s; an outage has no ramp")
        if self.restore and self.for_s is not None:
            raise ConditionsError("has restore and for_s; let another step follow")

    @property
    def end_s(self) -> float:
        """When the step is over: its start, or that plus ``for_s`` or ``over_s``."""
        return self.at_s + (self.for_s or 0.0) + (self.over_s or 0.0)

    def to_dict(self) -> dict[str, Any]:
        """Return what differs from the defaults, as JSON types."""
        values: dict[str, Any] = {"at_s": self.at_s}
        if self.profile is not None:
            shipped = PROFILES.get(self.profile.name) == self.profile
            values["profile"] = self.profile.name if shipped else self.profile.to_dict()
        if self.set is not None:
            values["set"] = {name: _plain(value) for name, value in self.set.items()}
        for name in ("outage", "restore", "for_s", "over_s", "label"):
            if getattr(self, name):
                values[name] = getattr(self, name)
        return values


@dataclasses.dataclass(frozen=True)
class Timeline:
    """Steps in order of time, none of which begins before the one before it is over.

    Raises
    ------
    ConditionsError
        For steps that overlap or contradict themselves; names the step and its time.
    """

    steps: tuple[Step, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        steps = tuple(self.steps)
        for place in range(1, len(steps)):
            before, step = steps[place - 1], steps[place]
            if step.at_s < before.end_s or step.at_s == before.at_s:
                span = f"from {before.at_s:g} s to {before.end_s:g} s"
                if before.end_s == before.at_s:
                    span = f"at {before.at_s:g} s"
                raise ConditionsError(
                    f"timeline: steps[{place}] at {step.at_s:g} s overlaps steps[{place - 1}]"
                    f" {span}; list steps in order and let one end before the next"
                )
        object.__setattr__(self, "steps", steps)

    def at(
        self,
        at_s: float,
        profile: str | Path | Profile | NetworkConditions | Mapping[str, Any] | None = None,
        *,
        set: Mapping[str, Any] | None = None,
        outage: bool | str = "",
        restore: bool = False,
        for_s: float | None = None,
        over_s: float | None = None,
        label: str = "",
    ) -> Timeline:
        """Return the timeline with one more step.

        Parameters
        ----------
        at_s
            Seconds from the start of the run.
        profile, set
            A profile to take, conditions to change, or both.
        outage
            The link goes out: True (``drop``), ``drop``, ``hold``, ``close`` or ``half_open``.
        restore
            Back to the conditions of the start.
        for_s
            Afterwards everything is as it was before the step.
        over_s
            Get there little by little; what is no number changes at the end.
        label
            Name of what then holds; made from the step if empty.
        """
        values: dict[str, Any] = {
            "at_s": at_s, "profile": profile, "set": set, "outage": outage, "restore": restore,
            "for_s": for_s, "over_s": over_s, "label": label,
        }  # fmt: skip
        step = _step(values, f"steps[{len(self.steps)}]")
        return dataclasses.replace(self, steps=(*self.steps, step))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, place: str = "timeline") -> Timeline:
        """Build a timeline from ``{"steps": [{"at_s": 10, "profile": "lte"}, ...]}``."""
        _check_schema(values, place)
        steps = [_step(step, f"{place}: steps[{i}]") for i, step in enumerate(values["steps"])]
        try:
            return cls(tuple(steps), values.get("name", ""))
        except ConditionsError as error:
            raise ConditionsError(f"{place}: {str(error).removeprefix('timeline: ')}") from None

    @classmethod
    def from_file(cls, path: str | Path) -> Timeline:
        """Read a YAML or JSON file; its schema lies beside this module.

        Raises
        ------
        FormatError
            For a file that is missing, malformed or against the schema; names the place.
        ConditionsError
            For steps that overlap or conditions out of range; names the step.
        """
        values = read_mapping(Path(path))
        return cls.from_dict({"name": Path(path).stem, **values}, place=str(path))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types that :meth:`from_dict` takes; shipped profiles by name."""
        return {"name": self.name, "steps": [step.to_dict() for step in self.steps]}

    @property
    def end_s(self) -> float:
        """When the last step is over."""
        return self.steps[-1].end_s if self.steps else 0.0

    def changes(
        self, start: NetworkConditions | Profile | str, duration_s: float | None = None
    ) -> list[Change]:
        """Return every change in order of time, from the conditions at the start.

        Parameters
        ----------
        start
            What holds at 0 and after ``restore``.
        duration_s
            Leave out what comes at or after this time; None: leave out nothing.
        """
        begin = profile(start)
        made: list[Change] = []
        now = Change(0, begin.conditions, begin.name)
        for place, step in enumerate(self.steps):
            later = self.steps[place + 1].at_s if place + 1 < len(self.steps) else _EVER_S
            try:
                made += _expand(step, now, Change(0, begin.conditions, begin.name), later)
            except ConditionsError as error:
                raise ConditionsError(f"steps[{place}] at {step.at_s:g} s: {error}") from None
            now = made[-1]
        limit = math.inf if duration_s is None else duration_s * 1e9
        return [change for change in made if change.at_ns < limit]


def _step(values: Mapping[str, Any], place: str) -> Step:
    for key in values:
        if key not in _KEYS:
            raise ConditionsError(
                f"{place}: no key '{key}'{nearest(key, _KEYS) or ';'} Known: {', '.join(_KEYS)}"
            )
    given = {key: value for key, value in values.items() if value is not None}
    try:
        if "profile" in given:
            given["profile"] = profile(given["profile"])
        if "set" in given:
            NetworkConditions(**_without_context(given["set"]))
        if given.get("outage") is True:
            given["outage"] = "drop"
        return Step(**{**given, "outage": given.get("outage") or ""})
    except (ConditionsError, UnknownNameError, FormatError) as error:
        raise type(error)(f"{place}: {error}") from None


def _without_context(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Check names and values that do not depend on the conditions they will be set in."""
    known = [info.name for info in condition_fields()]
    for name in changes:
        if name not in known:
            raise ConditionsError(f"no network condition '{name}'{nearest(name, known)}")
    for name in _MODELS.intersection(changes):
        spec_from(SPEC_FIELDS[name], changes[name])
    return {name: value for name, value in changes.items() if name not in _MODELS}


def _plain(value: Any) -> Any:
    if isinstance(value, Spec):
        return value.to_dict()
    return list(value) if isinstance(value, tuple) else value


def _expand(step: Step, now: Change, begin: Change, later_s: float) -> list[Change]:
    """Return the changes of one step; the last is what holds after it."""
    at = _ns(step.at_s)
    if step.outage:
        end_s = step.at_s + step.for_s if step.for_s else later_s
        outage = WindowOutage(((step.at_s, end_s),), effect=step.outage)
        changes = [Change(at, now.conditions.replace(outage=outage), step.label or "outage")]
    elif step.over_s is not None:
        return _ramp(step, now.conditions, _target(step, now, begin))
    else:
        changes = [_target(step, now, begin)]
    if step.for_s is not None:
        changes.append(now._replace(at_ns=_ns(step.end_s)))
    return changes


def _target(step: Step, now: Change, begin: Change) -> Change:
    """Return where a step leads: a profile, the start, or what holds with some changes."""
    base = begin if step.restore else now
    if step.profile is not None:
        base = Change(0, step.profile.conditions, step.profile.name)
    conditions, label = base.conditions, base.label
    if step.set:
        conditions = conditions.replace(**step.set)
        said = ", ".join(f"{name}={value}" for name, value in step.set.items())
        label = f"{label}({said})"
    return Change(_ns(step.at_s), conditions, step.label or label)


def _ramp(step: Step, start: NetworkConditions, target: Change) -> list[Change]:
    """Move the numbers on a straight line in 50 small steps; the rest changes at the end."""
    assert step.over_s is not None
    movers = {
        info.name: (getattr(start, info.name), getattr(target.conditions, info.name))
        for info in condition_fields()
        if info.kind == "number"
    }
    moving = {k: v for k, v in movers.items() if None not in v and v[0] != v[1]}
    changes = []
    for i in range(1, _RAMP_STEPS):
        share = i / _RAMP_STEPS
        between = {name: a + (b - a) * share for name, (a, b) in moving.items()}
        at = _ns(step.at_s + share * step.over_s)
        changes.append(Change(at, start.replace(**between), target.label))
    return [*changes, target._replace(at_ns=_ns(step.end_s))]


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


@cache
def _schema_check() -> Callable[[Any], Any]:
    import fastjsonschema

    text = (Path(__file__).parent / "timeline.schema.json").read_text(encoding="utf-8")
    return cast("Callable[[Any], Any]", fastjsonschema.compile(json.loads(text)))


def _check_schema(values: Mapping[str, Any], place: str) -> None:
    import fastjsonschema

    for i, step in enumerate(_steps(values)):
        _refuse_unknown_keys(step, f"{place}: steps[{i}]")
    try:
        _schema_check()(values)
    except fastjsonschema.JsonSchemaValueException as error:
        said = str(error.message).removeprefix("data.").replace("data ", "the timeline ")
        raise FormatError(f"{place}: {said} (it is {error.value!r})") from None


def _steps(values: Mapping[str, Any]) -> Sequence[Any]:
    steps = values.get("steps") if isinstance(values, Mapping) else None
    return steps if isinstance(steps, list) else ()


def _refuse_unknown_keys(step: object, place: str) -> None:
    for key in step if isinstance(step, Mapping) else ():
        if key not in _KEYS:
            hint = nearest(key, _KEYS) or ";"
            raise FormatError(f"{place}: no key '{key}'{hint} Known: {', '.join(_KEYS)}")
