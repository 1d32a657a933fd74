"""Loss in bursts: the Gilbert-Elliott chain, by message or in seconds.

A link is in a good or a bad state; each message first moves the state, then is lost with the
probability of the new one. The user gives the share of the time spent in the bad state (from
``packet_loss_rate``) and how long a bad spell lasts; the transition probabilities follow:

    by message    to good r = 1 / burst,           to bad p = r B / (1 - B)
    in seconds    over a gap d, with rates l = B / ((1 - B) T) and m = 1 / T,
                  p = l / (l + m) (1 - exp(-(l + m) d)) and r = m / (l + m) (1 - exp(...))

with B the share of the bad state (Gilbert 1960, Elliott 1963; Hasslinger and Hohlfeld 2008).
One uniform moves the state and, rescaled within its branch, decides on the loss. Most uniforms
leave either state as it is, the others set it whatever it was: so the state is the one that was
set last, which needs no loop.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from wsim.errors import ConditionsError
from wsim.impairments import checks
from wsim.impairments.base import Loss
from wsim.randomness import BoolArray, FloatArray, IntArray


@dataclasses.dataclass(frozen=True)
class _TwoStates(Loss):
    loss_in_good: float = 0.0
    loss_in_bad: float = 1.0

    def __post_init__(self) -> None:
        checks.number(self, "loss_in_good", 0.0, 1.0)
        checks.number(self, "loss_in_bad", 0.0, 1.0)
        if self.loss_in_good >= self.loss_in_bad:
            raise self.refuse("loss_in_good", self.loss_in_good, f"below {self.loss_in_bad:g}")

    def bad_share(self, loss_rate: float) -> float:
        """Return the share of messages that meet the bad state for this overall loss."""
        good, bad = self.loss_in_good, self.loss_in_bad
        share = (loss_rate - good) / (bad - good)
        if not 0.0 <= share < 1.0:
            raise ConditionsError(
                f"loss '{self.kind}': packet_loss_rate={loss_rate:g} is not from loss_in_good"
                f"={good:g} to below loss_in_bad={bad:g}"
            )
        return share

    def check(self, loss_rate: float) -> None:
        """Raise ConditionsError if the chain cannot have this overall loss."""
        self.bad_share(loss_rate)

    def is_off(self, loss_rate: float) -> bool:
        """Return True if neither state ever loses."""
        return loss_rate == 0.0


@dataclasses.dataclass(frozen=True)
class GilbertElliott(_TwoStates):
    """Bursts counted in messages.

    Attributes
    ----------
    mean_burst
        Mean length of a bad spell, in messages; from 1 upwards.
    loss_in_good, loss_in_bad
        Chance of loss in each state (netem's 1 - k and 1 - h).
    """

    kind: ClassVar[str] = "gilbert_elliott"
    units: ClassVar[Mapping[str, str]] = {
        "mean_burst": "messages",
        "loss_in_good": "",
        "loss_in_bad": "",
    }

    mean_burst: float = dataclasses.field(default=5.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.number(self, "mean_burst", 1.0, 1e9)

    def transitions(self, loss_rate: float) -> tuple[float, float]:
        """Return the chances per message (good to bad, bad to good)."""
        share = self.bad_share(loss_rate)
        to_good = 1.0 / self.mean_burst
        to_bad = to_good * share / (1.0 - share)
        if to_bad > 1.0:
            raise ConditionsError(
                f"loss 'gilbert_elliott': mean_burst={self.mean_burst:g} is too short for a loss"
                f" of {loss_rate:g}; use {share / (1.0 - share):.3g} messages or more"
            )
        return to_bad, to_good

    def check(self, loss_rate: float) -> None:
        """Raise ConditionsError if the bursts are too short for this overall loss."""
        self.transitions(loss_rate)

    def start(self, loss_rate: float) -> TwoStateLoss:
        """Return the chain of one connection, in its stationary state."""
        to_bad, to_good = self.transitions(loss_rate)
        return TwoStateLoss(self, self.bad_share(loss_rate), to_bad, to_good, 0.0)


@dataclasses.dataclass(frozen=True)
class GilbertElliottTime(_TwoStates):
    """Bursts that last a time, whatever the rate of messages.

    Attributes
    ----------
    mean_burst_s
        Mean length of a bad spell, in seconds.
    loss_in_good, loss_in_bad
        Chance of loss in each state.
    """

    kind: ClassVar[str] = "gilbert_elliott_time"
    units: ClassVar[Mapping[str, str]] = {
        "mean_burst_s": "s",
        "loss_in_good": "",
        "loss_in_bad": "",
    }

    mean_burst_s: float = dataclasses.field(default=0.2, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.number(self, "mean_burst_s", 0.0, 1e6, above=True)

    def start(self, loss_rate: float) -> TwoStateLoss:
        """Return the process of one connection, in its stationary state."""
        share = self.bad_share(loss_rate)
        decay_per_ns = 1.0 / (self.mean_burst_s * 1e9 * (1.0 - share))
        return TwoStateLoss(self, share, 0.0, 0.0, decay_per_ns)


class TwoStateLoss:
    """The state good (False) or bad (True) of one connection."""

    __slots__ = (
        "_bad", "_bad_loss", "_decay", "_good_loss", "_last_ns", "_plain", "_share", "_to",
        "timeless",
    )  # fmt: skip

    def __init__(
        self, spec: _TwoStates, share: float, to_bad: float, to_good: float, decay_per_ns: float
    ) -> None:
        self._share = share
        self._to = (to_bad, to_good)
        self._decay = decay_per_ns
        self.timeless = decay_per_ns == 0.0
        self._good_loss, self._bad_loss = spec.loss_in_good, spec.loss_in_bad
        self._plain = spec.loss_in_good == 0.0 and spec.loss_in_bad == 1.0
        self._bad = False
        self._last_ns: int | None = None

    def lost(self, numbers: IntArray, times_ns: IntArray, *uniforms: FloatArray) -> BoolArray:
        """Move the state message by message and say who is lost."""
        (u,) = uniforms
        if not len(u):
            return np.zeros(0, np.bool_)
        to_bad, from_bad = self._bounds(times_ns)
        below, above = u < to_bad, u >= from_bad
        before, bad = self._bad, self._states(below, above)
        self._bad = bool(bad[-1])
        self._last_ns = int(times_ns[-1])
        if self._plain:
            return bad
        was_bad = np.concatenate([[before], bad[:-1]])
        rest = _rest(u, to_bad, from_bad, was_bad)
        return np.less(rest, np.where(bad, self._bad_loss, self._good_loss))

    def lost_one(self, number: int, time_ns: int, *uniforms: float) -> bool:
        """Return what :meth:`lost` gives for a block of one, where bursts last a time."""
        (u,) = uniforms
        if self._last_ns is None:  # the first message finds the stationary state
            to_bad = from_bad = self._share
        else:
            moved = -float(np.expm1((time_ns - self._last_ns) * -self._decay))
            to_bad, from_bad = self._share * moved, 1.0 - (1.0 - self._share) * moved
        self._last_ns = time_ns
        was_bad, below, above = self._bad, u < to_bad, u >= from_bad
        if below or above:
            self._bad = bad = not was_bad if below and above else below
        else:
            bad = was_bad
        if self._plain:
            return bad
        edge = from_bad if was_bad else to_bad
        low, width = (edge, 1.0 - edge) if u >= edge else (0.0, edge)
        rest = (u - low) / max(width, 1e-300)
        return rest < (self._bad_loss if bad else self._good_loss)

    def _bounds(self, times_ns: IntArray) -> tuple[FloatArray | float, FloatArray | float]:
        """Return the uniforms below which good turns bad and from which bad turns good."""
        if self._decay == 0.0:
            to_bad, to_good = self._to
            if self._last_ns is not None:
                return to_bad, 1.0 - to_good
            low = np.full(len(times_ns), to_bad)
            high = np.full(len(times_ns), 1.0 - to_good)
        else:
            gaps = np.diff(times_ns, prepend=self._last_ns or 0)
            moved = -np.expm1(gaps * -self._decay)
            low, high = self._share * moved, 1.0 - (1.0 - self._share) * moved
        if self._last_ns is None:  # the first message finds the stationary state
            low[0] = high[0] = self._share
        return low, high

    def _states(self, below: BoolArray, above: BoolArray) -> BoolArray:
        """Return the state after each move: set where only one is True, flipped by both."""
        count = len(below)
        moves = np.flatnonzero(below | above)
        if not len(moves):
            return np.full(count, self._bad)
        values, flips = below[moves], below[moves] & above[moves]
        if flips.any():
            values = self._with_flips(values, flips)
        lengths = np.diff(moves, append=count)
        states = np.empty(count, np.bool_)
        states[: moves[0]] = self._bad
        states[moves[0] :] = np.repeat(values, lengths)
        return states

    def _with_flips(self, values: BoolArray, flips: BoolArray) -> BoolArray:
        """Add the parity of the flips since the state was last set."""
        places = np.where(flips, -1, np.arange(len(values)))
        last = np.maximum.accumulate(places)
        total = np.cumsum(flips)
        base = np.where(last >= 0, values[last], self._bad)
        since: IntArray = total - np.where(last >= 0, total[last], 0)
        return np.asarray(base ^ (since % 2 == 1))


def _rest(
    u: FloatArray, to_bad: FloatArray | float, from_bad: FloatArray | float, was_bad: BoolArray
) -> FloatArray:
    """Return what a uniform still holds once it has chosen a branch, uniform again."""
    edge = np.where(was_bad, from_bad, to_bad)
    upper = u >= edge
    low = np.where(upper, edge, 0.0)
    width = np.where(upper, 1.0 - edge, edge)
    return np.asarray((u - low) / np.maximum(width, 1e-300))
