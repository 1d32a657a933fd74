"""The driving session that ships with the project; ``data/README.md`` says how it was made."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def shipped() -> Path:
    """Return the path of the shipped session, a history that ``wsim.load`` reads.

    Examples
    --------
    >>> shipped().name
    'operator_drive.jsonl.gz'
    """
    return _HERE / "operator_drive.jsonl.gz"
