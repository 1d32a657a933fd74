"""One direction of the network under a TCP connection: loss, queue, rate, delay and outages.

Everything here happens to packets. A burst loss model must run in time: after a burst a
stalled sender sends little, and a chain that steps per packet would keep the link bad for
minutes.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from wsim.conditions import NetworkConditions
from wsim.impairments.base import OutageState
from wsim.randomness import Stream

HEADER_BYTES = 52
"""IPv4 and TCP headers with time stamps, on every packet."""

_BLOCK = 512
_NS_PER_MS = 1_000_000
LOST = -1

Details = tuple[int, int, int]
"""Waiting at the bottleneck, serialisation and jitter, in ns."""

_PLAIN: Details = (0, 0, 0)


class Path:
    """Carries packets one way; ``details`` tells of the latest one."""

    __slots__ = (
        "_busy_until", "_delays", "_delays_from", "_finishes", "_key", "_last_arrival",
        "_limits", "_loss_state", "_losses", "_losses_from", "_rate", "_sampler", "_sent",
        "_spread", "_streams", "_suffix", "base_delay", "conditions", "details", "dropped",
        "lost", "outages", "plain",
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
        self._sent = 0
        self._losses: list[bool] = []
        self._losses_from = 0
        self._delays: list[int] = []
        self._delays_from = 0
        self._busy_until = 0
        self._last_arrival = 0
        self._finishes: deque[tuple[int, int]] = deque()
        self.details = _PLAIN
        self.lost = self.dropped = 0
        self.configure(conditions, 0)

    def configure(self, conditions: NetworkConditions, now: int) -> None:
        """Take new conditions; what is under way keeps its arrival."""
        self.conditions = conditions
        on = conditions.enabled
        rate = conditions.packet_loss_rate if on else 0.0
        loss = conditions.loss
        self._losses = []
        self._losses_from = self._sent
        self._delays = []
        self._delays_from = self._sent
        self._loss_state: Any = None
        if on and not loss.is_off(rate):
            self._loss_state = loss.start(rate)
        self.base_delay = round(conditions.latency_ms * _NS_PER_MS) if on else 0
        self._sampler = None
        if on and not conditions.jitter.is_fixed(conditions.jitter_ms):
            self._sampler = conditions.jitter.sampler(conditions.latency_ms, conditions.jitter_ms)
        self._rate = None
        if on and conditions.bandwidth_mbps is not None:
            self._rate = conditions.rate.start(conditions.bandwidth_mbps, now)
        self._limits = (
            conditions.queue_limit_messages or 1 << 60,
            conditions.queue_limit_bytes or 1 << 60,
            1 << 60 if conditions.queue_limit_ms is None
            else round(conditions.queue_limit_ms * _NS_PER_MS),
        )  # fmt: skip
        self.plain = self._sampler is None and self._rate is None

    def cross(self, now: int, size: int) -> int:
        """Return when a packet of `size` bytes sent now arrives, or ``LOST``."""
        number = self._sent
        self._sent = number + 1
        if self._loss_state is not None and self._is_lost(number, now):
            self.lost += 1
            return LOST
        if self.outages is not None and self.outages.window(now) is not None:
            self.lost += 1
            return LOST
        if self.plain:
            arrival = now + self.base_delay
            if arrival >= self._last_arrival:
                self._last_arrival = arrival
                return arrival
        return self._queue_and_travel(number, now, size)

    def _is_lost(self, number: int, now: int) -> bool:
        index = number - self._losses_from
        losses = self._losses
        if index < len(losses):
            return losses[index]
        if self.conditions.loss.kind == "bernoulli":
            self._losses_from = number
            uniforms = self.stream("loss").many(number, _BLOCK)
            self._losses = (uniforms < self.conditions.packet_loss_rate).tolist()
            return self._losses[0]
        return self._lost_in_time(number, now)

    def stream(self, purpose: str) -> Stream:
        """Return this direction's random stream for one purpose of TCP."""
        if purpose not in self._streams:
            self._streams[purpose] = Stream(*self._key, f"tcp_{purpose}{self._suffix}")
        return self._streams[purpose]

    def _lost_in_time(self, number: int, now: int) -> bool:
        purposes = self.conditions.loss.purposes
        uniforms = [self.stream(purpose).many(number, 1) for purpose in purposes]
        numbers = np.array([number], np.int64)
        times = np.array([now], np.int64)
        return bool(self._loss_state.lost(numbers, times, *uniforms)[0])

    def _queue_and_travel(self, number: int, now: int, size: int) -> int:
        waited = serial = 0
        leaves = now
        if self._rate is not None:
            start = max(now, self._busy_until)
            if not self._admit(now, start, size):
                self.dropped += 1
                return LOST
            leaves = self._busy_until = self._rate.finish(start, size)
            self._finishes.append((leaves, size))
            waited, serial = start - now, leaves - start
        delay = self.base_delay if self._sampler is None else self._sample(number)
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

    def _sample(self, number: int) -> int:
        index = number - self._delays_from
        if index >= len(self._delays):
            self._delays_from = number
            uniforms = self.stream("jitter").many(number, _BLOCK)
            assert self._sampler is not None
            delays = self._sampler(uniforms) * _NS_PER_MS
            self._delays = np.rint(delays).astype(np.int64).tolist()
            index = 0
        return self._delays[index]
