"""`python -m train [key=value ...]`: trains one experiment, or a sweep of them with -m."""

import sys

from seqlab.train_cli import main

if __name__ == "__main__":
    sys.exit(main())
