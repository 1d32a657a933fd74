"""The history: rows in, frames out, bounded, cheap and never changing under a reader."""

from __future__ import annotations

import doctest
import gc
import threading

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wsim.history
import wsim.identifiers
from wsim.errors import UnknownNameError, UsageError
from wsim.history import History
from wsim.identifiers import message_id, message_ids
from wsim.schema import COLUMNS, PARTS
from wsim.store.notes import MAX_CONNECTIONS
from wsim.store.recording import BLOCK_ROWS

MS = 1_000_000
WHOLE = (0, 1 * MS, 2 * MS, 50 * MS, -3 * MS, 0, 0, 0)


def fill(history: History, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        history.append(number * MS, number * MS, (number + 50) * MS, data=number)


def test_a_row_reads_back_in_the_units_of_the_schema() -> None:
    history = History(run="r", profile="stressed")
    seq = history.append(
        1 * MS, 3 * MS, 51 * MS, "outbound", "systemStatus", "client-1", 2, "delivered", "", 1,
        128, "id-0", "/rover", 7, 90 * MS, 200_000, WHOLE, {"battery": 95.0},
    )  # fmt: skip
    row = history.rows()[0]
    assert seq == 0
    assert row["created_s"] == 0.001
    assert row["sent_s"] == 0.003
    assert row["delivered_s"] == 0.051
    assert row["latency_ms"] == 50.0
    assert row["round_trip_ms"] == 90.0
    assert row["lateness_ms"] == pytest.approx(0.2)
    assert sum(row[part] for part in PARTS) == row["latency_ms"]
    assert [row[name] for name in ("direction", "event_name", "client_id", "namespace")] == [
        "outbound", "systemStatus", "client-1", "/rover",
    ]  # fmt: skip
    assert [row[name] for name in ("session", "copy", "size_bytes", "ack_id")] == [2, 1, 128, 7]
    assert (row["profile"], row["run"], row["message_id"]) == ("stressed", "r", "id-0")
    assert row["data"] == {"battery": 95.0}


def test_what_is_missing_is_nan() -> None:
    history = History()
    history.append(0, 0, -1, fate="dropped", cause="loss")
    frame = history.frame
    missing = ["delivered_s", "latency_ms", "round_trip_ms", "lateness_ms", *PARTS]
    assert frame[missing].isna().all(axis=None)
    assert bool(frame["dropped"][0])
    assert frame["ack_id"][0] == -1
    assert history.rows()[0]["latency_ms"] is None


@pytest.mark.parametrize("rows", [0, 1, BLOCK_ROWS + 1])
def test_the_frame_has_the_columns_and_dtypes_of_the_schema(rows: int) -> None:
    history = History(None)
    fill(history, rows)
    frame = history.frame
    assert list(frame.columns) == [column.name for column in COLUMNS]
    for column in COLUMNS:
        expected = "object" if column.dtype == "str" else column.dtype
        assert frame[column.name].dtype == expected, column.name
    assert len(frame) == rows
    assert list(frame.index) == list(range(rows))


def test_the_ring_keeps_the_newest_and_counts_exactly() -> None:
    history = History(max_rows=100)
    for step in range(7):
        fill(history, 37, start=37 * step)
        assert history.recorded == 37 * (step + 1)
        assert history.evicted == max(0, history.recorded - 100)
        assert len(history) == len(history.frame) == min(history.recorded, 100)
        assert history.frame["seq"].iloc[-1] == history.recorded - 1
        assert list(history.frame["data"]) == list(history.frame["seq"])


def test_the_bound_changes_while_running() -> None:
    history = History(max_rows=10)
    fill(history, 50)
    history.max_rows = 20
    assert len(history) == 10
    fill(history, 50, start=50)
    assert len(history.frame) == 20
    history.max_rows = 3
    assert list(history.frame["seq"]) == [97, 98, 99]
    assert history.evicted == 97
    history.max_rows = 0
    assert history.frame.empty
    history.max_rows = None
    fill(history, 5)
    assert len(history) == 5


@pytest.mark.parametrize("bound", [-1, 1.5, "10", True])
def test_a_nonsense_bound_is_refused(bound: object) -> None:
    with pytest.raises(UsageError, match="max_rows"):
        History(max_rows=bound)  # type: ignore[arg-type]


def test_an_evicted_payload_is_let_go() -> None:
    class Payload:
        alive = 0

        def __init__(self) -> None:
            Payload.alive += 1

        def __del__(self) -> None:
            Payload.alive -= 1

    history = History(max_rows=50)
    for _ in range(2000):
        history.append(0, 0, data=Payload())
        if len(history) == 50:
            history.frame  # noqa: B018 - reading is the point
    assert Payload.alive < 5000 - 50
    assert Payload.alive <= 50 + 1024 + 64


def test_a_frame_never_changes() -> None:
    history = History(max_rows=500)
    fill(history, 300)
    seq = history.append(0, 0, 50 * MS)
    first = history.frame
    before = first.copy(deep=True)
    history.set_round_trip(seq, 5 * MS)
    fill(history, 5000)
    history.profile = "mars"
    history.append(0, 0, -1, "outbound", "other", "c", 3, "dropped", "loss", 1)
    assert history.frame["profile"].iloc[-1] == "mars"
    pd.testing.assert_frame_equal(first, before)


def test_what_is_done_to_a_frame_does_not_reach_the_history() -> None:
    history = History()
    fill(history, 10)
    frame = history.frame
    frame["extra"] = 1
    assert "extra" not in history.frame.columns
    try:
        frame.loc[0, "created_s"] = 99.0
    except ValueError:
        assert pd.__version__.startswith("2.")  # read-only without copy-on-write
    assert history.frame["created_s"][0] == 0.0


def test_round_trips_reach_rows_old_and_new() -> None:
    history = History(None)
    fill(history, BLOCK_ROWS + 10)
    history.set_round_trip(3, 7 * MS)
    history.frame  # noqa: B018 - reading moves the rows
    history.set_round_trip(4, 8 * MS)
    fill(history, 10)
    history.set_round_trip(BLOCK_ROWS + 15, 9 * MS)
    values = history.frame["round_trip_ms"]
    assert [values[3], values[4], values[BLOCK_ROWS + 15]] == [7.0, 8.0, 9.0]
    assert values.notna().sum() == 3
    with pytest.raises(UsageError, match="no row"):
        history.set_round_trip(10**6, 1)


def test_clearing_keeps_the_counters() -> None:
    history = History(max_rows=10)
    fill(history, 25)
    history.note_change(0, {}, "x")
    history.clear()
    assert (len(history), history.recorded, history.evicted) == (0, 25, 15)
    assert history.frame.attrs["wsim"]["run-1"]["changes"] == []
    fill(history, 12)
    assert list(history.frame["seq"]) == list(range(27, 37))
    assert history.evicted == 17


def test_notes_are_kept_beside_the_rows() -> None:
    history = History(about={"seed": 3, "started_at": 1.5}, profile="default")
    history.note_change(2_000 * MS, {"latency_ms": 200.0}, "stressed")
    history.note_connection(3_000 * MS, "client-1", "disconnected", 1, "outage")
    history.append(0, 0, 4_000 * MS)
    notes = history.frame.attrs["wsim"]["run-1"]
    assert notes["seed"] == 3
    assert notes["started_at"] == 1.5
    assert notes["duration_s"] == 4.0
    assert notes["changes"] == [
        {"at_s": 2.0, "profile": "stressed", "conditions": {"latency_ms": 200.0}}
    ]
    assert notes["connections"][0]["cause"] == "outage"
    assert notes["max_history"] == 10_000


def test_many_names_widen_the_codes() -> None:
    history = History(None)
    for number in range(300):
        history.append(0, 0, client_id=f"client-{number}")
        if number in (1, 126, 127, 128, 200):
            assert history.frame["client_id"].iloc[-1] == f"client-{number}"
    assert list(history.frame["client_id"]) == [f"client-{number}" for number in range(300)]


def test_a_flood_of_names_is_bounded() -> None:
    history = History(None)
    for number in range(300):
        history.append(0, 0, namespace=f"/{number}")
    names = history.frame["namespace"]
    assert names[10] == "/10"
    assert set(names[252:]) == {"(other)"}


def test_wrong_values_are_named_and_leave_no_row() -> None:
    history = History()
    with pytest.raises(UnknownNameError, match="did you mean 'dropped'"):
        history.append(0, 0, fate="droped")
    with pytest.raises(UsageError, match="nanoseconds"):
        history.append(0.5, 0)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="eight"):
        history.append(0, 0, parts=(1, 2))
    assert len(history) == 0
    assert history.frame.empty


def test_numbers_beyond_their_field_are_recorded_at_its_end() -> None:
    history = History()
    history.append(0, 0, ack_id=2**60, copy=1000, size_bytes=2**40)
    row = history.rows()[0]
    assert (row["ack_id"], row["copy"], row["size_bytes"]) == (2**31 - 1, 255, 2**32 - 1)


def test_listeners_hear_rows_and_notes() -> None:
    history = History(profile="p")
    rows: list[tuple[object, ...]] = []
    notes: list[tuple[str, dict[str, object]]] = []
    history.listeners.append(rows.append)
    history.note_listeners.append(lambda kind, note: notes.append((kind, note)))
    seq = history.append(1, 2, 3, message_id="m", data="d")
    history.set_round_trip(seq, 5 * MS)
    history.note_change(0, {}, "q")
    assert rows[0][:4] == (0, 1, 2, 3)
    assert rows[0][-2:] == ("d", "p")
    assert [kind for kind, _ in notes] == ["round_trip", "change"]


def test_a_batch_equals_its_rows_appended_one_by_one() -> None:
    one, many = History(None), History(None)
    one.append(0, 0, 5, data="before")
    many.append(0, 0, 5, data="before")
    for n in range(5):
        delivered, fate, cause = (n + 7, "delivered", "") if n % 2 else (-1, "dropped", "loss")
        one.append(
            n, n, delivered, "inbound", f"e{n % 2}", "c", 1, fate, cause, 0, 10 * n,
            message_id(1, n), "/", -1, -1, -1, WHOLE, n,
        )  # fmt: skip
    odd = np.arange(5) % 2
    many.append_many(
        np.arange(5), np.arange(5), np.where(odd, np.arange(5) + 7, -1),
        event_name=(odd, ["e0", "e1"]), client_id="c", fate=(odd, ["dropped", "delivered"]),
        cause=["" if o else "loss" for o in odd], size_bytes=10 * np.arange(5),
        message_id=message_ids(1, 0, 5), parts=np.tile(WHOLE, (5, 1)), data=range(5),
    )  # fmt: skip
    one.append(1, 1, 5, data=[1, 2])
    many.append(1, 1, 5, data=[1, 2])
    pd.testing.assert_frame_equal(one.frame, many.frame)
    assert many.append_many([], [], []) == 0


def test_a_batch_respects_the_bound() -> None:
    history = History(max_rows=10)
    history.append_many(np.arange(25), np.arange(25), np.arange(25))
    assert len(history.frame) == 10
    assert history.evicted == 15
    with pytest.raises(UnknownNameError, match="fate 'lost'"):
        history.append_many([1], [1], [1], fate="lost")


def test_identifiers_alone_and_together_agree() -> None:
    numbers = [0, 1, 255, 10**6]
    assert [message_ids(9, n, 1)[0] for n in numbers] == [message_id(9, n) for n in numbers]
    assert len(set(message_ids(1, 0, 1000))) == 1000


def test_readers_in_other_threads_see_whole_rows() -> None:
    history = History(max_rows=3000)
    stop = threading.Event()
    wrong: list[str] = []

    def read() -> None:
        while not stop.is_set():
            frame = history.frame
            if len(frame) > 3000 or not (frame["data"] == frame["seq"]).all():
                wrong.append(str(frame.head()))
            if len(frame) and not (np.diff(frame["seq"]) == 1).all():
                wrong.append("gap")

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    fill(history, 20_000)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert history.frame["seq"].iloc[-1] == 19_999


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.integers(1, 90)),
            st.tuples(st.just("bound"), st.one_of(st.none(), st.integers(0, 120))),
            st.tuples(st.just("read"), st.just(0)),
            st.tuples(st.just("clear"), st.just(0)),
            st.tuples(st.just("batch"), st.integers(0, 200)),
        ),
        max_size=12,
    )
)
def test_the_history_agrees_with_a_plain_list(steps: list[tuple[str, int | None]]) -> None:
    history = History(max_rows=60)
    kept: list[int] = []
    bound: int | None = 60
    evicted = total = 0
    for what, value in steps:
        if what == "append":
            for _ in range(value or 0):
                history.append(total, total, data=total)
                kept.append(total)
                total += 1
        elif what == "batch":
            rows = np.arange(total, total + (value or 0))
            history.append_many(rows, rows, rows, data=rows.tolist())
            kept.extend(rows.tolist())
            total += len(rows)
        elif what == "bound":
            history.max_rows = bound = value
        elif what == "clear":
            history.clear()
            kept = []
        else:
            assert list(history.frame["data"]) == kept
        if bound is not None and len(kept) > bound:
            evicted += len(kept) - bound
            kept = kept[len(kept) - bound :]
        assert (len(history), history.recorded, history.evicted) == (len(kept), total, evicted)
    assert list(history.frame["seq"]) == kept
    assert list(history.frame["data"]) == kept


def test_notes_are_not_copied_with_every_selection() -> None:
    history = History()
    fill(history, 5)
    for number in range(1000):
        history.note_connection(number, "c", "connected")
    frame = history.frame
    notes = frame.attrs["wsim"]["run-1"]
    assert frame[frame["seq"] > 2].attrs["wsim"]["run-1"] is notes
    history.note_connection(0, "late", "connected")
    assert len(notes["connections"]) == 1000


def test_the_examples_in_the_documentation_hold() -> None:
    for module in (wsim.history, wsim.identifiers):
        assert doctest.testmod(module).failed == 0


def test_a_flood_of_connections_is_bounded() -> None:
    history = History()
    for number in range(MAX_CONNECTIONS + 5):
        history.note_connection(number * MS, f"c{number}", "connected")
    notes = history.notes()
    kept, forgotten = notes["connections"], notes["connections_forgotten"]
    assert len(kept) + forgotten == MAX_CONNECTIONS + 5
    assert kept[-1]["client_id"] == f"c{MAX_CONNECTIONS + 4}"


def test_rows_are_out_of_the_collectors_sight() -> None:
    history = History(None)
    gc.collect()
    before = len(gc.get_objects())
    for number in range(3 * BLOCK_ROWS):
        history.append(number, number, message_id=f"id-{number}", data="text")
    gc.collect()
    assert len(gc.get_objects()) - before < 100
