"""What wsim raises: every error names the culprit, what is allowed and how to mend it.

``WsimError`` is the root; all of its kinds that come from a wrong value are also
``ValueError``, so that code which knows nothing of wsim can catch them::

    WsimError
    +-- ConditionsError   a field of the network conditions, a profile or an impairment
    +-- UnknownNameError  a name that is not in its catalogue (also a LookupError)
    +-- PayloadError      an event, a payload or a schema that cannot be sent
    +-- FormatError       a file that is not what its suffix says, or is cut short
    +-- ColumnsError      a frame without the columns a computation needs
    +-- UsageError        a call in the wrong place or at the wrong time (a RuntimeError)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class WsimError(Exception):
    """Root of everything wsim raises on purpose."""


class ConditionsError(WsimError, ValueError):
    """A condition, profile or impairment has a value that is not allowed."""


class UnknownNameError(WsimError, ValueError, LookupError):
    """A name that is not in its catalogue; the message suggests the nearest."""


class PayloadError(WsimError, ValueError):
    """An event name, payload or schema that cannot be used."""


class FormatError(WsimError, ValueError):
    """A file that cannot be read or written as asked."""


class ColumnsError(WsimError, ValueError):
    """A frame lacks columns that the computation needs."""


class UsageError(WsimError, RuntimeError):
    """A call in the wrong place or at the wrong time."""


def nearest(name: object, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name closest to `name`, or ``""``."""
    found = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.5)
    return f"; did you mean '{found[0]}'?" if found else ""


def unknown(what: str, name: object, known: Iterable[str]) -> UnknownNameError:
    """Build the error for a `name` that is not among the `known` ones of its kind.

    Examples
    --------
    >>> print(unknown("profile", "mras", ["perfect", "mars"]))
    no profile 'mras'; did you mean 'mars'? Known: perfect, mars
    """
    names = list(known)
    hint = nearest(name, names) or ";"
    return UnknownNameError(f"no {what} '{name}'{hint} Known: {', '.join(names)}")
