"""`python -m train [key=value ...]`: trains one experiment, or a sweep of them with -m."""

from seqlab.leaving import leave
from seqlab.profiling.beginning import began_with_the_process
from seqlab.train_cli import main

if __name__ == "__main__":
    began_with_the_process()
    leave(main())
