"""Compare search with grid and random search; see `compare_search/main.py`."""

import sys

from compare_search.main import main

if __name__ == "__main__":
    sys.exit(main())
