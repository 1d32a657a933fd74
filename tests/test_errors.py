"""Errors: one root, wrong values are ValueErrors, names come with the nearest known one."""

from __future__ import annotations

import pytest

from wsim import errors


@pytest.mark.parametrize(
    "kind",
    ["ConditionsError", "UnknownNameError", "PayloadError", "FormatError", "ColumnsError"],
)
def test_wrong_values_are_value_errors(kind):
    assert issubclass(getattr(errors, kind), errors.WsimError)
    assert issubclass(getattr(errors, kind), ValueError)


def test_unknown_suggests_and_lists():
    error = errors.unknown("profile", "mras", ["perfect", "mars"])
    assert str(error) == "no profile 'mras'; did you mean 'mars'? Known: perfect, mars"
    assert str(errors.unknown("profile", "zzz", ["mars"])) == "no profile 'zzz'; Known: mars"
    assert isinstance(error, LookupError)
