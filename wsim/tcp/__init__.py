"""TCP as a WebSocket meets it: a lost packet is not a lost message but a late one.

An event-level model of Linux TCP: one connection is a byte stream each way, cut into segments,
with CUBIC or BBR, RACK and tail loss probes, retransmission timeouts, selective and delayed
acknowledgements. It needs no sockets and no rights, and gives the same results in steps and at
once.
"""

from wsim.tcp.batch import run_compiled, run_schedule, tcp_deliveries
from wsim.tcp.compiled import compile_tcp
from wsim.tcp.connection import TcpConnection
from wsim.tcp.law import (
    SaturationWarning,
    connect_time_ns,
    saturated,
    saturation_rate_bytes,
    saturation_warning,
    syn_retry_s,
)

__all__ = [
    "SaturationWarning",
    "TcpConnection",
    "compile_tcp",
    "connect_time_ns",
    "run_compiled",
    "run_schedule",
    "saturated",
    "saturation_rate_bytes",
    "saturation_warning",
    "syn_retry_s",
    "tcp_deliveries",
]
