"""How the process deals with memory that was freed."""

import ctypes
import os

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
_KEPT = 256 << 20
_LARGE = 32 << 20


def keep_freed_memory() -> None:
    """Keep up to 256 MiB that a training step freed for the next one.

    glibc gives them back to the system otherwise, which has to fill them with zeros page by page
    at the next step: a seventh of the time of a GRU's of 256 units. Where there is no glibc, or the
    person has set its variables, nothing changes.
    """
    if any(name in os.environ for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, _KEPT)
