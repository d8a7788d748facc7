"""The machine's cores, where other processes are at work on them too."""

import os
import sys
import time
from pathlib import Path

_STAT = Path("/proc/stat")
_SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
_MANY = 0.5


class OtherProcesses:
    """How many cores the others have kept busy since this was made."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._busy = _busy_seconds()
        self._own = time.process_time()

    def busy_cores(self) -> float:
        """Return the mean number of cores; 0 where the system does not tell."""
        if self._busy is None or (busy := _busy_seconds()) is None:
            return 0.0
        own = time.process_time() - self._own
        return (busy - self._busy - own) / max(time.monotonic() - self._since, 1e-9)


def share_cores(others: OtherProcesses) -> None:
    """Let threads that wait sleep at once, where others want the cores.

    OpenMP's threads look for work again and again, for milliseconds: the fastest way on a machine
    of one's own, but two processes then keep each other from working, and take many times as long
    as one after the other. It has to be known before torch is imported.
    """
    said = any(name in os.environ for name in _SETTINGS)
    if not said and "torch" not in sys.modules and others.busy_cores() > _MANY:
        os.environ["OMP_WAIT_POLICY"] = "passive"


def _busy_seconds() -> float | None:
    try:
        first = _STAT.read_text(encoding="utf-8").split("\n", 1)[0].split()
        user, nice, system, _idle, _waiting, *interrupts = map(int, first[1:8])
    except (OSError, ValueError):
        return None
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")
