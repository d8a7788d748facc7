"""Where a sweep's jobs come from: a grid knows them all, a search makes them up as it goes."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from seqlab.config.compose.jobs import Assignment, Grid
from seqlab.sweeps.ledger import Row


class Source(Protocol):
    """Proposes jobs, and hears what became of them."""

    @property
    def total(self) -> int:
        """How many jobs there are in all."""

    def preview(self) -> Iterable[Assignment]:
        """Return jobs to look at before anything begins, in the order in which they will come."""

    def next(self) -> Assignment | None:
        """Return the next job; `None`: there is none now."""

    @property
    def exhausted(self) -> bool:
        """Whether there will be none any more."""

    def pruning(self, assignment: Assignment) -> dict[str, Any] | None:
        """Return what the process of a job needs to end it early; `None`: it is never ended so."""
        return None

    def tell(self, assignment: Assignment, row: Row) -> None:
        """Take note of what became of a job; called once its row is final."""


class GridSource(Source):
    """Proposes every combination of a grid.

    Args:
        grid: the combinations.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._rest: Iterator[Assignment] = iter(grid)
        self._next: Assignment | None = next(self._rest, None)

    @property
    def total(self) -> int:
        """How many combinations there are."""
        return len(self._grid)

    def preview(self) -> Iterable[Assignment]:
        """Return every combination."""
        return iter(self._grid)

    def next(self) -> Assignment | None:
        """Return the next combination."""
        assignment, self._next = self._next, next(self._rest, None)
        return assignment

    @property
    def exhausted(self) -> bool:
        """Whether every combination has been proposed."""
        return self._next is None

    def tell(self, assignment: Assignment, row: Row) -> None:
        """Do nothing: a grid's jobs do not depend on each other."""
