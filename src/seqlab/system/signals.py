"""SIGINT and SIGTERM: the first one is noted, the second one ends the process at once.

A terminal that is closed, SIGHUP, ends nothing.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)

REPEATED_SIGNALS = "SEQLAB_REPEATED_SIGNALS"
"""Environment variable of a job on a cluster, whose scheduler may send a signal several times."""

_ECHO_S = 0.5


def in_words(number: int) -> str:
    """Return what stopped a process, as people call it."""
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


def is_echo(first: float) -> bool:
    """Return whether a signal only repeats the first one, as `timeout` and schedulers send two.

    Args:
        first: when the first one came, by the monotonic clock.
    """
    return os.environ.get(REPEATED_SIGNALS) == "1" or time.monotonic() - first < _ECHO_S


class FirstSignal:
    """The signal that a process has received, if any.

    Attributes:
        number: the first one; `None` before it came.
        since: when that was, by the monotonic clock.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.since = 0.0

    def note(self, number: int) -> None:
        """Note a signal; one that came before stays the first."""
        if self.number is None:
            self.since, self.number = time.monotonic(), number

    def receive(self, number: int) -> bool:
        """Note a signal, or end the process where it is the second; return whether it is the first.

        An echo of the first one is ignored.
        """
        if self.number is None:
            self.note(number)
            return True
        if not is_echo(self.since):
            if os.isatty(2):
                os.write(2, b"\n")  # the shell begins on a new line, not behind a bar
            os._exit(128 + number)
        return False


class Handlers:
    """Handlers of both signals, put back at the end; only the main thread can have any."""

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}

    def install(self, handler: Callable[[int, Any], object]) -> None:
        """Let a function handle both signals; a later call takes them back from another owner."""
        if threading.current_thread() is not threading.main_thread():
            return
        for each in SIGNALS:
            before = signal.signal(each, handler)
            self._before.setdefault(each, before)
        hangup = getattr(signal, "SIGHUP", None)
        if hangup is not None and signal.getsignal(hangup) is signal.SIG_DFL:
            signal.signal(hangup, signal.SIG_IGN)  # a run needs no terminal
            self._before.setdefault(hangup, signal.SIG_DFL)
        if hasattr(signal, "pthread_sigmask"):  # a forked job has them blocked until now
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def restore(self) -> None:
        """Put the earlier handlers back."""
        for each, handler in self._before.items():
            signal.signal(each, handler)


class DeferredSignals:
    """Keeps signals until a run can answer them.

    Interrupted half-way through their import, torch and numpy fail with misleading errors. A run
    answers signals itself, and those that came before it.
    """

    def __init__(self) -> None:
        self._first = FirstSignal()
        self._handlers = Handlers()
        self._handlers.install(lambda number, _: self._first.receive(number))

    def received(self) -> int | None:
        """Return the signal that came, if any."""
        return self._first.number

    def end(self) -> None:
        """Put the earlier handlers back."""
        self._handlers.restore()
