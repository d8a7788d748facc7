"""Signals that come before anything can answer them."""

import os
import signal
import threading
import time
from typing import Any

REPEATED_SIGNALS = "SEQLAB_REPEATED_SIGNALS"
"""Environment variable of a job on a cluster, whose engine may say the same thing again later."""

_ECHO_S = 0.5


def is_echo(first: float) -> bool:
    """Return whether a signal only repeats the one before, as `timeout` and schedulers send two.

    Args:
        first: when that one came, by the monotonic clock.
    """
    return os.environ.get(REPEATED_SIGNALS) == "1" or time.monotonic() - first < _ECHO_S


class Deferral:
    """Keeps signals until they can be answered.

    Interrupted half-way through their import, torch and numpy fail with misleading errors. A run
    answers signals itself, and those that came before it.
    """

    def __init__(self) -> None:
        self._received: list[int] = []
        self._since = 0.0
        self._before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for each in (signal.SIGINT, signal.SIGTERM):
                self._before[each] = signal.signal(each, self._keep)
            if hasattr(signal, "pthread_sigmask"):  # a forked job has them held back until now
                signal.pthread_sigmask(signal.SIG_UNBLOCK, tuple(self._before))

    def received(self) -> int | None:
        """Return the signal that came last and is not answered yet, if one came."""
        return self._received[-1] if self._received else None

    def _keep(self, signum: int, frame: Any) -> None:
        if self._received:
            if not is_echo(self._since):
                os._exit(128 + signum)  # the second one ends at once
            return
        self._since = time.monotonic()
        self._received.append(signum)

    def end(self) -> None:
        """Give the signals back."""
        for each, handler in self._before.items():
            signal.signal(each, handler)
