"""Locks on open files: they end with the process that holds them, however that ends."""

import time
from typing import Any

try:
    import fcntl
except ImportError:  # a system without these locks
    fcntl = None  # type: ignore[assignment]

_PAUSE_S = 0.02

AFTER_A_KILL_S = 1.0
"""How long a killed process's lock may outlive it: in a child that it was about to start."""


def lock(file: Any, patience: float = 0.0) -> bool:
    """Return whether this process now has the file to itself.

    Where the system or the file system knows no locks, it has.

    Args:
        file: an open file.
        patience: seconds to wait for another process that has it.
    """
    if fcntl is None:
        return True
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(_PAUSE_S)
        except OSError:
            return True
        else:
            return True


def is_locked(file: Any) -> bool:
    """Return whether another process has an open file to itself."""
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(file, fcntl.LOCK_UN)
        except BlockingIOError:
            return True
        except OSError:
            pass
    return False
