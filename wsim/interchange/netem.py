"""Reading the options of Linux ``tc ... netem``.

The grammar is that of iproute2's manual page. As in netem, delays without a distribution are
uniform, messages overtake each other unless there is a rate, and percentages and times carry
their units.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wsim.conditions import NetworkConditions
from wsim.errors import ConditionsError, FormatError, nearest
from wsim.impairments.gilbert_elliott import GilbertElliott
from wsim.impairments.markov_loss import MarkovLoss
from wsim.impairments.netem_table import NetemTable
from wsim.interchange.reporting import report

_MS = {"s": 1e3, "sec": 1e3, "secs": 1e3, "ms": 1.0, "msec": 1.0, "msecs": 1.0, "us": 1e-3,
       "usec": 1e-3, "usecs": 1e-3, "ns": 1e-6, "nsec": 1e-6, "nsecs": 1e-6, "": 1e-3}  # fmt: skip
_BITS = {"bit": 1.0, "kbit": 1e3, "mbit": 1e6, "gbit": 1e9, "tbit": 1e12, "bps": 8.0,
         "kbps": 8e3, "mbps": 8e6, "gbps": 8e9, "tbps": 8e12, "kibit": 1024.0,
         "mibit": 1024.0**2, "gibit": 1024.0**3, "": 1.0}  # fmt: skip
_TABLES = ("normal", "pareto", "paretonormal")
_HEADS = ("tc", "qdisc", "add", "change", "replace", "root")


def from_netem(text: str, *, notes: list[str] | None = None) -> NetworkConditions:
    """Return the conditions that a line of netem options asks for, in one direction.

    Parameters
    ----------
    text
        Such as ``delay 100ms 20ms distribution normal loss gemodel 1% 25% rate 2mbit``; what
        comes before the word ``netem`` in a whole ``tc`` command is skipped.
    notes
        A list to which is appended what could not be carried over; by default each is a
        :class:`~wsim.interchange.TranslationWarning`.

    Raises
    ------
    FormatError
        For a word that netem does not know, or a value without sense; names the word, its
        place and the nearest one.

    Examples
    --------
    >>> link = from_netem("delay 100ms 20ms loss gemodel 1% 25% rate 2mbit")
    >>> link.latency_ms, link.loss.mean_burst, link.bandwidth_mbps
    (100.0, 4.0, 2.0)
    """
    reader = _Reader(text)
    while reader.more():
        reader.option()
    reader.finish()
    report(reader.notes, notes)
    try:
        return NetworkConditions.from_dict(reader.values)
    except ConditionsError as error:
        raise FormatError(f"netem: {error}") from None


class _Reader:
    """Goes through the words once; each option takes its own."""

    def __init__(self, text: str) -> None:
        words = text.split()
        start = words.index("netem") + 1 if "netem" in words else 0
        if not start and words and words[0] in _HEADS:
            raise FormatError(f"netem: no word 'netem' in '{text}'")
        self.words = words
        self.place = start
        self.notes: list[str] = []
        self.has_gap = False
        self.values: dict[str, Any] = {
            "latency_ms": 0.0, "jitter_ms": 0.0, "packet_loss_rate": 0.0, "disconnect_rate": 0.0,
            "bandwidth_mbps": None,
        }  # fmt: skip
        self.options: dict[str, Callable[[], None]] = {
            "delay": self.delay, "latency": self.delay, "loss": self.loss, "drop": self.loss,
            "corrupt": self.corrupt, "duplicate": self.duplicate, "reorder": self.reorder,
            "gap": self.gap, "rate": self.rate, "limit": self.limit, "seed": self.seed,
            "slot": self.slot, "distribution": self.distribution, "ecn": self.ecn,
        }  # fmt: skip

    # -- words ---------------------------------------------------------------------------

    def more(self) -> bool:
        return self.place < len(self.words)

    def take(self, what: str) -> str:
        if not self.more():
            raise FormatError(f"netem: ends where {what} should follow '{self.words[-1]}'")
        self.place += 1
        return self.words[self.place - 1]

    def optional(self) -> str | None:
        """Return the next word if it is a value."""
        if self.more() and self.words[self.place][0] in "0123456789.":
            return self.take("a value")
        return None

    def refuse(self, word: str, what: str) -> FormatError:
        return FormatError(f"netem: word {self.place} '{word}' is not {what}")

    def option(self) -> None:
        word = self.take("an option")
        found = self.options.get(word)
        if found is None:
            hint = nearest(word, self.options) or ";"
            raise FormatError(
                f"netem: word {self.place} '{word}' is no option{hint}"
                f" Known: {', '.join(self.options)}"
            )
        found()

    # -- values --------------------------------------------------------------------------

    def share(self, word: str) -> float:
        number, _, rest = word.partition("%")
        try:
            value = float(number) / 100.0 if "%" in word else float(number)
        except ValueError:
            raise self.refuse(word, "a percentage such as 1%") from None
        if rest or not 0.0 <= value <= 1.0:
            raise self.refuse(word, "a percentage from 0% to 100%")
        return value

    def ms(self, word: str) -> float:
        return self.with_unit(word, _MS, "a time such as 100ms")

    def with_unit(self, word: str, units: dict[str, float], what: str) -> float:
        number = word.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
        unit = word[len(number) :].lower()
        try:
            value = float(number) * units[unit]
        except (ValueError, KeyError):
            raise self.refuse(word, f"{what} ({', '.join(filter(None, units))})") from None
        if value < 0.0:
            raise self.refuse(word, what)
        return value

    def whole(self, what: str) -> int:
        word = self.take(what)
        if not word.isdecimal():
            raise self.refuse(word, f"{what}, a whole number")
        return int(word)

    def correlation(self, of: str) -> None:
        """Take a correlation if there is one; netem's own do not do what they say."""
        word = self.optional()
        if word is not None and self.share(word) > 0.0:
            effect = (
                "shows none" if of == "delay" else "changes the rate itself and makes no bursts"
            )
            self.notes.append(
                f"netem's correlation of {of} ({word}) {effect}; taken as independent"
            )

    # -- options -------------------------------------------------------------------------

    def delay(self) -> None:
        self.values["latency_ms"] = self.ms(self.take("a time"))
        jitter = self.optional()
        if jitter is None:
            return
        self.values["jitter_ms"] = self.ms(jitter)
        self.values.setdefault("jitter_model", "uniform")
        self.correlation("delay")

    def distribution(self) -> None:
        word = self.take("the name of a distribution")
        if word == "uniform":
            self.values["jitter_model"] = "uniform"
        elif word in _TABLES:
            self.values["jitter_model"] = NetemTable(word)
        else:
            known = ("uniform", *_TABLES)
            raise self.refuse(
                word,
                f"one of {', '.join(known)}{nearest(word, known)}; read a .dist file with"
                " NetemTable.from_file and give it as jitter_model",
            )

    def loss(self) -> None:
        word = self.take("a percentage, random, state or gemodel")
        if word == "gemodel":
            self.gemodel()
        elif word == "state":
            given = [self.share(self.take("p13"))]
            while len(given) < 5 and (more := self.optional()) is not None:
                given.append(self.share(more))
            names = ("p13", "p31", "p32", "p23", "p14")
            self.values["loss_model"] = self.spec(MarkovLoss, dict(zip(names, given, strict=False)))
        else:
            percent = self.take("a percentage") if word == "random" else word
            self.values["packet_loss_rate"] = self.share(percent)
            self.correlation("loss")

    def gemodel(self) -> None:
        """p, r, 1-h and 1-k: transitions to bad and to good, loss in bad and in good."""
        to_bad = self.share(self.take("p"))
        rest: list[float] = []
        while len(rest) < 3 and (more := self.optional()) is not None:
            rest.append(self.share(more))
        defaults = (1.0 - to_bad, 1.0, 0.0)
        to_good, in_bad, in_good = (*rest, *defaults[len(rest) :])
        if to_good == 0.0:
            raise FormatError("netem: gemodel with r = 0% never leaves the bad state")
        bad = to_bad / (to_bad + to_good)
        self.values["packet_loss_rate"] = bad * in_bad + (1.0 - bad) * in_good
        fields = {"mean_burst": 1.0 / to_good, "loss_in_bad": in_bad, "loss_in_good": in_good}
        self.values["loss_model"] = self.spec(GilbertElliott, fields)

    def spec(self, kind: type, fields: dict[str, float]) -> Any:
        try:
            return kind(**fields)
        except ConditionsError as error:
            raise FormatError(f"netem: word {self.place}: {error}") from None

    def ecn(self) -> None:
        self.notes.append("ecn marks packets instead of dropping them; here they are dropped")

    def corrupt(self) -> None:
        self.values["corrupt_rate"] = self.share(self.take("a percentage"))
        self.values["corrupt_kinds"] = ("bitflip",)
        self.correlation("corruption")

    def duplicate(self) -> None:
        self.values["duplicate_rate"] = self.share(self.take("a percentage"))
        self.correlation("duplication")

    def reorder(self) -> None:
        self.values["reorder_rate"] = self.share(self.take("a percentage"))
        self.values["reorder"] = True
        self.correlation("reordering")

    def gap(self) -> None:
        self.values["reorder_gap"] = self.whole("a distance")
        self.has_gap = True

    def rate(self) -> None:
        word = self.take("a rate")
        bits = self.with_unit(word, _BITS, "a rate such as 2mbit")
        if bits == 0.0:
            raise self.refuse(word, "a rate above zero")
        self.values["bandwidth_mbps"] = bits / 1e6
        overhead = self.optional()
        if overhead is not None:
            if not overhead.isdecimal():
                raise self.refuse(overhead, "an overhead in whole bytes")
            self.values["overhead_bytes"] = int(overhead)
        if self.optional() is not None:
            self.optional()
            self.notes.append("cells of a link layer are not modelled; only the packet overhead is")

    def limit(self) -> None:
        self.values["queue_limit_messages"] = self.whole("a number of packets")
        self.notes.append(
            "netem's limit also counts packets that wait for their delay; here only those that"
            " wait for the rate"
        )

    def seed(self) -> None:
        self.whole("a seed")
        self.notes.append("a seed belongs to the run here, not to the conditions; left out")

    def slot(self) -> None:
        self.notes.append("netem's slots hold packets back and release them together; left out")
        while self.more() and self.words[self.place] not in self.options:
            self.take("a value")
        if self.more() and self.words[self.place] == "distribution":
            self.place += 1
            while self.more() and self.words[self.place] not in self.options:
                self.take("a value")

    def finish(self) -> None:
        """Settle what depends on several options."""
        values = self.values
        if self.has_gap and not values.get("reorder"):
            raise FormatError("netem: 'gap' needs 'reorder PERCENT'")
        if values.get("reorder") and values["latency_ms"] == 0.0:
            raise FormatError("netem: 'reorder' needs 'delay TIME', which the reordered ones skip")
        if "jitter_model" in values and values["bandwidth_mbps"] is None and values["jitter_ms"]:
            values["reorder"] = True
