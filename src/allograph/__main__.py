"""`python -m allograph` is the command line."""

from __future__ import annotations

import sys

from allograph.cli import main

if __name__ == "__main__":
    sys.exit(main())
