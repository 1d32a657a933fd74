"""The lab: a live panel for notebooks, and everything it does as plain calls.

Widgets are loaded when :class:`Dashboard` is asked for; :class:`LabSession` needs none.
"""

from __future__ import annotations

from typing import Any

from wsim.errors import UsageError

__all__ = ["Dashboard", "LabSession", "TrafficSettings"]


def __getattr__(name: str) -> Any:
    if name == "LabSession":
        from wsim.dashboard.lab import LabSession

        return LabSession
    if name == "TrafficSettings":
        from wsim.dashboard.settings import TrafficSettings

        return TrafficSettings
    if name != "Dashboard":
        raise AttributeError(f"module 'wsim.dashboard' has no attribute '{name}'")
    try:
        from wsim.dashboard.panel import Dashboard
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "ipywidgets":
            raise
        raise UsageError("the dashboard needs ipywidgets: pip install 'wsim[lab]'") from error
    return Dashboard
