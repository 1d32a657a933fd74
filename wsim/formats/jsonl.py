"""Recordings as they grow: one JSON object a line, appended and handed to the system at once.

A file is one or more sections; each starts with a header line that holds the notes of its
runs. Message lines have the schema's fields. Other lines carry ``"wsim"``: ``change``,
``connection``, ``round_trip`` and ``end``. A process that is killed loses at most the line
it was writing; a file that was cut loads up to the cut.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from wsim.errors import FormatError
from wsim.formats.files import read_bytes, replacing
from wsim.formats.frames import categories_of
from wsim.formats.joining import concat
from wsim.formats.json_export import assemble, check_version, records, started_at
from wsim.formats.payloads import PayloadWriter
from wsim.history import History
from wsim.schema import COLUMNS, PARTS, SCHEMA_VERSION

_log = logging.getLogger("wsim")
_FIELDS = (
    "seq", "created_s", "sent_s", "delivered_s", "latency_ms", "direction", "event_name",
    "client_id", "session", "profile", "run", "fate", "cause", "dropped", "copy", "size_bytes",
    "message_id", "namespace", "ack_id", "round_trip_ms", "lateness_ms",
)  # fmt: skip
_TEMPLATE = "{" + ",".join(f'"{name}":%s' for name in _FIELDS) + ',%s,"data":%s}\n'
_NO_PARTS = ",".join(f'"{name}":null' for name in PARTS)
_PARTS = ",".join(f'"{name}":%r' for name in PARTS)
_CHUNK = 20_000


class _Quoted(dict[str, str]):
    """Names as JSON, made once each; a flood of names starts it afresh."""

    def __missing__(self, name: str) -> str:
        if len(self) > 10_000:
            self.clear()
        text = self[name] = json.dumps(str(name))
        return text


class Recorder:
    """Writes a history to a .jsonl file as it grows, each row as soon as it is recorded.

    Parameters
    ----------
    path
        The file; an existing recording is continued by another section, never overwritten.
    history
        What it already holds is written first.

    Notes
    -----
    There is no thread and no buffer: a line is written when `history` records a row. If the
    disk fails, recording stops, ``error`` says why and the history goes on.
    """

    def __init__(self, path: str | Path, history: History) -> None:
        self.path = Path(path)
        self.error: OSError | None = None
        self._history = history
        self._names = _Quoted()
        self._payloads = PayloadWriter()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab", buffering=0)
        except OSError as error:
            raise FormatError(
                f"cannot record to {self.path}: {error.strerror or error};"
                " choose a file in a folder that can be written"
            ) from error
        self._begin()
        history.listeners.append(self._row)
        history.note_listeners.append(self._note)

    def _begin(self) -> None:
        if self._file.tell() and self._last_byte() != b"\n":
            self._write("\n")  # what was cut before stays a line of its own
        notes = self._history.notes()
        started = notes | {"changes": [], "connections": []}
        self._line({"wsim": "header", "schema_version": SCHEMA_VERSION,
                    "runs": {self._history.run: started}})  # fmt: skip
        for kind in ("change", "connection"):
            for note in notes[f"{kind}s"]:
                self._note(kind, note)
        frame = self._history.frame
        for text in records(frame, started_at(frame), self._payloads):
            self._write(text.strip() + "\n")

    def _last_byte(self) -> bytes:
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1)

    def _row(self, row: tuple[Any, ...]) -> None:
        seq, created, sent, delivered, direction, event, client, session, fate, *rest = row
        cause, copy, size, identifier, namespace, ack, round_trip, lateness, *last = rest
        parts, data, profile = last
        quoted = self._names
        arrived = delivered >= 0
        fields = (
            *(seq, repr(created / 1e9), repr(sent / 1e9)),
            repr(delivered / 1e9) if arrived else "null",
            repr((delivered - created) / 1e6) if arrived else "null",
            *(quoted[direction], quoted[event], quoted[client], session, quoted[profile]),
            *(quoted[self._history.run], quoted[fate], quoted[cause]),
            "true" if fate == "dropped" else "false",
            *(copy, size, json.dumps(identifier), quoted[namespace], ack),
            repr(round_trip / 1e6) if round_trip >= 0 else "null",
            repr(float(np.float32(lateness)) / 1e6) if lateness >= 0 else "null",
            _PARTS % tuple(part / 1e6 for part in parts) if parts else _NO_PARTS,
            self._payloads.text(data),
        )
        self._write(_TEMPLATE % fields)

    def _note(self, kind: str, note: dict[str, Any]) -> None:
        self._line({"wsim": kind, **note})

    def _line(self, content: dict[str, Any]) -> None:
        self._write(self._payloads.text(content) + "\n")

    def _write(self, text: str) -> None:
        if self.error is not None:
            return
        try:
            self._file.write(text.encode("ascii"))
        except OSError as error:
            self.error = error
            _log.error("recording to %s stopped: %s", self.path, error.strerror or error)

    def close(self) -> None:
        """Write the final notes and stop recording."""
        if self._file.closed:
            return
        self._history.listeners.remove(self._row)
        self._history.note_listeners.remove(self._note)
        notes = self._history.notes()
        last = {name: notes[name] for name in ("duration_s", "evicted", "profile")}
        self._line({"wsim": "end", "run": self._history.run, "notes": last})
        self._file.close()
        self._payloads.warn(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def write_jsonl(frame: pd.DataFrame, path: Path) -> None:
    """Write a history as lines of JSON, all of it or nothing."""
    payloads = PayloadWriter()
    header = {
        "wsim": "header",
        "schema_version": SCHEMA_VERSION,
        "runs": frame.attrs.get("wsim", {}),
        "categories": categories_of(frame),
    }
    started = started_at(frame)
    with replacing(path) as temporary, temporary.open("w", encoding="ascii") as file:
        file.write(payloads.text(header) + "\n")
        for start in range(0, len(frame), _CHUNK):
            part = slice(start, start + _CHUNK)
            for text in records(frame.iloc[part], started[part], payloads):
                file.write(text.strip() + "\n")
    payloads.warn(path)


class _Section:
    """The lines under one header."""

    def __init__(self, header: dict[str, Any]) -> None:
        self.header = header
        self.rows: list[dict[str, Any]] = []
        self.round_trips: dict[int, float] = {}
        self.ended = "categories" in header  # written as a whole

    @property
    def only_run(self) -> dict[str, Any]:
        """Notes of the run that is being recorded."""
        notes: dict[str, Any] = next(iter(self.header["runs"].values()))
        return notes

    def add(self, line: dict[str, Any]) -> None:
        kind = line.pop("wsim", "row")
        if kind == "row":
            self.rows.append(line)
        elif kind == "round_trip":
            self.round_trips[line["seq"]] = line["round_trip_ms"]
        elif kind in ("change", "connection"):
            self.only_run[f"{kind}s"].append(line)
        elif kind == "end":
            self.only_run.update(line["notes"])
            self.ended = True

    def frame(self, path: Path) -> pd.DataFrame:
        for row in self.rows:
            if row.get("seq") in self.round_trips:
                row["round_trip_ms"] = self.round_trips[row["seq"]]
        first = self.rows[0] if self.rows else {}
        lists = {c.name: [r.get(c.name) for r in self.rows] for c in COLUMNS if c.name in first}
        frame = assemble(lists, len(self.rows), self.header, path)
        if not self.ended:
            self._close(frame)
        return frame

    def _close(self, frame: pd.DataFrame) -> None:
        """Say in the notes that the recording was not closed, and how long it is."""
        notes = next(iter(frame.attrs["wsim"].values()))
        times = frame[["created_s", "delivered_s"]].max().max() if len(frame) else 0.0
        notes |= {"cut": True, "duration_s": float(times)}


def read_jsonl(path: Path) -> pd.DataFrame:
    """Read lines of JSON; a file cut in its last line, or between sections, loads up to there."""
    sections: list[_Section] = []
    broken: tuple[int, str] | None = None
    for number, text in enumerate(read_bytes(path).split(b"\n"), 1):
        if not text.strip():
            continue
        line = _parsed(text)
        header = line is not None and line.get("wsim") == "header"
        if broken is not None and not header:
            raise FormatError(
                f"{path}: line {broken[0]} is not a JSON object: {broken[1]!r};"
                " remove the line, or record again"
            )
        if line is None:
            broken = number, text[:60].decode("utf-8", "replace")
            continue
        broken = None
        _take(line, header, sections, f"{path}: line {number}", path)
    if not sections:
        raise FormatError(f"{path}: no complete header line; it is not a recording, or was cut")
    if broken is not None:
        rows = sum(len(section.rows) for section in sections)
        warnings.warn(
            f"{path}: cut in line {broken[0]}; loaded the {rows} messages before it", stacklevel=2
        )
    frames = [section.frame(path) for section in sections]
    return frames[0] if len(frames) == 1 else concat(frames)


def _parsed(text: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) else None


def _take(
    line: dict[str, Any], header: bool, sections: list[_Section], where: str, path: Path
) -> None:
    if header:
        check_version(line.get("schema_version"), path)
        runs = line.get("runs")
        if not isinstance(runs, dict) or not all(isinstance(r, dict) for r in runs.values()):
            raise FormatError(f"{where}: a header whose 'runs' is not an object; record again")
        sections.append(_Section(line))
        return
    if not sections:
        raise FormatError(
            f"{where}: a message before any header; is it a recording of wsim?"
            " Put other simulators' messages into a .json list"
        )
    try:
        sections[-1].add(line)
    except (KeyError, StopIteration, TypeError, AttributeError) as error:
        raise FormatError(f"{where}: incomplete ({error!r}); remove the line") from None
