"""The rules of the protocol without any I/O: what a client may send next."""

from __future__ import annotations

import pytest

from wsim.serving.conduct import Conduct


def after(*frames: str) -> Conduct:
    conduct = Conduct()
    assert all(conduct.takes(frame) for frame in frames)
    return conduct


@pytest.mark.parametrize(
    "frame",
    [
        '42["x"]', '421["x",1]', "42[7]", '4310[]', "431[1]", '451-["x",{"_placeholder":true}]',
        '461-7[{}]', "41", "3", "1", "5", "6", "40/admin,", '40/admin,{"token":"x"}',
    ],
)  # fmt: skip
def test_what_fits(frame):
    assert after("40").takes(frame)


@pytest.mark.parametrize(
    "frame",
    [
        "", "7", "abc", "2", "4", "4abc", "47", "40", "40{}", "40/a,[]", "40/a,{", "40/a,1{}",
        "41x", "41[]", "44", '44{"message":"no"}', "431", "431{}", "431{", '45["x"]', '46["x"]',
        '42/other,["x"]', "41/other,", "431/other,[]", b"", b"bytes",
    ],
)  # fmt: skip
def test_what_does_not(frame):
    assert not after("40").takes(frame)


@pytest.mark.parametrize("frame", ['42["x"]', "41", "431[]", '451-["x",{}]'])
def test_nothing_before_connect(frame):
    assert not Conduct().takes(frame)


def test_namespaces_are_apart():
    conduct = after("40/a,", '42/a,["x"]', "40/b,", "41/a,", '42/b,["x"]')
    assert not conduct.takes('42/a,["x"]')
    assert conduct.takes("40/a,")
    assert not after("40/a,").takes('42["x"]')


@pytest.mark.parametrize("frame", ["41", '44{"message":"no"}'])
def test_the_server_ends_and_refuses(frame):
    conduct = after("40", "40/a,")
    conduct.tells(frame)
    conduct.tells('44/b,{"message":"Invalid namespace"}')
    assert not conduct.takes('42["x"]')
    assert conduct.takes('42/a,["x"]')


@pytest.mark.parametrize("frame", ['40{"sid":"x"}', '42["x"]', "3probe", "2", ""])
def test_all_else_that_the_server_says_changes_nothing(frame):
    conduct = after("40")
    conduct.tells(frame)
    assert conduct.takes('42["x"]')


def test_attachments_follow_their_packet():
    conduct = after("40", '452-["x",{},{}]')
    assert conduct.takes(b"1")
    assert conduct.takes(b"2")
    assert not conduct.takes(b"3")


@pytest.mark.parametrize("frame", ['42["x"]', "3", "41"])
def test_nothing_between_attachments(frame):
    assert not after("40", '451-["x",{}]').takes(frame)


def test_no_attachments_announced():
    assert after("40", '450-["x"]').takes('42["x"]')
