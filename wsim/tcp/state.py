"""What the sending half of a connection remembers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from wsim.tcp.bbr import Bbr
from wsim.tcp.constants import INFINITE_WINDOW, NO_TIMER, OPEN
from wsim.tcp.pacer import Pacer
from wsim.tcp.path import Path
from wsim.tcp.rtt import RttEstimator
from wsim.tcp.segment import Segment
from wsim.tcp.timers import NEVER

Acknowledgement = tuple[int, tuple[tuple[int, int], ...], "tuple[int, int] | None", int]
"""Next byte wanted, ranges held beyond it, a duplicate just seen, time stamp echoed."""


class TcpOptions(NamedTuple):
    """What does not change while a connection lasts."""

    mss: int = 1448
    initial_window: int = 10
    rto_min_ns: int = 200_000_000
    congestion_control: str = "cubic"
    phase_ns: int = 0


class Control(Protocol):
    """Congestion control: how the window grows and shrinks."""

    paced: bool
    unlimited: bool

    def reset(self) -> None:
        """Forget everything, as after a timeout."""

    def cut(self, cwnd: int) -> int:
        """Return the slow start threshold after a loss."""

    def resume(self, tick: int, idle_ticks: int) -> None:
        """Note that sending resumes after a time with nothing in flight."""

    def sampled(self, sender: SenderState, now_ns: int, rtt_ns: int) -> None:
        """Note a round trip."""

    def grow(self, sender: SenderState, now_ns: int, acked: int) -> None:
        """Raise the window for `acked` delivered segments."""


class SenderState:
    """Fields of a sender, named after their Linux counterparts where there is one."""

    __slots__ = (
        "armed_ns", "armed_ticks", "bbr", "control", "cwnd", "cwnd_count", "cwnd_limited",
        "cwnd_limited_until", "cwnd_stamp", "cwnd_used", "delivered", "dsack_limit_delivered",
        "duplicates", "emit", "fack", "frto", "high", "last_rtt", "last_sent_ns", "lost_ever",
        "lost_out", "max_out", "mss", "nxt", "on_wire", "options", "order", "pacer", "path",
        "pending", "phase", "prior_cwnd", "prior_ssthresh", "probe_end", "probe_resent", "probes",
        "prr_delivered", "prr_out", "queue", "rack_advanced", "rack_dsack", "rack_order",
        "rack_persist", "rack_rtt", "rack_steps", "recoveries", "reordered", "reordering",
        "resent_ever", "retrans_out", "retrans_stamp", "retries", "rtt", "sacked_out", "ssthresh",
        "state", "timeouts", "una", "undo_from", "undo_left", "used_until", "wake", "written",
    )  # fmt: skip

    def __init__(
        self,
        options: TcpOptions,
        path: Path,
        control: Control,
        emit: Callable[[int, int, int, bool], None],
        wake: Callable[[Any, int], None],
    ) -> None:
        self.options = options
        self.path = path
        self.control = control
        self.bbr: Bbr | None = control if isinstance(control, Bbr) else None
        self.pacer = Pacer(self)
        self.last_rtt = -1
        self.emit = emit
        self.wake = wake
        self.mss = options.mss
        self.phase = options.phase_ns
        self.rtt = RttEstimator(options.rto_min_ns)
        self.queue: deque[Segment] = deque()
        self.una = self.nxt = self.written = 0
        self.order = 0
        self.state = OPEN
        self.pending = NO_TIMER
        self.armed_ns = self.armed_ticks = 0
        self.on_wire = NEVER
        self._start_window()
        self._start_recovery()

    def _start_window(self) -> None:
        self.cwnd = self.options.initial_window
        self.ssthresh = INFINITE_WINDOW
        self.cwnd_count = 0
        self.cwnd_limited = False
        self.cwnd_limited_until = 0
        self.cwnd_stamp = 0
        self.cwnd_used = 0
        self.max_out = 0
        self.used_until = 0
        self.last_sent_ns = -NEVER
        self.prior_cwnd = 0
        self.prior_ssthresh = 0
        self.prr_delivered = self.prr_out = 0

    def _start_recovery(self) -> None:
        self.high = 0
        self.sacked_out = self.lost_out = self.retrans_out = 0
        self.delivered = self.lost_ever = self.resent_ever = self.duplicates = 0
        self.recoveries = self.timeouts = self.probes = 0
        self.rack_advanced = False
        self.rack_order = -1
        self.rack_rtt = 0
        self.rack_steps = 1
        self.rack_persist = 0
        self.rack_dsack = False
        self.dsack_limit_delivered = 0
        self.reordered = False
        self.reordering = 3
        self.probe_end = 0
        self.probe_resent = False
        self.retries = 0
        self.frto = False
        self.fack = 0
        self.undo_from = -1
        self.undo_left = 0
        self.retrans_stamp = -1

    def unpaced(self, now: int) -> None:
        """Send what pacing held back; the transmitter does."""

    @property
    def in_flight(self) -> int:
        """Segments believed to be in the network."""
        return len(self.queue) - self.sacked_out - self.lost_out + self.retrans_out
