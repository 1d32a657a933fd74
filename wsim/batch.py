"""Whole runs at once: the same fates as the live simulator for the same seed, without a loop."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wsim.conditions import NetworkConditions
from wsim.damage import arrive_damaged
from wsim.errors import UsageError
from wsim.history import History
from wsim.identifiers import message_ids
from wsim.link import Changes, Link, Schedule
from wsim.messages import Registry
from wsim.profiles import Profile, profile
from wsim.randomness import IntArray, checked_seed
from wsim.schema import CAUSES, DIRECTIONS, FATES, PARTS
from wsim.tcp import SaturationWarning, saturated
from wsim.timeline import Change, Timeline
from wsim.traffic import Layout, Traffic
from wsim.transit import CAUSE_CODES, FATE_CODES, Transits

if TYPE_CHECKING:
    import pandas as pd

_DELIVERED, _DROPPED = FATE_CODES["delivered"], FATE_CODES["dropped"]
_REFUSED, _IN_FLIGHT = FATE_CODES["refused"], FATE_CODES["in_flight"]


class _Rows(NamedTuple):
    """Rows as arrays: codes of the schema's names, and places in the layout."""

    created: IntArray
    delivered: IntArray
    parts: IntArray
    fates: IntArray
    causes: IntArray
    copies: IntArray
    places: IntArray
    outbound: IntArray
    clients: IntArray
    sessions: IntArray
    decided: IntArray


def simulate(
    traffic: Traffic,
    conditions_or_profile: NetworkConditions | Profile | str | dict[str, Any],
    *,
    duration_s: float | None = None,
    seed: int = 0,
    clients: int = 1,
    timeline: Timeline | None = None,
    progress: Callable[[float], object] | None = None,
    run: str = "run-1",
) -> pd.DataFrame:
    """Send traffic through a network and return the history.

    Parameters
    ----------
    traffic
        What is sent; every client sends all of it, unless it was recorded.
    conditions_or_profile
        Of the network: conditions, a profile or its name.
    duration_s
        Seconds of sending; messages under way at the end still arrive. Recorded traffic may
        leave it out.
    seed
        Of all random streams.
    clients
        How many clients there are, each with a link of its own.
    timeline
        Changes of the conditions.
    progress
        Called with the share that is done, from 0 to 1.
    run
        Name of the run.

    Returns
    -------
    A frame of the history schema, all rows of it, with the notes of the run in ``attrs``.

    Raises
    ------
    UsageError, ConditionsError, UnknownNameError
        For arguments that are not allowed.

    Examples
    --------
    >>> drive = Traffic.periodic("driveCommands", 20, size_bytes=60)
    >>> frame = simulate(drive, "stressed", duration_s=30, seed=1)
    >>> len(frame), bool(frame["dropped"].any())
    (600, True)
    """
    network = profile(conditions_or_profile)
    _check_arguments(traffic, timeline, seed)
    if duration_s is None:
        if traffic.sources or not traffic.recorded:
            raise UsageError("duration_s is missing: these messages would be sent for ever")
        duration_s = traffic.duration_s + 1e-9
    layout = traffic.layout(duration_s, seed=seed)
    names = layout.client_names if layout.clients is not None else _names(clients)
    _warn_of_saturation(network.conditions, layout, duration_s)
    about: dict[str, Any] = {"seed": seed, "duration_s": duration_s}
    about["conditions"] = network.conditions.to_dict()
    history = History(None, run=run, profile=network.name, about=about)
    changes = [] if timeline is None else timeline.changes(network, duration_s)
    job = _Job(layout, names, network.conditions, seed, changes, history)
    parts = []
    for index in range(len(names)):
        parts.append(job.client(index))
        if progress is not None:
            progress((index + 1) / len(names))
    job.record(parts)
    return history.frame


def _check_arguments(traffic: object, timeline: object, seed: object) -> None:
    if not isinstance(traffic, Traffic):
        raise UsageError(
            f"traffic={traffic!r} is no Traffic; make it with Traffic.periodic('driveCommands',"
            " 20, size_bytes=60) or Traffic.from_history(frame)"
        )
    if timeline is not None and not isinstance(timeline, Timeline):
        raise UsageError(f"timeline={timeline!r} is no Timeline, and not None")
    checked_seed(seed)


def _warn_of_saturation(conditions: NetworkConditions, layout: Layout, duration_s: float) -> None:
    """Warn if a client sends more than TCP can carry, one way or the other."""
    per_client = 1 if layout.clients is None else max(len(layout.client_names), 1)
    for side, direction in enumerate(DIRECTIONS):
        sent = float(layout.sizes[layout.outbound == bool(side)].sum()) / per_client
        text = saturated(conditions.for_direction(direction), sent / max(duration_s, 1.0))
        if text is not None:
            warnings.warn(f"{direction}: {text}", SaturationWarning, stacklevel=3)


def _names(clients: Any) -> tuple[str, ...]:
    if isinstance(clients, bool) or not isinstance(clients, int) or clients < 1:
        raise UsageError(f"clients={clients!r} is not a whole number from 1")
    return tuple(f"client-{number + 1}" for number in range(clients))


class _Job:
    """One run: sends client by client, and gathers the rows."""

    def __init__(
        self,
        layout: Layout,
        names: tuple[str, ...],
        conditions: NetworkConditions,
        seed: int,
        changes: Sequence[Change],
        history: History,
    ) -> None:
        self.layout, self.names, self.conditions, self.seed = layout, names, conditions, seed
        self.changes, self.history = changes, history
        self.registry = Registry()

    def client(self, index: int) -> _Rows:
        """Send what one client and the server send each other."""
        layout = self.layout
        link = Link(self.conditions, seed=self.seed, client=index)
        mine = np.arange(len(layout))
        if layout.clients is not None:
            mine = mine[layout.clients == index]
        ways = (mine[~layout.outbound[mine]], mine[layout.outbound[mine]])
        plan: Changes = [(change.at_ns, change.conditions) for change in self.changes]
        fates = link.send_many(self._schedule(ways[0]), self._schedule(ways[1]), plan)
        back = self._note_sessions(index, link, fates)
        pairs = zip(ways, fates, strict=True)
        rows = [self._rows(index, *pair, side, back) for side, pair in enumerate(pairs)]
        return _Rows(*(np.concatenate(columns) for columns in zip(*rows, strict=True)))

    def _schedule(self, places: IntArray) -> Schedule:
        names = np.array(self.layout.event_names, object)
        events = names[self.layout.events[places]].tolist() if len(places) else []
        return Schedule(self.layout.times_ns[places], self.layout.sizes[places], events)

    def _note_sessions(self, index: int, link: Link, fates: tuple[Transits, ...]) -> IntArray:
        """Note what befell the connection; return when the client came back, in ns."""
        name, end_ns = self.names[index], 0
        for transits in fates:
            if len(transits):
                end_ns = max(end_ns, int(transits.sent_ns[-1]), int(transits.delivered_ns.max()))
        self.history.note_connection(0, name, "connected", 1, "")
        back = []
        for event in link.session.events(end_ns):
            state = "connected" if event.kind == "reconnected" else "reconnecting"
            self.history.note_connection(event.at_ns, name, state, event.number, event.cause)
            if event.kind == "reconnected":
                back.append(event.at_ns)
        return np.array(back, np.int64)

    def _rows(
        self, index: int, places: IntArray, transits: Transits, side: int, back: IntArray
    ) -> _Rows:
        """Make rows of the fates of one direction, copies behind the rest."""
        copies = transits.copies
        mine = np.array([copy.number - transits.first for copy in copies], np.int64)
        delivered = np.array([_or_never(copy.delivered_ns) for copy in copies], np.int64)
        parts = np.array([copy.parts for copy in copies], np.int64).reshape(-1, len(PARTS))
        which = np.concatenate([np.arange(len(transits)), mine])
        rows = _Rows(
            created=transits.sent_ns[which],
            delivered=np.concatenate([transits.delivered_ns, delivered]),
            parts=np.concatenate([transits.parts, parts]),
            fates=np.full(len(which), _DELIVERED),
            causes=np.concatenate(
                [transits.causes, [CAUSE_CODES[copy.cause] for copy in copies]]
            ).astype(np.int64),
            copies=np.concatenate(
                [np.zeros(len(transits), np.int64), [copy.copy for copy in copies]]
            ).astype(np.int64),
            places=places[which],
            outbound=np.full(len(which), side),
            clients=np.full(len(which), index),
            sessions=1 + np.searchsorted(back, transits.sent_ns[which], side="right"),
            decided=np.maximum(
                transits.sent_ns[which], np.concatenate([transits.delivered_ns, delivered])
            ),
        )
        undelivered = rows.delivered < 0
        rows.fates[undelivered] = np.where(rows.causes[undelivered] > 0, _DROPPED, _IN_FLIGHT)
        damage = {number - transits.first: u for number, u in transits.corruptions.items()}
        for place, copy in enumerate(copies, len(transits)):
            if copy.corruption is not None:
                damage[place] = copy.corruption
        self._inspect(rows, damage)
        return rows

    def _inspect(self, rows: _Rows, damage: dict[int, float]) -> None:
        """Turn away what is not allowed, and do the damage the channel ordered."""
        inbound = not rows.outbound.any()
        if inbound and self.layout.data is not None:
            for row in np.flatnonzero(rows.fates == _DELIVERED).tolist():
                event, data = self._message(rows, row)
                if row not in damage and self.registry.measure(event, data)[1]:
                    rows.fates[row], rows.causes[row] = _REFUSED, CAUSE_CODES["validation"]
        for row, u in damage.items():
            event, data = self._message(rows, row)
            conditions = self._conditions_at(int(rows.delivered[row]))
            direction = DIRECTIONS[int(rows.outbound[row])]
            kinds = conditions.for_direction(direction).corrupt_kinds
            arrival = arrive_damaged(event, data, u, kinds, self.registry if inbound else None)
            rows.fates[row] = FATE_CODES[arrival.fate]
            rows.causes[row] = CAUSE_CODES[arrival.cause]
            if rows.fates[row] == _DROPPED:
                rows.delivered[row] = -1
                rows.parts[row] = 0

    def _message(self, rows: _Rows, row: int) -> tuple[str, Any]:
        place = rows.places[row]
        data = self.layout.data
        event = self.layout.event_names[self.layout.events[place]]
        return event, None if data is None else data[place]

    def _conditions_at(self, now_ns: int) -> NetworkConditions:
        now = self.conditions
        for change in self.changes:
            if change.at_ns <= now_ns:
                now = change.conditions
        return now

    def record(self, parts: list[_Rows]) -> None:
        """Write all rows in order of decision, under the profile in force then."""
        if not parts:
            return
        layout, history = self.layout, self.history
        rows = _Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
        first = np.flatnonzero(rows.copies == 0)
        sending = first[np.lexsort((rows.outbound[first], rows.created[first]))]
        numbers = np.empty((len(self.names), len(layout)), np.int64)
        numbers[rows.clients[sending], rows.places[sending]] = np.arange(len(sending))
        ids = message_ids(self.seed, 0, len(sending))
        order = np.argsort(rows.decided, kind="stable")
        rows = _Rows(*(column[order] for column in rows))
        edges = np.searchsorted(rows.decided, [change.at_ns for change in self.changes])
        for start, stop, change in zip(
            [0, *edges], [*edges, len(order)], [None, *self.changes], strict=True
        ):
            if change is not None:
                history.profile = change.label
                history.note_change(change.at_ns, change.conditions.to_dict(), change.label)
            chunk = _Rows(*(column[start:stop] for column in rows))
            self._append(chunk, ids[numbers[chunk.clients, chunk.places]])

    def _append(self, rows: _Rows, ids: Any) -> None:
        layout = self.layout
        self.history.append_many(
            rows.created,
            rows.created + rows.parts[:, 0],
            rows.delivered,
            direction=(rows.outbound, DIRECTIONS),
            event_name=(layout.events[rows.places], layout.event_names),
            client_id=(rows.clients, self.names),
            session=rows.sessions,
            fate=(rows.fates, FATES),
            cause=(rows.causes, CAUSES),
            copy=rows.copies,
            size_bytes=layout.sizes[rows.places],
            message_id=ids,
            parts=rows.parts,
            data=None if layout.data is None else layout.data[rows.places],
        )


def _or_never(delivered_ns: int | None) -> int:
    return -1 if delivered_ns is None else delivered_ns
