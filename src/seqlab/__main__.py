"""`python -m seqlab VERB RUN_FOLDER [--options]`."""

import sys

from seqlab.commands.main import main

sys.exit(main())
