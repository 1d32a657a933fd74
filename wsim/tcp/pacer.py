"""The timer of a paced sender."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsim.tcp.timers import NEVER

if TYPE_CHECKING:
    from wsim.tcp.state import SenderState


class Pacer:
    """The timer of a paced sender: exact, not counted in ticks."""

    __slots__ = ("due", "on_wire", "sender")

    def __init__(self, sender: SenderState) -> None:
        self.sender = sender
        self.due = self.on_wire = NEVER

    def arm(self, due: int) -> None:
        """Wake the sender at `due`."""
        self.due = due
        if due < self.on_wire:
            self.on_wire = due
            self.sender.wake(self, due)

    def expires(self) -> int:
        """Return when the timer fires."""
        return self.due

    def on_timer(self, now: int) -> None:
        """Send what pacing held back."""
        self.due = NEVER
        self.sender.unpaced(now)
