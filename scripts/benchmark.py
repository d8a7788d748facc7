"""Measure the speed of seqlab; see `benchmark/main.py`."""

import sys

from benchmark.main import main

if __name__ == "__main__":
    sys.exit(main())
