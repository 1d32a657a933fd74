"""The random decisions of a channel: one draw per message and purpose, indexed by its number.

Every message takes its draws whether or not they come to matter, so that a decision about one
message never shifts those of the next. ``many`` and ``one`` give the same values: where a
decision does not depend on when the message is sent, ``one`` reads from a block made by
``many``; where it does (correlated delays, bursts in seconds), ``one`` is a block of one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np

from wsim.conditions import NetworkConditions
from wsim.impairments import Sampler
from wsim.impairments.base import LossState
from wsim.impairments.correlation import CopulaState
from wsim.impairments.independent_loss import Bernoulli
from wsim.randomness import BoolArray, FloatArray, IntArray, Stream

_AHEAD = 512
_NS_PER_MS = 1e6


class Draw(NamedTuple):
    """The decisions for one message; None or False where nothing happens."""

    delay_ns: int
    lost: bool
    cut: bool
    copy_delay_ns: int | None
    corruption: float | None


class DrawArrays(NamedTuple):
    """The decisions for many messages; ``None`` where the purpose is off."""

    delay_ns: IntArray
    lost: BoolArray | None
    cut: BoolArray | None
    copied: BoolArray | None
    copy_delay_ns: IntArray | None
    corruptions: FloatArray | None  # NaN where the message is sound

    def rows(self) -> list[Draw]:
        """Return the decisions message by message."""
        count = len(self.delay_ns)
        nothing = [False] * count
        lost = nothing if self.lost is None else self.lost.tolist()
        cut = nothing if self.cut is None else self.cut.tolist()
        delays: list[int] = self.delay_ns.tolist()
        copies: list[int | None] = [None] * count
        if self.copied is not None and self.copy_delay_ns is not None:
            for i in np.flatnonzero(self.copied).tolist():
                copies[i] = int(self.copy_delay_ns[i])
        damage: list[float | None] = [None] * count
        if self.corruptions is not None:
            for i in np.flatnonzero(~np.isnan(self.corruptions)).tolist():
                damage[i] = float(self.corruptions[i])
        return list(map(_draw, zip(delays, lost, cut, copies, damage, strict=True)))


_draw = cast("Callable[[tuple[Any, ...]], Draw]", partial(tuple.__new__, Draw))


class Draws:
    """All random decisions of one client and direction, under conditions that may change."""

    def __init__(self, conditions: NetworkConditions, seed: int, client: int, direction: str):
        self._key = (seed, client, direction)
        self._streams: dict[str, Stream] = {}
        self._conditions: NetworkConditions | None = None
        self._sampler: Sampler
        self._loss: LossState
        self._copula: CopulaState | None = None
        self._since_skip = 0  # netem's counter: messages since one skipped the delay
        self._ahead: list[Draw] = []
        self._ahead_from = 0
        self.configure(conditions)

    def configure(self, conditions: NetworkConditions) -> None:
        """Take new conditions from the next message on; processes that did not change go on."""
        old, self._conditions = self._conditions, conditions
        self._ahead = []
        self._sampler = conditions.jitter.sampler(conditions.latency_ms, conditions.jitter_ms)
        loss = (conditions.loss, conditions.packet_loss_rate)
        if old is None or loss != (old.loss, old.packet_loss_rate):
            self._loss = conditions.loss.start(conditions.packet_loss_rate)
        memory = (conditions.jitter_correlation, conditions.jitter_memory_s)
        if old is None or memory != (old.jitter_correlation, old.jitter_memory_s):
            self._copula = CopulaState(*memory) if any(memory) else None
        datagram = conditions.transport == "datagram"
        self._loses = datagram and not conditions.loss.is_off(conditions.packet_loss_rate)
        self._random_delay = datagram and not conditions.jitter.is_fixed(conditions.jitter_ms)
        self.fixed_ns = int(np.rint(conditions.latency_ms * _NS_PER_MS))
        timeless_loss = not self._loses or type(conditions.loss) is Bernoulli
        skips = conditions.reorder and conditions.reorder_rate > 0
        self._readable_ahead = timeless_loss and self._copula is None and not skips

    def one(self, number: int, time_ns: int) -> Draw:
        """Return the decisions for message `number`, sent at `time_ns`."""
        offset, ahead = number - self._ahead_from, self._ahead
        if 0 <= offset < len(ahead):  # never where draws depend on the time
            return ahead[offset]
        if not self._readable_ahead:
            return self.many(number, np.array([time_ns], np.int64)).rows()[0]
        self._ahead_from = number
        self._ahead = self.many(number, np.zeros(_AHEAD, np.int64)).rows()
        return self._ahead[0]

    def many(self, number: int, times_ns: IntArray) -> DrawArrays:
        """Return the decisions for messages `number`, `number` + 1, ... sent at `times_ns`."""
        conditions = self._conditions
        assert conditions is not None
        count = len(times_ns)
        return DrawArrays(
            self._delays(number, times_ns),
            self._lost(number, times_ns) if self._loses else None,
            self._below("disconnect", number, count, conditions.disconnect_rate),
            self._below("duplicate", number, count, conditions.duplicate_rate),
            self._copy_delays(number, count) if conditions.duplicate_rate else None,
            self._corruptions(number, count) if conditions.corrupt_rate else None,
        )

    def will_cut(self, number: int, count: int) -> bool:
        """Return True if one of the next `count` messages from `number` cuts the session."""
        assert self._conditions is not None
        cuts = self._below("disconnect", number, count, self._conditions.disconnect_rate)
        return cuts is not None and bool(cuts.any())

    def _uniforms(self, purpose: str, number: int, count: int) -> FloatArray:
        stream = self._streams.get(purpose)
        if stream is None:
            stream = self._streams[purpose] = Stream(*self._key, purpose)
        return stream.many(number, count)

    def _below(self, purpose: str, number: int, count: int, rate: float) -> BoolArray | None:
        if not rate:
            return None
        return np.less(self._uniforms(purpose, number, count), rate)

    def _delays(self, number: int, times_ns: IntArray) -> IntArray:
        count = len(times_ns)
        if not self._random_delay:
            delays = np.full(count, self.fixed_ns)
        else:
            u = self._uniforms("delay", number, count)
            if self._copula is not None:
                u = self._copula.apply(times_ns, u)
            delays = _nanoseconds(self._sampler(u))
        assert self._conditions is not None
        if self._conditions.reorder and self._conditions.reorder_rate:
            delays = np.where(self._skips(number, count), 0, delays)
        return delays

    def _copy_delays(self, number: int, count: int) -> IntArray:
        if not self._random_delay:
            return np.full(count, self.fixed_ns)
        return _nanoseconds(self._sampler(self._uniforms("duplicate_delay", number, count)))

    def _lost(self, number: int, times_ns: IntArray) -> BoolArray:
        assert self._conditions is not None
        count = len(times_ns)
        numbers = np.arange(number, number + count)
        purposes = self._conditions.loss.purposes
        uniforms = [self._uniforms(purpose, number, count) for purpose in purposes]
        return self._loss.lost(numbers, times_ns, *uniforms)

    def _corruptions(self, number: int, count: int) -> FloatArray:
        """Given u < rate, u / rate is uniform again and chooses the damage."""
        assert self._conditions is not None
        rate = self._conditions.corrupt_rate
        u = self._uniforms("corrupt", number, count)
        return np.where(u < rate, u / rate, np.nan)

    def _skips(self, number: int, count: int) -> BoolArray:
        """Say who skips the delay: netem's rule, a counter that starts anew at each skip."""
        assert self._conditions is not None
        rate, gap = self._conditions.reorder_rate, self._conditions.reorder_gap
        chosen = self._uniforms("reorder", number, count) < rate
        skips = np.zeros(count, np.bool_)
        for i, wanted in enumerate(chosen.tolist()):
            if wanted and self._since_skip >= gap - 1:
                skips[i], self._since_skip = True, 0
            else:
                self._since_skip += 1
        return skips


def _nanoseconds(milliseconds: FloatArray) -> IntArray:
    scaled = milliseconds * _NS_PER_MS
    return np.rint(scaled, out=scaled).astype(np.int64)
