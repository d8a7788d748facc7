"""Reproduce the published results of the chapter; see `reproduce/main.py`."""

import sys

from reproduce.main import main

if __name__ == "__main__":
    sys.exit(main())
