"""Sizes and copies of payloads."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsim.errors import PayloadError
from wsim.payloads import (
    ack_size,
    arguments,
    enriched,
    json_size,
    packet_size,
    payload,
    snapshot,
)

plain = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(max_size=10),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=15,
)  # fmt: skip


@given(plain)
def test_sizes_are_those_of_compact_json(value):
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    assert json_size(value) == (len(text.encode("utf-8", "surrogatepass")), 0, 0)


@pytest.mark.parametrize(
    ("args", "options", "packet"),
    [
        ((), {}, '2["go"]'),
        (({"a": 1},), {}, '2["go",{"a":1}]'),
        ((1, "é"), {"ack_id": 12}, '212["go",1,"é"]'),
        ((1,), {"namespace": "/admin"}, '2/admin,["go",1]'),
    ],
)
def test_the_packet_is_counted_with_its_prefix(args, options, packet):
    assert packet_size("go", args, **options) == len(packet.encode())


def test_attachments_are_counted_in_and_replaced_by_placeholders():
    args = (b"1234", {"x": bytearray(b"12"), "y": [memoryview(b"abc")]})
    text = (
        '53-["cam",{"_placeholder":true,"num":0},{"x":{"_placeholder":true,"num":1},'
        '"y":[{"_placeholder":true,"num":2}]}]'
    )
    assert packet_size("cam", args) == len(text) + 4 + 2 + 3


def test_acknowledgements():
    assert ack_size((True, {"a": 1}), 7) == len('37[true,{"a":1}]')


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("nan"), "NaN"), ([float("-inf")], "NaN"), ({"x": object()}, "builtins.object"),
        (np.float32(1), "numpy.float32"), ({1, 2}, "set"), ([b"x", float("nan")], "NaN"),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_named(value, said):
    with pytest.raises(PayloadError, match=said):
        json_size(value)


def test_numpy_s_double_is_a_float():
    assert json_size(np.float64(1.5)) == (3, 0, 0)


@pytest.mark.parametrize("args", [(), (1,), (1, 2), ({"a": 1},), ((1, 2),), (None,)])
def test_arguments_and_payloads_are_inverse(args):
    if args == (None,):
        assert arguments(payload(args)) == ()  # Socket.IO's null and nothing are told apart there
    else:
        assert arguments(payload(args)) == args


@given(plain)
def test_a_snapshot_is_equal_and_independent(value):
    made = snapshot(value)
    assert made == value
    if isinstance(value, list | dict):
        assert made is not value
    before = copy.deepcopy(made)
    if isinstance(value, list):
        value.append("changed")
    elif isinstance(value, dict):
        value["changed"] = True
    assert made == before


def test_a_snapshot_of_anything_can_be_kept():
    class Odd:
        def __repr__(self):
            return "Odd" * 200

    deep: list = []
    for _ in range(5_000):
        deep = [deep]
    made = snapshot([Odd(), bytearray(b"x"), np.float64(2), (1, [2]), deep])
    assert len(made[0]) == 200
    assert made[1:4] == [b"x", 2.0, (1, [2])]
    assert type(made[2]) is float
    json.dumps(made[4])


def test_enriching_keeps_what_is_there_and_leaves_the_original_alone():
    mine = {"timestamp": "mine"}
    assert enriched(mine, "id", 5.0) == {"timestamp": "mine", "message_id": "id"}
    assert mine == {"timestamp": "mine"}
    assert enriched(({}, 2), "id", 5.0) == ({"timestamp": 5.0, "message_id": "id"}, 2)
    assert enriched("text", "id", 5.0) == "text"
