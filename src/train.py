"""`python -m train [key=value ...]`: trains one experiment, or a sweep of them with -m."""

from seqlab.leaving import leave
from seqlab.train_cli import main

if __name__ == "__main__":
    leave(main())
