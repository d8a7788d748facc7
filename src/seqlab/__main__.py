"""`python -m seqlab VERB RUN_FOLDER [--options]`."""

import sys

from seqlab.cli import main

sys.exit(main())
