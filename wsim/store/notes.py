"""What is true of a run beside its messages: conditions and their changes, connections."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import pandas as pd

MAX_CONNECTIONS = 10_000
NoteListener = Callable[[str, dict[str, Any]], None]


class RunNotes(dict[str, Any]):
    """What is true of one run, shared by all frames made from it and never changed in place.

    pandas copies ``attrs`` deeply with every selection; notes of many connections would make
    each of them slow, so a deep copy of these is the same object.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class Notes:
    """What is noted beside the rows of a history.

    Parameters
    ----------
    about
        What is true of the whole run; the versions in use are added.
    """

    def __init__(self, about: Mapping[str, Any] | None = None) -> None:
        self.about: dict[str, Any] = {"versions": versions(), **(about or {})}
        self.changes: list[dict[str, Any]] = []
        """Changes of conditions: ``at_s``, ``profile``, ``conditions``."""
        self.connections: list[dict[str, Any]] = []
        """Clients that come and go: ``at_s, client_id, state, session, cause``."""
        self.note_listeners: list[NoteListener] = []
        """Called with a kind (``change``, ``connection``, ``round_trip``) and its content."""

    def note_change(self, now_ns: int, conditions: Mapping[str, Any], profile: str) -> None:
        """Note that conditions changed, so that plots can mark it."""
        note = {"at_s": now_ns / 1e9, "profile": profile, "conditions": dict(conditions)}
        self.changes.append(note)
        self._note("change", note)

    def note_connection(
        self, now_ns: int, client_id: str, state: str, session: int = 1, cause: str = ""
    ) -> None:
        """Note that a client connected, was cut off, came back or left."""
        note = {"at_s": now_ns / 1e9, "client_id": client_id, "state": state}
        note |= {"session": session, "cause": cause}
        self.connections.append(note)
        if len(self.connections) > MAX_CONNECTIONS:  # a flood must not fill the memory
            del self.connections[: MAX_CONNECTIONS // 10]
            self.about["connections_forgotten"] = (
                self.about.get("connections_forgotten", 0) + MAX_CONNECTIONS // 10
            )
        self._note("connection", note)

    def _note(self, kind: str, note: dict[str, Any]) -> None:
        for listener in self.note_listeners:
            listener(kind, note)


def versions() -> dict[str, str]:
    """Return the versions that results may depend on."""
    from wsim import __version__

    return {
        "wsim": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pandas": pd.__version__,
    }
