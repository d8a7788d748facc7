"""The second signal ends a run at once, even while it waits for another device in vain.

Python runs a signal's handler only between two of its own instructions, and a process that waits
for the others is in none. The signal's number comes through a socket all the same.
"""

import os
import signal
import socket
import threading
import time

from seqlab.system.signals import SIGNALS, is_echo

# The handler comes first where it can.
_HANDLER_S = 1.0


class SecondSignal:
    """Listens for signals in a thread of its own."""

    def __init__(self) -> None:
        self._ends: tuple[socket.socket, socket.socket] | None = None
        self._before = -1

    def listen(self) -> None:
        """Begin; outside the main thread, which alone is told of signals, do nothing."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._ends = socket.socketpair()
        for end in self._ends:
            end.setblocking(end is self._ends[0])
        self._before = signal.set_wakeup_fd(self._ends[1].fileno(), warn_on_full_buffer=False)
        threading.Thread(target=_wait, args=[self._ends[0]], daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        if self._ends is not None:
            signal.set_wakeup_fd(self._before)
            self._ends[1].close()  # the thread reads the end of it
            self._ends = None


def _wait(end: socket.socket) -> None:
    first: float | None = None
    with end:
        while received := end.recv(64):
            for signum in received:
                if signum not in SIGNALS:
                    continue
                if first is None:
                    first = time.monotonic()
                elif not is_echo(first):
                    time.sleep(_HANDLER_S)
                    os._exit(128 + signum)
