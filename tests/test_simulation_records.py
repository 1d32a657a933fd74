"""Records of single messages, and filters."""

from __future__ import annotations

import pytest

from wsim import Traffic, simulate
from wsim.errors import UsageError
from wsim.simulation.records import MessageRecord, records_of, select_rows

FRAME = simulate(
    Traffic.periodic("a", 5, size_bytes=9) + Traffic.periodic("b", 5, size_bytes=9),
    "perfect", duration_s=2, clients=2,
)  # fmt: skip


def test_a_record_is_a_mapping_with_attributes():
    record = MessageRecord({"event_name": "a", "copy": 0})
    assert dict(record) == {"event_name": "a", "copy": 0}
    assert record.copy == 0  # a column, not a method
    assert len(record) == 2
    assert "event_name" in dir(record)
    assert eval(repr(record)) == record
    with pytest.raises(KeyError):
        record["nothing"]
    with pytest.raises(AttributeError, match="did you mean 'event_name'"):
        record.eventname  # noqa: B018


def test_records_carry_the_epoch_time_of_sending():
    (record,) = records_of([{"created_s": 2.5, "event_name": "a"}], 1_000.0)
    assert record.timestamp == 1_002.5


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({}, 40), ({"count": 3}, 3), ({"count": 100}, 40), ({"count": 0}, 0),
        ({"event_name": "a"}, 20), ({"client_id": "client-2", "event_name": "b"}, 10),
        ({"direction": "outbound"}, 0), ({"event_name": "unheard of"}, 0),
        ({"event_name": "a", "count": 5}, 5),
    ],
)  # fmt: skip
def test_filters(filters, count):
    found = select_rows(FRAME, **filters)
    assert len(found) == count
    if count and filters.get("count"):
        assert found["seq"].iloc[-1] >= FRAME["seq"].iloc[-2]  # the last ones


@pytest.mark.parametrize("filters", [{"count": -1}, {"count": 1.5}, {"count": True}])
def test_a_nonsense_count_is_refused(filters):
    with pytest.raises(UsageError, match="count="):
        select_rows(FRAME, **filters)


def test_a_nonsense_direction_is_refused_with_a_suggestion():
    with pytest.raises(UsageError, match="did you mean 'inbound'"):
        select_rows(FRAME, direction="inbund")
