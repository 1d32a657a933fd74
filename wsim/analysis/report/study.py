"""What a report is about: named networks, each with one run or several, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from wsim.analysis.columns import check_frame, codes, group_codes, read
from wsim.analysis.plots.marks import about
from wsim.analysis.plots.path import STOPS
from wsim.analysis.replicates import drop_rates
from wsim.analysis.report.reach import Reach, reaches
from wsim.analysis.saturation import saturation_notes
from wsim.analysis.summary import summarize
from wsim.errors import ColumnsError
from wsim.schema import COMMAND_EVENT, FATES, PARTS

Frames = pd.DataFrame | Sequence[pd.DataFrame] | Mapping[str, pd.DataFrame | Sequence[pd.DataFrame]]
CATEGORIES = ("direction", "event_name", "client_id", "cause")
NUMBERS = ("size_bytes", "copy", *PARTS)


@dataclass(frozen=True)
class Entry:
    """One network of a report: its name and its runs, each a frame of its own."""

    name: str
    runs: tuple[pd.DataFrame, ...]

    @property
    def facts(self) -> list[Mapping[str, Any]]:
        """What is known of each run beside its messages."""
        return [next(iter(about(run).values()), {}) for run in self.runs]


def entries(frames: Frames) -> list[Entry]:
    """Sort what the caller gave into named networks.

    A mapping names them itself. A frame, or a list of frames, is split by profile; what has
    the same profile is a replicate of the same network.

    Raises
    ------
    ColumnsError
        If there is no frame, or something is not one.
    """
    named: dict[str, list[pd.DataFrame]] = {}
    if isinstance(frames, Mapping):
        for name, given in frames.items():
            named[storable(name)] = [
                run for frame in _listed(given) for run in _split(frame, "run")
            ]
    else:
        for frame in _listed(frames):
            for part in _split(frame, "profile"):
                named.setdefault(_profile(part), []).extend(_split(part, "run"))
    if not named:
        raise ColumnsError("nothing to report on: give a history, several, or names mapped to them")
    return [Entry(name, tuple(runs)) for name, runs in named.items()]


def storable(name: object) -> str:
    """Return a name as UTF-8 can hold it: lone surrogates become question marks."""
    return str(name).encode("utf-8", "replace").decode("utf-8")


def _listed(frames: object) -> list[pd.DataFrame]:
    if isinstance(frames, Sequence) and not isinstance(frames, str):
        return [check_frame(frame) for frame in frames]
    return [check_frame(frames)]


def _split(frame: pd.DataFrame, column: str) -> list[pd.DataFrame]:
    """Return the parts of a frame by the values of a column, in order of appearance."""
    if column not in frame.columns or not len(frame):
        return [frame]
    found = codes(frame, column)
    present = pd.unique(np.asarray(found.codes))
    if len(present) == 1:
        return [frame]
    return [frame[found.codes == code] for code in present]


def _profile(frame: pd.DataFrame) -> str:
    if "profile" not in frame.columns or not len(frame):
        return "all messages"
    return str(frame["profile"].iloc[0]) or "all messages"


@dataclass
class Study:
    """The messages of all networks in one lean frame, and their summaries.

    In `pooled` the column ``profile`` holds the network's name and ``run`` a unique one;
    payloads stay in the entries' own frames.
    """

    entries: list[Entry]
    command: str = COMMAND_EVENT
    notes: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The networks in the order they were given."""
        return [entry.name for entry in self.entries]

    @cached_property
    def pooled(self) -> pd.DataFrame:
        """All messages of all networks."""
        parts, story = [], {}
        for entry in self.entries:
            for number, run in enumerate(entry.runs):
                name = entry.name if number == 0 else f"{entry.name} #{number + 1}"
                while number and (name in story or name in self.names):
                    name += "'"
                parts.append(self._lean(run, entry.name, name))
                story[name] = entry.facts[number]
        frame = _join(parts, self.names)
        frame.attrs["wsim"] = story
        return frame

    def _lean(self, run: pd.DataFrame, name: str, run_name: str) -> dict[str, Any]:
        messages = read(run)
        self.notes += [f"{name}: {note}" for note in messages.notes]
        fate = [label if label in FATES else "unknown" for label in messages.fate.labels]
        part: dict[str, Any] = {
            "created_s": messages.created,
            "delivered_s": messages.delivered,
            "latency_ms": np.where(messages.arrived, messages.latency, np.nan),
            "fate": (messages.fate.codes, fate),
            "profile": (np.zeros(len(run), np.int8), [name]),
            "run": (np.zeros(len(run), np.int8), [run_name]),
        }
        for column in CATEGORIES:
            if column in run.columns:
                found = codes(run, column)
                part[column] = (found.codes, [str(label) for label in found.labels])
        for column in NUMBERS:
            if column in run.columns:
                part[column] = run[column].to_numpy()
        return part

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row a network, in their order, as `summarize` gives it."""
        table = summarize(self.pooled, "profile", command=self.command, pauses="skip")
        self.notes += [str(note) for note in table.attrs.get("wsim_notes", ())]
        self._by_runs(table, ["profile"])
        return table.reindex(self.names)

    def _by_runs(self, table: pd.DataFrame, by: Sequence[str]) -> None:
        """Take drop rates run by run where there are replicates, as a comparison does."""
        messages = read(self.pooled)
        rates = drop_rates(messages, group_codes(messages, by))
        columns = ["drop_rate", "drop_rate_low", "drop_rate_high"]
        table[columns] = np.array([rate.share[:3] for rate in rates]).reshape(-1, 3)

    def row(self, name: str) -> Mapping[str, Any]:
        """Return the summary of one network by column."""
        return _by_column(self.summary.loc[name])

    @cached_property
    def saturation(self) -> dict[str, list[str]]:
        """What says that TCP could not carry what was sent, by network, of its first run."""
        found = {
            entry.name: saturation_notes(entry.name, entry.runs[0], entry.facts[0])
            for entry in self.entries
        }
        return {name: notes for name, notes in found.items() if notes}

    @cached_property
    def reach(self) -> dict[str, Reach]:
        """How soon commands reached the rover, by network; those without commands lack."""
        return reaches(self.pooled, self.command)

    @cached_property
    def events(self) -> pd.DataFrame:
        """One row a network, event and direction."""
        by = [c for c in ("profile", "event_name", "direction") if c in self.pooled.columns]
        table = summarize(self.pooled, by, command=self.command, pauses="skip")
        self._by_runs(table, by)
        table = table[table["sent"] > 0].reset_index(drop=True)
        place = {name: number for number, name in enumerate(self.names)}
        order = table["profile"].map(place).to_numpy(dtype=float).argsort(kind="stable")
        return table.iloc[order].reset_index(drop=True)

    def event_row(
        self, name: str, *events: str, direction: str = "inbound"
    ) -> Mapping[str, Any] | None:
        """Return the row of the first of `events` that the network carried, one way."""
        table = self.events
        if "event_name" not in table.columns:
            return None
        for event in events:
            rows = table[(table["profile"] == name) & (table["event_name"] == event)]
            if "direction" in rows.columns and len(rows) > 1:
                rows = rows[rows["direction"] == direction]
            if len(rows):
                return _by_column(rows.iloc[0])
        return None

    def first(self, name: str) -> pd.DataFrame:
        """Return the first run of one network, without payloads."""
        return self.pooled[(self.pooled["run"] == name).to_numpy()]

    def commands(self) -> pd.DataFrame:
        """Return the first run's commands of every network with their payloads, for paths."""
        parts = []
        for entry in self.entries:
            run = entry.runs[0]
            if not {"event_name", "data"} <= set(run.columns):
                continue
            wanted = codes(run, "event_name").where(self.command, *STOPS)
            columns = [c for c in run.columns if c in _PATH]
            part = run.loc[wanted, columns].copy()
            parts.append(part.assign(profile=entry.name, run=entry.name))
        if not parts:
            raise ColumnsError("no run has both event names and payloads")
        return pd.concat(parts, ignore_index=True)


def _by_column(row: Any) -> dict[str, Any]:
    return {str(column): value for column, value in row.items()}


_PATH = (
    *("created_s", "sent_s", "delivered_s", "latency_ms", "direction", "event_name"),
    *("client_id", "fate", "dropped", "copy", "data"),
)


def _join(parts: list[dict[str, Any]], names: list[str]) -> pd.DataFrame:
    """Put lean parts together; a column that only some runs have is missing in the others."""
    sizes = [len(part["created_s"]) for part in parts]
    columns = list(dict.fromkeys(column for part in parts for column in part))
    return pd.DataFrame(
        {c: _categories(c, parts, sizes, names) if _is_pair(c, parts) else _numbers(c, parts, sizes)
         for c in columns}
    )  # fmt: skip


def _is_pair(column: str, parts: list[dict[str, Any]]) -> bool:
    return any(isinstance(part.get(column), tuple) for part in parts)


def _numbers(column: str, parts: list[dict[str, Any]], sizes: list[int]) -> Any:
    arrays = [part.get(column) for part in parts]
    fill = 0.0 if column == "copy" else np.nan
    return np.concatenate(
        [np.full(n, fill) if a is None else a for a, n in zip(arrays, sizes, strict=True)]
    )


def _categories(
    column: str, parts: list[dict[str, Any]], sizes: list[int], names: list[str]
) -> Any:
    book = {name: number for number, name in enumerate(names if column == "profile" else [])}
    arrays = []
    for part, size in zip(parts, sizes, strict=True):
        found, labels = part.get(column, (np.zeros(size, np.int8), [""]))
        table = np.asarray([book.setdefault(label, len(book)) for label in labels], dtype=np.int32)
        arrays.append(table[found] if size else np.empty(0, np.int32))
    return pd.Categorical.from_codes(np.concatenate(arrays), pd.Index(list(book), dtype=object))
