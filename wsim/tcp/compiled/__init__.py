"""The TCP model once more, for Numba: whole one-way schedules in machine code.

It does what the readable modules of :mod:`wsim.tcp` do, function by function and to the last
bit, for the plain case: CUBIC, independent loss, a constant delay, no queue and no outages.
``tests/test_tcp_compiled.py`` holds the two together.

Numba comes with the extra ``wsim[fast]``. Compiling takes half a minute, once; the machine
code is kept on disk and used from then on, as long as it is newer than its source.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from wsim.errors import UsageError
from wsim.transport import compiled as loops

_HERE = Path(__file__).parent
_done = False


def compile_tcp() -> None:
    """Compile the model, or load what was compiled before; takes half a minute, or a second.

    Raises
    ------
    UsageError
        If Numba is not installed.
    """
    global _done
    if not loops.available():
        raise UsageError("compile_tcp needs Numba: pip install 'wsim[fast]'")
    if _done:
        return
    if not ready():
        for file in _kept():
            file.unlink()
    from wsim.conditions import NetworkConditions
    from wsim.tcp.compiled.running import carry
    from wsim.tcp.connection import TcpConnection

    plain = NetworkConditions(bandwidth_mbps=None, jitter_ms=0.0)
    paths = TcpConnection(plain, plain).plain_paths("inbound")
    assert paths is not None
    carry(*paths, np.arange(10) * 20_000_000, np.full(10, 100), 10**10)
    _done = True


def ready() -> bool:
    """Return True if the machine code is at hand, here or on disk."""
    if _done:
        return True
    kept = [file.stat().st_mtime for file in _kept() if file.name.startswith("running._carry")]
    newest = max(file.stat().st_mtime for file in _HERE.glob("*.py"))
    return bool(kept) and min(kept) >= newest and loops.available()


def _kept() -> Iterator[Path]:
    return (_HERE / "__pycache__").glob("*.nb[ci]")
