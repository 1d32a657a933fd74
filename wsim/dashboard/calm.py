"""What the whole process does differently while a panel is open, so that its turns stay short.

Two settings of Python are made for programs without a face: a full garbage collection looks at
every object of every imported module, which takes longer than a picture; and a thread that
computes is asked for the interpreter only every 5 ms, each time that another has let go of it,
which drawing a frame does a hundred times. Both are put back when the last panel is closed.
"""

from __future__ import annotations

import gc
import sys

SWITCH_S = 0.0002
_open = 0
_before_s = 0.0
_frozen = False


def enter() -> None:
    """Count a panel; with the first, spare what is loaded from collections, and switch sooner."""
    global _open, _before_s, _frozen
    _open += 1
    if _open > 1:
        return
    _before_s = sys.getswitchinterval()
    sys.setswitchinterval(min(SWITCH_S, _before_s))
    _frozen = gc.isenabled() and not gc.get_freeze_count()
    if _frozen:
        gc.collect()
        gc.freeze()


def settle() -> None:
    """Spare what was loaded since from collections too."""
    if _open and _frozen:
        gc.freeze()


def leave() -> None:
    """Count a panel less; with the last, put everything back."""
    global _open
    _open -= 1
    if _open:
        return
    sys.setswitchinterval(_before_s)
    if _frozen:
        gc.unfreeze()
