"""When a run began, the seconds of importing included that lie before its first line."""

import os
import time
from pathlib import Path

_STAT = Path("/proc/self/stat")

_began: list[float] = []
_first_moment = time.perf_counter()


def _forked() -> None:
    global _first_moment
    _first_moment = time.perf_counter()


os.register_at_fork(after_in_child=_forked)


def began_with_the_process() -> None:
    """Note that the next run of this process began when the process did."""
    _began[:] = [process_start()]


def take_beginning() -> float:
    """Return when the run in hand began, by `time.perf_counter`; without a note, it is now."""
    return _began.pop() if _began else time.perf_counter()


def process_start() -> float:
    """Return when this process began, by `time.perf_counter`, to a hundredth of a second.

    Where the system does not tell, it is when this module was imported, or the process forked.
    """
    now = time.perf_counter()
    try:
        # Its second field, a name in brackets, may hold spaces; the start is the 22nd.
        fields = _STAT.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - started
    except (OSError, ValueError, IndexError, AttributeError):
        return _first_moment
    return min(now - age, _first_moment)
