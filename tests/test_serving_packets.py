"""Engine.IO and Socket.IO packets: told apart, held together, split and joined."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsim.payloads import ack_size, packet_size
from wsim.serving.packets import (
    Assembler,
    PacketError,
    encode_event,
    join_body,
    message,
    split_body,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
CARRIED = st.recursive(
    st.none() | st.integers(-99, 99) | st.text(max_size=5) | st.binary(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(min_size=1, max_size=4).filter(lambda k: k[0] != "_"), inner)
    ),
    max_leaves=6,
)
NAMESPACES = st.sampled_from(["/", "/admin", "/rover one"])


def feed(*frames, **bounds):
    assembler = Assembler(**bounds)
    return [unit for frame in frames for unit in assembler.feed(frame)]


@given(st.text(min_size=1), st.lists(CARRIED, max_size=3), NAMESPACES, st.integers(-1, 10**6))
def test_an_event_survives_encoding_and_reading(event, args, namespace, ack_id):
    frames = encode_event(event, args, namespace=namespace, ack_id=ack_id)
    assembler = Assembler(max_attachments=100)
    units = [unit for frame in frames for unit in assembler.feed(frame)]
    assert len(units) == 1
    unit = units[0]
    assert (unit.kind, unit.event, unit.namespace) == ("event", event, namespace)
    assert unit.ack_id == ack_id
    assert unit.args == args
    assert unit.frames == frames


@given(st.text(min_size=1, max_size=9), st.lists(CARRIED, max_size=2), NAMESPACES)
def test_the_size_is_that_of_the_packet_in_process(event, args, namespace):
    frames = encode_event(event, args, namespace=namespace)
    units = feed(*frames, max_attachments=100)
    assert units[0].size == packet_size(event, tuple(args), namespace=namespace)


def test_the_size_of_an_acknowledgement():
    assert message('4313["ok"]').size == ack_size(("ok",), 13)


@pytest.mark.parametrize(
    ("frame", "name"),
    [
        ('0{"sid":"x"}', "open"),
        ("1", "close"),
        ("2", "ping"),
        ("2probe", "ping"),
        ("3probe", "pong"),
        ("5", "upgrade"),
        ("6", "noop"),
        ('40{"token":"x"}', "CONNECT"),
        ("40/admin,", "CONNECT"),
        ("41", "DISCONNECT"),
        ('44{"message":"no"}', "CONNECT_ERROR"),
    ],
)
def test_control_packets(frame, name):
    (unit,) = feed(frame)
    assert (unit.kind, unit.name, unit.frames) == ("control", name, (frame,))
    assert unit.event == ""


def test_namespace_of_a_control_packet():
    assert feed("41/admin,")[0].namespace == "/admin"


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        ('42["a b",1]', "a b"),
        ('42["say \\"x\\""]', 'say "x"'),
        ("42[7]", ""),
        ("42{", ""),
        ("42", ""),
        ('42/n,17["x"]', "x"),
    ],
)
def test_event_names(frame, event):
    (unit,) = feed(frame)
    assert unit.kind == "event"
    assert unit.event == event


def test_a_lone_surrogate_is_escaped():
    (frame,) = encode_event("e", ["\ud800"])
    assert frame.isascii()
    assert feed(frame)[0].args == ["\ud800"]


def test_text_that_is_no_socket_io_packet_is_a_raw_message():
    assert feed("4hello")[0].kind == "raw"
    assert feed(b"\x00\x01")[0].kind == "raw"


def test_attachments_make_one_unit_and_heartbeats_pass_in_between():
    assembler = Assembler()
    head = '452-["pic",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]'
    assert assembler.feed(head) == []
    assert assembler.feed(b"one") == []
    assert [unit.name for unit in assembler.feed("2")] == ["ping"]
    (unit,) = assembler.feed(b"three")
    assert unit.args == [b"three", b"one"]
    assert unit.size == len(head) - 1 + 8
    assert assembler.pending == 0


def test_plain_text_in_the_midst_of_attachments_hands_on_both_in_order():
    assembler = Assembler()
    assembler.feed('451-["pic",{"_placeholder":true,"num":0}]')
    units = assembler.feed('42["next"]')
    assert [(u.kind, u.name) for u in units] == [("control", "incomplete"), ("event", "EVENT")]


def test_a_binary_packet_without_attachments_is_whole():
    assert feed('450-["x"]')[0].args == []


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        (['4511-["x"]'], "11 attachments"),
        (['42["' + "x" * 1000 + '"]'], "allowed are 500"),
        (['451-["x"]', b"x" * 600], "allowed are 500"),
        (['452-["x"]', b"x" * 300, b"x" * 300], "allowed are 500"),
        (["x"], "no Engine.IO 4 packet"),
        ([""], "empty"),
    ],
)
def test_what_is_beyond_the_bounds_is_refused(frames, words):
    with pytest.raises(PacketError, match=words):
        feed(*frames, max_payload=500)


@pytest.mark.parametrize("body", ["{", "7", '["x",', "[" * 100_000])
def test_json_that_cannot_be_read_says_so(body):
    (unit,) = feed("42" + body)
    with pytest.raises(PacketError):
        unit.json()


def test_a_placeholder_for_nothing_is_refused():
    (unit,) = feed('451-["x",{"_placeholder":true,"num":5}]', b"1")
    with pytest.raises(PacketError, match="attachment 5 of 1"):
        unit.json()


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\x1e"), min_size=1), min_size=1
    )
)
def test_bodies_split_and_join(texts):
    frames = ["4" + text if index % 2 else text.encode() for index, text in enumerate(texts)]
    assert split_body(join_body(frames)) == frames


@pytest.mark.parametrize("body", [b"\xff", b"b!!!"])
def test_a_body_that_cannot_be_read(body):
    with pytest.raises(PacketError, match="polling body"):
        split_body(body)


@given(JSON)
def test_any_json_list_is_an_event(value):
    (unit,) = feed("42" + json.dumps(["e", value]))
    assert unit.args == [value]
