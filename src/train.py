"""`python -m train [key=value ...]`: trains one experiment, or a sweep of them with -m."""

import sys

from seqlab.config.command_line import main

if __name__ == "__main__":
    sys.exit(main())
