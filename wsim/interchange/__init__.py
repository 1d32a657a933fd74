"""Conditions in the words of other tools, and theirs in ours.

What one side cannot express is reported, never dropped in silence: as a
:class:`TranslationWarning`, or appended to a list given as ``notes``.
"""

from wsim.interchange.devtools import DEVTOOLS_PRESETS, from_devtools, to_devtools
from wsim.interchange.mm_link import from_mm_link, to_mm_link
from wsim.interchange.netem import from_netem
from wsim.interchange.netem_writer import netem_distribution, to_netem
from wsim.interchange.reporting import TranslationWarning
from wsim.interchange.toxiproxy import from_toxiproxy, to_toxiproxy

__all__ = [
    "DEVTOOLS_PRESETS",
    "TranslationWarning",
    "from_devtools",
    "from_mm_link",
    "from_netem",
    "from_toxiproxy",
    "netem_distribution",
    "to_devtools",
    "to_mm_link",
    "to_netem",
    "to_toxiproxy",
]
