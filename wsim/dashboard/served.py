"""The door of the lab: real Socket.IO clients on the simulator that the panel drives."""

from __future__ import annotations

from typing import Any

from wsim.dashboard.pace import PacedThread
from wsim.errors import UsageError

_PATIENCE_S = 10.0


class Served:
    """A server in the simulation's own loop, so that real and simulated clients share it all.

    Raises
    ------
    UsageError
        If the port is taken or out of range, or what serving needs is not installed.
    """

    def __init__(self, thread: PacedThread, sim: Any, port: int) -> None:
        try:
            from wsim.serving.endpoint import Server
        except ModuleNotFoundError as error:
            raise UsageError(
                f"serving real clients needs {error.name}: pip install 'wsim[serve]'"
            ) from error
        if not 0 <= port <= 65535:
            raise UsageError(f"port={port} is not a whole number from 0 (any free one) to 65535")
        self._thread = thread
        self._server = thread.call(lambda: Server(sim, port=port))
        thread.start(self._server.start()).result(_PATIENCE_S)

    @property
    def url(self) -> str:
        """Where clients connect."""
        return str(self._server.url)

    def close(self) -> None:
        """Let go of real clients and stop to listen."""
        self._thread.start(self._server.stop()).result(_PATIENCE_S)


def refuse_other_paces(pace: float) -> None:
    """Raise unless time passes as on the wall, which real clients live by."""
    if pace != 1.0:
        raise UsageError(
            "real clients live in real time: choose the speed 'real time' and a profile whose"
            f" time scale is 1 (this would be {pace:g} x), or close the door first"
        )
