"""How long the sender of a message that went nowhere waits before he is told."""

from __future__ import annotations

from wsim.conditions import NetworkConditions
from wsim.simulation.clients import Message
from wsim.transport.session import NEVER

_LOST = ("loss", "disconnected")
_LEAST_NS = {"not_connected": 1_000_000, "outage": 1_000_000, "queue_full": 1_000_000}
"""What a drop that passes with time takes at least: who tries again must see time pass."""


def known_ns(message: Message, cause: str, conditions: NetworkConditions, now_ns: int) -> int:
    """Return when whoever waits for a dropped message learns of it, in ns of the run.

    A message that was lost, or sent while the client was offline, takes as long as one that
    arrives. Where the client will not be back, waiting for better times would never end: that
    is known at once.
    """
    there = conditions.for_direction(message.direction)
    crossing_ns = round(there.latency_ms * 1e6)
    if cause in _LOST and there.enabled:
        return message.created_ns + crossing_ns
    least_ns = _LEAST_NS.get(cause, 0)
    if cause == "not_connected":
        back_ns = message.client.link.session.back_ns(now_ns)
        if back_ns is not None and back_ns >= NEVER:
            return now_ns
        least_ns = max(least_ns, crossing_ns)
    return message.created_ns + least_ns


def give_up(message: Message) -> None:
    """End the wait for an answer whose time is up."""
    if message.future is not None and not message.future.done():
        message.future.set_exception(
            TimeoutError(f"call '{message.event}' of '{message.client.id}': no answer came in time")
        )
