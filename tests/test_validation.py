"""Checks made from JSON Schemas: what they say, and what they do not fetch."""

from __future__ import annotations

import urllib.request

import pytest

from wsim import create_websocket_simulator
from wsim.errors import PayloadError
from wsim.messages import Registry
from wsim.validation import compiled, complaint

RULES = [
    ({"minimum": 1}, 0, "bigger than or equal to 1"),
    ({"maximum": 1}, 2, "smaller than or equal to 1"),
    ({"exclusiveMinimum": 1}, 1, "bigger than 1"),
    ({"exclusiveMaximum": 1}, 1, "smaller than 1"),
    ({"maxLength": 1}, "ab", "shorter than or equal to 1"),
    ({"minLength": 3}, "ab", "longer than or equal to 3"),
    ({"minItems": 1}, [], "at least 1 items"),
    ({"maxItems": 1}, [1, 2], "less than or equal to 1 items"),
    ({"minProperties": 1}, {}, "at least 1 properties"),
    ({"maxProperties": 0}, {"a": 1}, "less than or equal to 0 properties"),
    ({"multipleOf": 2}, 3, "multiple of 2"),
    ({"const": 1}, 2, "same as const definition: 1"),
    ({"uniqueItems": True}, [1, 1], "unique items"),
    ({"enum": ["a", "b"]}, "c", "one of ['a', 'b']"),
    ({"pattern": "^a"}, "b", "match pattern ^a"),
    ({"required": ["a"]}, {}, "contain ['a']"),
    ({"not": {"type": "integer"}}, 1, "NOT match"),
    ({"if": {"type": "integer"}, "then": {"minimum": 5}}, 3, "bigger than or equal to 5"),
    ({"type": ["string", "null"]}, 3, "must be string or null"),
    ({"properties": {"two words": {"maximum": 1}}}, {"two words": 2}, "words must be smaller"),
]


@pytest.mark.parametrize(("schema", "bad", "said"), RULES, ids=lambda value: str(value)[:30])
async def test_every_rule_is_put_into_words(schema, bad, said):
    registry = Registry()
    registry.register("mine", schema)
    problem = registry.problem("mine", bad)
    assert problem.startswith("mine: data")
    assert said in problem
    sim = create_websocket_simulator("perfect", seed=1)
    sim.register_schema("mine", schema)
    client = await sim.connect()
    assert not await sim.receive("mine", bad, client)
    assert not await sim.emit("mine", bad, client)
    assert sim.history["cause"].tolist() == ["validation"] * 2
    assert sim.stats["validation_errors"] == 2


def test_what_is_allowed_passes():
    check = compiled("speed", {"type": "number", "minimum": 0})
    assert complaint("speed", check, 0.5) == ""


def test_a_payload_that_breaks_the_check_is_refused():
    check = compiled("speed", {"multipleOf": 0.5})
    assert "cannot be checked" in complaint("speed", check, 10**400)


@pytest.mark.parametrize("pattern", ["(", "[", "*", "a{2,1}"])
def test_a_bad_pattern_is_named(pattern):
    for schema in ({"pattern": pattern}, {"patternProperties": {pattern: {}}}):
        with pytest.raises(PayloadError, match="no regular expression"):
            compiled("mine", schema)


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:9/x.json", "https://example.org/a", "file:///etc/hostname", "ftp://a/b",
     "odd:thing", "other.json"],
)  # fmt: skip
def test_nothing_is_fetched(address, monkeypatch, tmp_path):
    def fetch(*_: object, **__: object) -> None:
        raise AssertionError("a request was made")

    monkeypatch.setattr(urllib.request, "urlopen", fetch)
    with pytest.raises(PayloadError, match="definitions"):
        compiled("mine", {"$ref": address})
    with pytest.raises(PayloadError, match="definitions"):
        compiled("mine", {"$id": "http://here/", "properties": {"a": {"$ref": address}}})


def test_references_inside_a_schema_work():
    schema = {"definitions": {"speed": {"maximum": 2}}, "$ref": "#/definitions/speed"}
    assert "smaller" in complaint("mine", compiled("mine", schema), 3)
    with pytest.raises(PayloadError, match="schema of 'mine'"):
        compiled("mine", {"$ref": "#/definitions/nowhere"})
