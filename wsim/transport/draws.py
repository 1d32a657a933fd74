"""The random decisions of a channel: one draw per message and purpose, indexed by its number.

Every message takes its draws whether or not they come to matter, so that a decision about one
message never shifts those of the next. ``many`` and ``one`` give the same values, to the last
bit.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np

from wsim.conditions import NetworkConditions
from wsim.impairments import Sampler
from wsim.impairments.base import LossState, TimedLossState
from wsim.impairments.correlation import CopulaState, normals
from wsim.impairments.independent_loss import BernoulliState
from wsim.impairments.normal import TableSampler
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

    def plain_delays(self) -> list[int]:
        """Return the delays in ns, -1 where anything else happens to the message."""
        special = np.zeros(len(self.delay_ns), np.bool_)
        for happens in (self.lost, self.cut, self.copied):
            if happens is not None:
                special |= happens
        if self.corruptions is not None:
            special |= ~np.isnan(self.corruptions)
        delays: list[int] = np.where(special, -1, self.delay_ns).tolist()
        return delays

    def row(self, i: int) -> Draw:
        """Return the decisions for the `i`-th message."""
        parts = (None if column is None else column[i : i + 1] for column in self)
        return DrawArrays(*parts).rows()[0]  # type: ignore[arg-type]

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
    """All random decisions of one client and direction, under conditions that may change.

    ``one`` reads from blocks that are made ahead. Chains that step with every message (bursts
    counted in messages, delays correlated from message to message, netem's counter) then stand
    at the end of the block; before conditions change they are put back to where the messages
    are. What depends on the time of sending is left out of the block and found when it is known.

    Attributes
    ----------
    plain, plain_from
        Delays ahead as :meth:`plain_delay` returns them, and the number of the first.
    """

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
        self.plain: list[int] = []
        self.plain_from = 0
        self._plain_arrays: DrawArrays
        self._before: tuple[Any, Any, int] = (None, None, 0)  # the chains where the block begins
        self._at: int | None = None  # the message the chains come to next
        self._served = 0  # the message after the last one that was sent
        self._normals: list[float] = []
        self._loss_uniforms: list[tuple[float, ...]] = []
        self.configure(conditions)

    def configure(self, conditions: NetworkConditions) -> None:
        """Take new conditions from the next message on; processes that did not change go on."""
        old = self._conditions
        if old is not None:
            self._stand_at(self._served)
        self._conditions = conditions
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
        self._skipping = conditions.reorder and conditions.reorder_rate > 0
        correlated = self._random_delay and self._copula is not None
        self._timed_delay = correlated and conditions.jitter_memory_s > 0
        self._timed_loss = self._loses and not self._loss.timeless
        self._timeless = not (self._timed_delay or self._timed_loss)
        chained_loss = (
            self._loses and not self._timed_loss and not isinstance(self._loss, BernoulliState)
        )
        chained_delay = correlated and not self._timed_delay
        self._chained = chained_loss or chained_delay or self._skipping

    def one(self, number: int, time_ns: int) -> Draw:
        """Return the decisions for message `number`, sent at `time_ns`."""
        offset = number - self._ahead_from
        if not 0 <= offset < len(self._ahead):
            if 0 <= number - self.plain_from < len(self.plain):
                return self._beside(number - self.plain_from)
            self._read_ahead(number)
            offset = 0
        self._served = number + 1
        draw = self._ahead[offset]
        return draw if self._timeless else self._in_time(draw, number, offset, time_ns)

    def plain_delay(self, number: int) -> int:
        """Return the delay in ns of message `number`, or -1 to look at :meth:`one`.

        Most messages meet neither loss nor anything else: a list of numbers tells it all.
        """
        offset = number - self.plain_from
        if not 0 <= offset < len(self.plain):
            if self._chained or not self._timeless:
                return -1
            self._stand_at(number)
            self._plain_arrays = self._arrays(number, _AHEAD, None)
            self.plain, self.plain_from = self._plain_arrays.plain_delays(), number
            offset = 0
        return self.plain[offset]

    def _beside(self, offset: int) -> Draw:
        """Return the decisions for a message among those that were read ahead as plain ones."""
        delay_ns = self.plain[offset]
        if delay_ns < 0:
            return self._plain_arrays.row(offset)
        return Draw(delay_ns, False, False, None, None)

    def many(self, number: int, times_ns: IntArray) -> DrawArrays:
        """Return the decisions for messages `number`, `number` + 1, ... sent at `times_ns`."""
        self._stand_at(number)
        self._at = self._served = number + len(times_ns)
        return self._arrays(number, len(times_ns), times_ns)

    def _arrays(self, number: int, count: int, times_ns: IntArray | None) -> DrawArrays:
        """Return decisions; without times, those that depend on them are left out."""
        conditions = self._conditions
        assert conditions is not None
        return DrawArrays(
            self._delays(number, count, times_ns),
            self._lost(number, count, times_ns) if self._loses else None,
            self._below("disconnect", number, count, conditions.disconnect_rate),
            self._below("duplicate", number, count, conditions.duplicate_rate),
            self._copy_delays(number, count) if conditions.duplicate_rate else None,
            self._corruptions(number, count) if conditions.corrupt_rate else None,
        )

    # -- reading ahead -------------------------------------------------------------------

    def _read_ahead(self, number: int) -> None:
        self._stand_at(number)
        self._before = (copy(self._copula), copy(self._loss), self._since_skip)
        self._ahead_from, self._at = number, number + _AHEAD
        self._ahead = self._arrays(number, _AHEAD, None).rows()
        if self._timed_delay:
            self._normals = normals(self._uniforms("delay", number, _AHEAD)).tolist()
        if self._timed_loss:
            columns = [u.tolist() for u in self._loss_uniforms_of(number, _AHEAD)]
            self._loss_uniforms = list(zip(*columns, strict=True)) or [()] * _AHEAD

    def _in_time(self, draw: Draw, number: int, offset: int, time_ns: int) -> Draw:
        """Add what could not be read ahead."""
        delay_ns, lost, cut, copy_delay_ns, corruption = draw
        if self._timed_delay:
            assert self._copula is not None
            u = self._copula.one(time_ns, self._normals[offset])
            if delay_ns != 0:  # else it skips the delay
                delay_ns = round(self._sample_one(u) * _NS_PER_MS)
        if self._timed_loss:
            loss = cast(TimedLossState, self._loss)
            lost = loss.lost_one(number, time_ns, *self._loss_uniforms[offset])
        return _draw((delay_ns, lost, cut, copy_delay_ns, corruption))

    def _sample_one(self, u: float) -> float:
        if isinstance(self._sampler, TableSampler):
            return self._sampler.one(u)
        return float(self._sampler(np.array([u]))[0])

    def _stand_at(self, number: int) -> None:
        """Put the chains to where message `number` is the next, and read no further ahead."""
        at, self._at = self._at, number
        if self._chained and at is not None:
            if number < at:
                self._go_back()
                at = self._ahead_from
            if number > at:  # their random numbers go with the messages, sent here or not
                self._delays(at, number - at, None)
                if self._loses:
                    self._lost(at, number - at, None)
        self._ahead, self.plain = [], []

    def _go_back(self) -> None:
        """Put the chains back to where the block begins."""
        copula, loss, self._since_skip = self._before
        if not self._timed_delay:
            self._copula = copula
        if not self._timed_loss:
            self._loss = loss

    # -- by purpose ----------------------------------------------------------------------

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

    def _delays(self, number: int, count: int, times_ns: IntArray | None) -> IntArray:
        if not self._random_delay:
            delays = np.full(count, self.fixed_ns)
        elif self._timed_delay and times_ns is None:
            delays = np.full(count, -1)
        else:
            u = self._uniforms("delay", number, count)
            if self._copula is not None:
                times_ns = np.zeros(count, np.int64) if times_ns is None else times_ns
                u = self._copula.apply(times_ns, u)
            delays = _nanoseconds(self._sampler(u))
        if self._skipping:
            delays = np.where(self._skips(number, count), 0, delays)
        return delays

    def _copy_delays(self, number: int, count: int) -> IntArray:
        if not self._random_delay:
            return np.full(count, self.fixed_ns)
        return _nanoseconds(self._sampler(self._uniforms("duplicate_delay", number, count)))

    def _lost(self, number: int, count: int, times_ns: IntArray | None) -> BoolArray | None:
        if times_ns is None:
            if self._timed_loss:
                return None
            times_ns = np.zeros(count, np.int64)
        numbers = np.arange(number, number + count)
        return self._loss.lost(numbers, times_ns, *self._loss_uniforms_of(number, count))

    def _loss_uniforms_of(self, number: int, count: int) -> list[FloatArray]:
        assert self._conditions is not None
        purposes = self._conditions.loss.purposes
        return [self._uniforms(purpose, number, count) for purpose in purposes]

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
