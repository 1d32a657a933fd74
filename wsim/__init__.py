"""wsim: a network laboratory for teleoperation over Socket.IO, in a notebook."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Traffic": "wsim.traffic",
    "simulate": "wsim.batch",
    "run": "wsim.clock",
    "MessageRecord": "wsim.records",
    "ConnectionState": "wsim.clients",
    "create_websocket_simulator": "wsim.simulator",
    "WebSocketServerSimulator": "wsim.simulator",
    "Recorder": "wsim.formats.jsonl",
    "concat": "wsim.formats",
    "save": "wsim.formats",
    "load": "wsim.formats",
    "Dashboard": "wsim.dashboard",
    "History": "wsim.history",
    "Channel": "wsim.channel",
    "Link": "wsim.link",
    "Transit": "wsim.transit",
    "Transits": "wsim.transit",
    "Timeline": "wsim.timeline",
    "profile": "wsim.profiles",
    "describe": "wsim.profiles.description",
    "explain": "wsim.explanation",
    "fit_profile": "wsim.fitting",
    "lint": "wsim.lints",
    "from_devtools": "wsim.interchange",
    "from_mm_link": "wsim.interchange",
    "from_netem": "wsim.interchange",
    "from_toxiproxy": "wsim.interchange",
    "to_devtools": "wsim.interchange",
    "to_mm_link": "wsim.interchange",
    "to_netem": "wsim.interchange",
    "to_toxiproxy": "wsim.interchange",
    "NetworkConditions": "wsim.conditions",
    "NetworkMiddleware": "wsim.serving.middleware",
    "PROFILES": "wsim.profiles",
    "Profile": "wsim.profiles",
    "check": "wsim.analysis.objectives",
    "compare": "wsim.analysis.comparison",
    "replicates": "wsim.sweep",
    "safe_speed": "wsim.analysis.driving",
    "serve": "wsim.serving.endpoint",
    "shift_function": "wsim.analysis.shift",
    "plot_age": "wsim.analysis.plots",
    "plot_delay_parts": "wsim.analysis.plots",
    "plot_differences": "wsim.analysis.plots",
    "plot_drop_rate": "wsim.analysis.plots",
    "plot_latency": "wsim.analysis.plots",
    "plot_latency_over_time": "wsim.analysis.plots",
    "plot_loss_runs": "wsim.analysis.plots",
    "plot_message": "wsim.analysis.plots",
    "plot_path": "wsim.analysis.plots",
    "plot_profile": "wsim.analysis.plots",
    "plot_shift": "wsim.analysis.plots",
    "plot_thresholds": "wsim.analysis.plots",
    "plot_timeline": "wsim.analysis.plots",
    "THRESHOLDS": "wsim.analysis.plots",
    "report": "wsim.analysis.report",
    "summarize": "wsim.analysis.summary",
    "teleop": "wsim.analysis.teleop",
}
"""Public names and the modules they live in; each is loaded when first asked for."""

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'wsim' has no attribute '{name}'")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
