"""The schema: every column named once, with a dtype, a unit and a meaning."""

from __future__ import annotations

from wsim.schema import CAUSES, COLUMN_NAMES, COLUMNS, DIRECTIONS, FATES, PARTS


def test_columns_are_declared_once_and_explained():
    assert len(set(COLUMN_NAMES)) == len(COLUMN_NAMES)
    for column in COLUMNS:
        assert column.meaning
        assert column.dtype in ("int64", "float64", "bool", "category", "str", "object")
        assert column.name.endswith("_ms") <= (column.unit == "ms")
        assert column.name.endswith("_s") <= (column.unit == "s")


def test_the_parts_are_columns():
    assert set(PARTS) < set(COLUMN_NAMES)
    assert len(PARTS) == 8


def test_categories_are_distinct():
    for names in (DIRECTIONS, FATES, CAUSES):
        assert len(set(names)) == len(names)
    assert CAUSES[0] == ""
