"""``python -m wsim.cli`` is ``wsim``."""

from __future__ import annotations

import sys

from wsim.cli import main

if __name__ == "__main__":
    sys.exit(main())
