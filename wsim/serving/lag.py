"""How late the server's loop is: a busy process delays messages beyond what was configured."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Callable

from wsim.conditions import NetworkConditions

_log = logging.getLogger("wsim")
_TICK_S = 0.01
_LEAST_MS = 25.0
"""Not worth a word, whatever the jitter."""
_SAY_AGAIN_S = 10.0


class LagMeter:
    """A ticker that notices when it is called late.

    Parameters
    ----------
    conditions
        Returns the conditions in force: a lag beyond their jitter is worth a warning.

    Attributes
    ----------
    worst_ms
        The largest lag so far.
    """

    def __init__(self, conditions: Callable[[], NetworkConditions]) -> None:
        self._conditions = conditions
        self._recent: deque[float] = deque(maxlen=1000)
        self.worst_ms = 0.0
        self.warnings = 0
        self._said_s = -_SAY_AGAIN_S

    @property
    def p99_ms(self) -> float:
        """The 99th percentile of the last ten seconds, in ms."""
        ordered = sorted(self._recent)
        return ordered[int(0.99 * len(ordered))] if ordered else 0.0

    async def run(self) -> None:
        """Tick for ever."""
        loop = asyncio.get_running_loop()
        while True:
            asked_s = loop.time()
            await asyncio.sleep(_TICK_S)
            self.add((loop.time() - asked_s - _TICK_S) * 1000, loop.time())

    def add(self, lag_ms: float, now_s: float) -> None:
        """Take a measurement, and say so if it is more than the jitter that was asked for."""
        self._recent.append(lag_ms)
        self.worst_ms = max(self.worst_ms, lag_ms)
        jitter_ms = self._conditions().jitter_ms
        if lag_ms <= max(jitter_ms, _LEAST_MS) or now_s - self._said_s < _SAY_AGAIN_S:
            return
        self._said_s = now_s
        self.warnings += 1
        _log.warning(
            "the server's loop was %.0f ms late, more than %s: its process or machine is busy,"
            " and real clients feel it%s",
            lag_ms, _allowed(jitter_ms), _ADVICE if "ipykernel" in sys.modules else "",
        )  # fmt: skip


_ADVICE = "; for exact timing run `wsim serve` in a terminal, beside the notebook"


def _allowed(jitter_ms: float) -> str:
    if jitter_ms > _LEAST_MS:
        return f"the {jitter_ms:g} ms of jitter in force"
    return f"{_LEAST_MS:g} ms"
