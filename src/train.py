"""`python -m train [key=value ...]`: trains one experiment, or a sweep of them with -m."""

from seqlab.commands.train import main
from seqlab.profiling.start_time import began_with_the_process
from seqlab.system.exit import exit_at_once

if __name__ == "__main__":
    began_with_the_process()
    exit_at_once(main())
