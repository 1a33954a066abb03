"""`python -m seehear`."""

from __future__ import annotations

import sys

from seehear.cli import main

if __name__ == "__main__":
    sys.exit(main())
