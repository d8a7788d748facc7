"""A process that hangs in compiled code, where Python answers no signal."""

import signal
import subprocess

import pytest

from processes import running

HANGING = """
import ctypes, signal
from seqlab.parallel.second_signal import SecondSignal
for each in (signal.SIGINT, signal.SIGTERM):
    signal.signal(each, lambda *_: print("answered", flush=True))
listener = SecondSignal()
listener.listen()
print("ready", flush=True)
mutex, c = ctypes.create_string_buffer(64), ctypes.CDLL(None)
c.pthread_mutex_lock(mutex)
c.pthread_mutex_lock(mutex)
"""


def test_second_signal_ends_what_hangs_and_the_first_does_not() -> None:
    with running(HANGING, until="ready") as process:
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):  # the first signal is the handler's
            process.wait(1.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


def test_listening_leaves_nothing_behind() -> None:
    from seqlab.parallel.second_signal import SecondSignal

    listener = SecondSignal()
    listener.listen()
    listener.close()
    assert signal.set_wakeup_fd(-1) == -1
