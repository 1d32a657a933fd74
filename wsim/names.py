"""Names of events, clients and runs: text that UTF-8 can carry.

JSON can spell half of a surrogate pair (``"\\ud800"``), which no UTF-8 text holds. Whoever calls
wsim is refused one; one that a real client sends is recorded in its escaped spelling.
"""

from __future__ import annotations


def is_name(value: object) -> bool:
    """Return True for a text that is not empty and can be written as UTF-8."""
    if not isinstance(value, str) or not value:
        return False
    return value.isascii() or readable(value) == value


def readable(text: str) -> str:
    """Return `text` with lone surrogates spelled out, so that it can be written as UTF-8.

    Examples
    --------
    >>> readable("caf\\xe9"), readable("\\ud800!")
    ('café', '\\\\ud800!')
    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
