"""Damage to payloads: pure, by kind, and always somewhere."""

import copy
import json
import math

import numpy as np
import pytest

from wsim.impairments.corruption import KINDS, Damage, apply, directive

DRIVE = {"linear": 0.5, "angular": 0.2, "meta": {"id": "é7", "tags": [1, True, None]}}


def test_each_kind_is_equally_likely_and_leaves_a_uniform_place():
    found = [directive(u) for u in np.random.default_rng(1).random(20_000)]
    for kind in KINDS:
        fractions = [damage.fraction for damage in found if damage.kind == kind]
        assert abs(len(fractions) - 4000) < 4 * 57
        assert abs(np.mean(fractions) - 0.5) < 4 * 0.289 / np.sqrt(4000)


def test_the_payload_given_is_untouched():
    before = copy.deepcopy(DRIVE)
    for u in np.linspace(0, 0.999, 200):
        apply(DRIVE, directive(u))
    assert before == DRIVE


def test_a_field_goes_missing():
    assert apply(DRIVE, Damage("missing", 0.0)) == {k: DRIVE[k] for k in ("angular", "meta")}
    assert apply({"a": {"b": 1}}, Damage("missing", 0.9)) == {"a": {}}


def test_a_number_turns_to_nan_or_changes_its_sign():
    assert math.isnan(apply(DRIVE, Damage("nan", 0.0))["linear"])
    assert apply(DRIVE, Damage("sign", 0.5))["angular"] == -0.2
    assert apply((1, [2, 3]), Damage("sign", 0.99)) == (1, [2, -3])
    assert apply(7, Damage("sign", 0.3)) == -7


def test_cut_text_is_a_shorter_beginning():
    text = json.dumps(DRIVE, separators=(",", ":"), ensure_ascii=False)
    for fraction in np.linspace(0, 0.999, 60):
        arrived = apply(DRIVE, Damage("truncate", fraction))
        assert text.startswith(arrived)
        assert len(arrived) < len(text)


def test_exactly_one_bit_is_flipped():
    text = json.dumps(DRIVE, separators=(",", ":"), ensure_ascii=False).encode()
    for fraction in np.linspace(0, 0.999, 60):
        arrived = apply(DRIVE, Damage("bitflip", fraction))
        raw = arrived if isinstance(arrived, bytes) else arrived.encode()
        different = [a ^ b for a, b in zip(raw, text, strict=True) if a != b]
        assert len(different) == 1
        assert different[0].bit_count() == 1


def test_bytes_stay_bytes():
    assert apply(b"\x00\xff", Damage("bitflip", 0.0)) == b"\x01\xff"
    assert apply(b"abcd", Damage("truncate", 0.5)) == b"ab"
    assert apply(b"abcd", Damage("nan", 0.0)) == b"`bcd"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("payload", [None, "stop", [], {}, "", True])
def test_what_cannot_suffer_a_kind_loses_a_bit(kind, payload):
    arrived = apply(payload, Damage(kind, 0.3))
    assert arrived != payload or (kind == "truncate" and arrived == "")
