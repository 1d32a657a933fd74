"""wsim: a network laboratory for teleoperation over Socket.IO, in a notebook."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsim.analysis.comparison import compare as compare
    from wsim.analysis.driving import safe_speed as safe_speed
    from wsim.analysis.loop import loop_delays as loop_delays
    from wsim.analysis.objectives import check as check
    from wsim.analysis.plots import THRESHOLDS as THRESHOLDS
    from wsim.analysis.plots import plot_age as plot_age
    from wsim.analysis.plots import plot_delay_parts as plot_delay_parts
    from wsim.analysis.plots import plot_differences as plot_differences
    from wsim.analysis.plots import plot_drop_rate as plot_drop_rate
    from wsim.analysis.plots import plot_latency as plot_latency
    from wsim.analysis.plots import plot_latency_over_time as plot_latency_over_time
    from wsim.analysis.plots import plot_loss_runs as plot_loss_runs
    from wsim.analysis.plots import plot_message as plot_message
    from wsim.analysis.plots import plot_path as plot_path
    from wsim.analysis.plots import plot_profile as plot_profile
    from wsim.analysis.plots import plot_shift as plot_shift
    from wsim.analysis.plots import plot_thresholds as plot_thresholds
    from wsim.analysis.plots import plot_timeline as plot_timeline
    from wsim.analysis.report import report as report
    from wsim.analysis.shift import shift_function as shift_function
    from wsim.analysis.summary import summarize as summarize
    from wsim.analysis.teleop import teleop as teleop
    from wsim.batch import simulate as simulate
    from wsim.channel import Channel as Channel
    from wsim.clock import run as run
    from wsim.conditions import NetworkConditions as NetworkConditions
    from wsim.dashboard import Dashboard as Dashboard
    from wsim.errors import ColumnsError as ColumnsError
    from wsim.errors import ConditionsError as ConditionsError
    from wsim.errors import FormatError as FormatError
    from wsim.errors import PayloadError as PayloadError
    from wsim.errors import UnknownNameError as UnknownNameError
    from wsim.errors import UsageError as UsageError
    from wsim.errors import WsimError as WsimError
    from wsim.explanation import explain as explain
    from wsim.fitting import fit_profile as fit_profile
    from wsim.formats import concat as concat
    from wsim.formats import load as load
    from wsim.formats import save as save
    from wsim.formats.jsonl import Recorder as Recorder
    from wsim.history import History as History
    from wsim.interchange import from_devtools as from_devtools
    from wsim.interchange import from_mm_link as from_mm_link
    from wsim.interchange import from_netem as from_netem
    from wsim.interchange import from_toxiproxy as from_toxiproxy
    from wsim.interchange import to_devtools as to_devtools
    from wsim.interchange import to_mm_link as to_mm_link
    from wsim.interchange import to_netem as to_netem
    from wsim.interchange import to_toxiproxy as to_toxiproxy
    from wsim.link import Link as Link
    from wsim.lints import lint as lint
    from wsim.profiles import PROFILES as PROFILES
    from wsim.profiles import Profile as Profile
    from wsim.profiles import profile as profile
    from wsim.profiles.description import describe as describe
    from wsim.serving.endpoint import serve as serve
    from wsim.serving.middleware import NetworkMiddleware as NetworkMiddleware
    from wsim.simulation.clients import ConnectionState as ConnectionState
    from wsim.simulation.records import MessageRecord as MessageRecord
    from wsim.simulator import WebSocketServerSimulator as WebSocketServerSimulator
    from wsim.simulator import create_websocket_simulator as create_websocket_simulator
    from wsim.sweep import replicates as replicates
    from wsim.timeline import Timeline as Timeline
    from wsim.traffic import Traffic as Traffic
    from wsim.transit import Transit as Transit
    from wsim.transit import Transits as Transits

__version__ = "0.1.0"

_NAMES = {
    "wsim.analysis.comparison": "compare",
    "wsim.analysis.driving": "safe_speed",
    "wsim.analysis.loop": "loop_delays",
    "wsim.analysis.objectives": "check",
    "wsim.analysis.plots": (
        "THRESHOLDS plot_age plot_delay_parts plot_differences plot_drop_rate plot_latency "
        "plot_latency_over_time plot_loss_runs plot_message plot_path plot_profile plot_shift "
        "plot_thresholds plot_timeline"
    ),
    "wsim.analysis.report": "report",
    "wsim.analysis.shift": "shift_function",
    "wsim.analysis.summary": "summarize",
    "wsim.analysis.teleop": "teleop",
    "wsim.batch": "simulate",
    "wsim.channel": "Channel",
    "wsim.clock": "run",
    "wsim.conditions": "NetworkConditions",
    "wsim.dashboard": "Dashboard",
    "wsim.errors": (
        "ColumnsError ConditionsError FormatError PayloadError UnknownNameError UsageError "
        "WsimError"
    ),
    "wsim.explanation": "explain",
    "wsim.fitting": "fit_profile",
    "wsim.formats": "concat load save",
    "wsim.formats.jsonl": "Recorder",
    "wsim.history": "History",
    "wsim.interchange": (
        "from_devtools from_mm_link from_netem from_toxiproxy to_devtools to_mm_link to_netem "
        "to_toxiproxy"
    ),
    "wsim.link": "Link",
    "wsim.lints": "lint",
    "wsim.profiles": "PROFILES Profile profile",
    "wsim.profiles.description": "describe",
    "wsim.serving.endpoint": "serve",
    "wsim.serving.middleware": "NetworkMiddleware",
    "wsim.simulation.clients": "ConnectionState",
    "wsim.simulation.records": "MessageRecord",
    "wsim.simulator": "WebSocketServerSimulator create_websocket_simulator",
    "wsim.sweep": "replicates",
    "wsim.timeline": "Timeline",
    "wsim.traffic": "Traffic",
    "wsim.transit": "Transit Transits",
}
"""Modules and the public names that live in them; each is loaded when first asked for."""

_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}

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
