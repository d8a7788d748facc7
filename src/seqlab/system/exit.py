"""Ending a process without taking it apart first."""

import atexit
import os
import sys
import threading
from contextlib import suppress
from typing import NoReturn


def exit_at_once(code: int) -> NoReturn:
    """End the process with an exit code, all that was registered for its end done.

    What `sys.exit` does on top is to free every object of every library one by one, which takes
    a fifth of the time of a short run. It is left to that where another thread is still at work.
    """
    at_work = [each for each in threading.enumerate() if not each.daemon]
    if at_work != [threading.main_thread()]:
        sys.exit(code)
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
