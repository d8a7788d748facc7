"""A clock that gives every moment to exactly one phase."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """What one phase took.

    Attributes:
        phase: its name.
        calls: how often it was entered.
        seconds: its own time, without that of phases inside it.
        share: of the whole run, 0 to 1.
    """

    phase: str
    calls: int
    seconds: float
    share: float


class PhaseClock:
    """Adds up wall time by phase; a phase inside another takes its time off the outer one's.

    Args:
        base: the phase of all that is in no other.
        since: when it began, by the same clock; `None`: now.
        now: returns the time in seconds.
    """

    def __init__(
        self,
        base: str,
        since: float | None = None,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._now = now
        self._since = now() if since is None else since
        self._stack = [base]
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._calls = Counter([base])
        self.wait: Callable[[], None] | None = None
        """Called before the clock is read, where work goes on behind the program."""

    def enter(self, phase: str) -> None:
        """Begin a phase."""
        self._count()
        self._stack.append(phase)
        self._calls[phase] += 1

    def leave(self, phase: str) -> None:
        """End a phase, and whatever an exception left open in it; nothing if it never began."""
        if phase not in self._stack[1:]:
            return
        self._count()
        while self._stack.pop() != phase:
            pass

    def rebase(self, base: str) -> None:
        """Let what is in no phase belong to another one from now on."""
        self._count()
        self._calls[base] += self._stack[0] != base
        self._stack[0] = base

    def timed(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function whose calls are the phase."""

        def call(*arguments: Any, **options: Any) -> Any:
            self.enter(phase)
            try:
                return function(*arguments, **options)
            finally:
                self.leave(phase)

        return call

    def rows(self) -> list[Row]:
        """Return every phase up to now, the longest first; their seconds add up to the whole."""
        self._count()
        whole = sum(self._seconds.values()) or 1.0
        rows = [
            Row(phase, calls, self._seconds[phase], self._seconds[phase] / whole)
            for phase, calls in self._calls.items()
        ]
        return sorted(rows, key=lambda row: -row.seconds)

    def _count(self) -> None:
        if self.wait is not None:
            self.wait()
        now = self._now()
        self._seconds[self._stack[-1]] += now - self._since
        self._since = now
