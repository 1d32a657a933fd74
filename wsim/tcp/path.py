"""One direction of the network under a TCP connection: loss, queue, rate, delay and outages.

Everything here happens to packets. A burst loss model must run in time: after a burst a
stalled sender sends little, and a chain that steps per packet would keep the link bad for
minutes.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from wsim.conditions import NetworkConditions
from wsim.impairments.base import Loss, LossState, OutageState, RateState
from wsim.impairments.gilbert_elliott import GilbertElliott, GilbertElliottTime
from wsim.randomness import Stream

HEADER_BYTES = 52
"""IPv4 and TCP headers with time stamps, on every packet."""

MESSAGE_GAP_NS = 20_000_000
"""What a message stands for where a loss model counts messages: 20 ms, as at 50 Hz."""

_STEPPED = ("markov4",)
_BLOCK = 512
_NS_PER_MS = 1_000_000
LOST = -1

Details = tuple[int, int, int]
"""Waiting at the bottleneck, serialisation and jitter, in ns."""

_PLAIN: Details = (0, 0, 0)


def loss_in_time(loss: Loss) -> Loss:
    """Return the process in time for one whose bursts are counted in messages.

    A burst lasts as long as that many messages at 50 a second. Counted in packets it would not
    end: in a burst only a few retransmissions, ever further apart, come by to end it.
    """
    if isinstance(loss, GilbertElliott):
        return GilbertElliottTime(
            loss_in_good=loss.loss_in_good,
            loss_in_bad=loss.loss_in_bad,
            mean_burst_s=loss.mean_burst * MESSAGE_GAP_NS / 1e9,
        )
    return loss


class Path:
    """Carries packets one way; ``details`` tells of the latest one."""

    __slots__ = (
        "_busy_until", "_delays", "_finishes", "_key", "_last_arrival", "_limits", "_loses",
        "_loss", "_loss_asked", "_loss_rate", "_loss_state", "_losses", "_rate", "_sampled",
        "_sampler", "_slot", "_slot_lost", "_spread", "_streams", "_suffix", "_tried",
        "base_delay", "conditions", "details", "dropped", "outages", "plain",
    )  # fmt: skip

    def __init__(
        self,
        conditions: NetworkConditions,
        *,
        seed: int,
        client: int,
        direction: str,
        epoch: int = 0,
    ) -> None:
        self._streams: dict[str, Stream] = {}
        self._key = (seed, client, direction)
        self._suffix = f"_{epoch}" if epoch else ""
        self.outages: OutageState | None = None
        self._tried = 0  # loss draws of earlier blocks
        self._sampled = 0  # jitter draws of earlier blocks
        self._loss_asked: tuple[Loss, float] | None = None
        self._delays: list[int] = []
        self._busy_until = 0
        self._last_arrival = 0
        self._finishes: deque[tuple[int, int]] = deque()
        self.details = _PLAIN
        self.configure(conditions, 0)

    def configure(self, conditions: NetworkConditions, now: int) -> None:
        """Take new conditions; what is under way keeps its arrival."""
        self.conditions = conditions
        on = conditions.enabled
        rate = conditions.packet_loss_rate if on else 0.0
        self._delays = []
        if (conditions.loss, rate) != self._loss_asked:
            self._loss_asked = (conditions.loss, rate)
            self._start_losses(loss_in_time(conditions.loss), rate)
        self.base_delay = round(conditions.latency_ms * _NS_PER_MS) if on else 0
        self._sampler = None
        if on and not conditions.jitter.is_fixed(conditions.jitter_ms):
            self._sampler = conditions.jitter.sampler(conditions.latency_ms, conditions.jitter_ms)
        self._rate: RateState | None = None
        if on and (conditions.bandwidth_mbps is not None or conditions.rate.kind != "constant"):
            self._rate = conditions.rate.start(conditions.bandwidth_mbps, now)
        self._limits = (
            conditions.queue_limit_messages or 1 << 60,
            conditions.queue_limit_bytes or 1 << 60,
            1 << 60 if conditions.queue_limit_ms is None
            else round(conditions.queue_limit_ms * _NS_PER_MS),
        )  # fmt: skip
        self.plain = self._sampler is None and self._rate is None

    @property
    def is_simple(self) -> bool:
        """True if all there is are a constant delay and independent loss."""
        independent = self._loss_state is None
        return self.plain and independent and self.outages is None and not self._last_arrival

    def cross(self, now: int, size: int) -> int:
        """Return when a packet of `size` bytes sent now arrives, or ``LOST``."""
        losses = self._losses
        if losses:
            if losses.pop():
                return LOST
        elif self._loses and self._is_lost(now):
            return LOST
        if self.outages is not None and self.outages.window(now) is not None:
            return LOST
        if self.plain:
            arrival = now + self.base_delay
            if arrival >= self._last_arrival:
                self._last_arrival = arrival
                return arrival
        return self._queue_and_travel(now, size)

    def _start_losses(self, loss: Loss, rate: float) -> None:
        self._losses: list[bool] = []
        self._loss = loss
        self._loss_rate = rate
        self._loses = self.conditions.enabled and not loss.is_off(rate)
        self._loss_state: LossState | None = None
        self._slot = -1
        self._slot_lost = False
        if self._loses and loss.kind != "bernoulli":
            self._loss_state = loss.start(rate)

    def _is_lost(self, now: int) -> bool:
        """Decide on one packet; for independent loss, on a block of them."""
        if self._loss_state is None:
            uniforms = self.stream("loss").many(self._tried, _BLOCK)
            self._tried += _BLOCK
            self._losses = (uniforms < self._loss_rate).tolist()[::-1]
            return bool(self._losses.pop())
        if self._loss.kind in _STEPPED:
            slot = now // MESSAGE_GAP_NS
            steps = min(slot - self._slot, _BLOCK) if self._slot >= 0 else 1
            if steps:
                self._slot = slot
                self._slot_lost = self._step_losses(now, steps)
            return self._slot_lost
        return self._step_losses(now, 1)

    def _step_losses(self, now: int, steps: int) -> bool:
        """Move the loss process by `steps` packets, of which the last is there."""
        assert self._loss_state is not None
        first = self._tried
        self._tried += steps
        draws = [self.stream(purpose).many(first, steps) for purpose in self._loss.purposes]
        numbers = np.arange(first, first + steps, dtype=np.int64)
        lost = self._loss_state.lost(numbers, np.full(steps, now, np.int64), *draws)
        return bool(lost[-1])

    def stream(self, purpose: str) -> Stream:
        """Return this direction's random stream for one purpose of TCP."""
        if purpose not in self._streams:
            self._streams[purpose] = self.fresh_stream(purpose)
        return self._streams[purpose]

    def fresh_stream(self, purpose: str) -> Stream:
        """Return that stream once more, from its beginning."""
        return Stream(*self._key, f"tcp_{purpose}{self._suffix}")

    def _queue_and_travel(self, now: int, size: int) -> int:
        waited = serial = 0
        leaves = now
        if self._rate is not None:
            start = max(now, self._busy_until)
            if not self._admit(now, start, size):
                return LOST
            leaves = self._busy_until = self._rate.finish(start, size)
            self._finishes.append((leaves, size))
            waited, serial = start - now, leaves - start
        delay = self.base_delay if self._sampler is None else self._sample()
        arrival = leaves + delay
        if not self.conditions.reorder:
            arrival = self._last_arrival = max(arrival, self._last_arrival)
        self.details = (waited, serial, arrival - leaves - self.base_delay)
        return arrival

    def _admit(self, now: int, start: int, size: int) -> bool:
        finishes = self._finishes
        while finishes and finishes[0][0] <= now:
            finishes.popleft()
        packets, held, wait = self._limits
        if len(finishes) > packets or start - now > wait:
            return False
        return held >= 1 << 60 or sum(item[1] for item in finishes) + size <= held

    def _sample(self) -> int:
        if not self._delays:
            assert self._sampler is not None
            uniforms = self.stream("jitter").many(self._sampled, _BLOCK)
            self._sampled += _BLOCK
            delays = self._sampler(uniforms) * _NS_PER_MS
            self._delays = np.rint(delays).astype(np.int64).tolist()[::-1]
        return self._delays.pop()
