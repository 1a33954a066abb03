"""``python -m seehear`` is ``seehear``."""

import sys

from seehear.cli import main

if __name__ == "__main__":
    sys.exit(main())
