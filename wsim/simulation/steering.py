"""Changing a simulator's network while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from wsim.conditions import NetworkConditions
from wsim.errors import UsageError
from wsim.profiles import Profile, profile
from wsim.simulation.clients import Endpoint
from wsim.simulation.intake import Intake

if TYPE_CHECKING:  # loaded by those who have one
    from wsim.timeline import Timeline


class Steering(Intake):
    """Base of the simulator: conditions, profiles and the doors that follow them."""

    _endpoints: list[Endpoint]

    @property
    def network_conditions(self) -> NetworkConditions:
        """The conditions in force."""
        return self._net.conditions

    conditions = network_conditions

    def set_network_conditions(
        self, conditions: Mapping[str, Any] | NetworkConditions
    ) -> NetworkConditions:
        """Change some conditions, or all; messages in flight stay in flight.

        Raises
        ------
        ConditionsError
            For a name or value that is not allowed; then nothing changes.
        """
        if isinstance(conditions, NetworkConditions):
            changed = conditions
        elif isinstance(conditions, Mapping):
            changed = self._net.conditions.replace(**{str(k): v for k, v in conditions.items()})
        else:
            raise UsageError(f"{conditions!r} are no conditions; give {{'latency_ms': 200}}")
        self._check(changed)
        self._do(lambda: self._change(changed))
        return changed

    def set_profile(self, value: Any) -> Profile:
        """Put a profile in force, by name or as such; its time scale is for live use."""
        found = profile(value)
        self._check(found.conditions, found.name)

        def change() -> None:
            self.recorder.profile = found.name
            self._set_time_scale(found.time_scale)
            self._change(found.conditions)

        self._do(change)
        return found

    def _check(self, conditions: NetworkConditions, name: str = "") -> None:
        """Let the doors refuse what real clients would not survive, before anything changes."""
        for endpoint in self._endpoints:
            endpoint.check_conditions(conditions, name)

    def _change(self, conditions: NetworkConditions) -> None:
        now_ns = self._now_ns()
        self._net.change(now_ns, conditions)
        self.recorder.note_change(now_ns, conditions.to_dict(), self.recorder.profile)
        for endpoint in self._endpoints:
            endpoint.conditions_changed()

    async def play(self, timeline: Timeline) -> None:
        """Change the network as a timeline says; returns after the last change.

        Its seconds count from the start of the run, and its labels are recorded as profiles;
        changes that should have happened already happen at once.
        """
        self._enter()
        begin = Profile(self.recorder.profile or "custom", self._net.conditions)
        for change in timeline.changes(begin):
            await self._until(change.at_ns)
            self._check(change.conditions, change.label)
            self.recorder.profile = change.label
            self._change(change.conditions)

    def add_endpoint(self, endpoint: Endpoint) -> Callable[[], None]:
        """Let a door to real clients know of changes; call what is returned to end that."""
        self._endpoints.append(endpoint)
        return lambda: self._endpoints.remove(endpoint)

    def account(self, direction: str, fate: str, latency_ns: int = 0) -> None:
        """Count a message of a real client, whose door has written its row."""
        self._net.account(direction, fate, latency_ns)
