"""What a cluster's engine runs for a job: it keeps the job's own process, and passes words on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from seqlab.sweeps.task import Task, read_task
from seqlab.system.errors import EXIT_INTERRUPTED, EXIT_TERMINATED
from seqlab.system.signals import REPEATED_SIGNALS

_LOOK_EVERY_S = 0.5
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
"""No signal ends the job's process; it takes SIGINT and SIGTERM once it can answer them."""


@dataclass
class RemoteTask:
    """A job, to be called on the machine that computes it; it returns the exit code.

    Should the process that calls it die, the job's own process notices, saves its state and ends.

    Attributes:
        file: holds the task; every machine sees it under this path.
        linger_s: how long to wait for the engine's next word when the job was stopped by others.
        with_parent: whether the job is also stopped once the parent of the calling process is gone.
        orphaned: whether that has happened.
    """

    file: str
    linger_s: float = 0.0
    with_parent: bool = False
    orphaned: bool = field(default=False, init=False)
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False, repr=False)

    def __call__(self) -> int:
        """Do the job, or go on with it; return its exit code, or minus the signal that ended it."""
        task = read_task(Path(self.file))
        if _stop_file(task).exists():
            return EXIT_TERMINATED
        task.outcome.unlink(missing_ok=True)  # of an earlier attempt, on a machine that died
        with signals_held_back(*_SIGNALS):
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "seqlab.sweeps.worker", self.file],
                stdin=subprocess.PIPE,
                env=_environment(task),
                start_new_session=True,
            )
        try:
            code = self._followed(self._process, task)
            if code in (EXIT_TERMINATED, EXIT_INTERRUPTED, -signal.SIGTERM):
                self._linger(task)
            return code
        except BaseException:
            self.stop()
            raise

    def tell(self) -> None:
        """Ask the job to save its state and end."""
        if self._process is not None:
            self._process.terminate()

    def stop(self) -> None:
        """Have the job save its state and end; return once it has. May be called by a handler."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        self.tell()
        # Popen.wait could wait for a lock that the code under the handler holds.
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    def _followed(self, process: "subprocess.Popen[bytes]", task: Task) -> int:
        told, parent = False, os.getppid()
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(_LOOK_EVERY_S)
            self.orphaned = self.with_parent and os.getppid() != parent
            if not told and (self.orphaned or _stop_file(task).exists()):
                self.tell()
                told = True

    def _linger(self, task: Task) -> None:
        """Wait for what follows a signal that the engine has sent to every process of the job."""
        end = time.monotonic() + self.linger_s
        while time.monotonic() < end and not _stop_file(task).exists():
            time.sleep(_LOOK_EVERY_S)


def ask_to_stop(task: Task) -> None:
    """Have a job save its state and end, wherever it runs; not started yet, it does not begin."""
    with suppress(OSError):
        _stop_file(task).touch()


def forget_stop(task: Task) -> None:
    """Let a job that was asked to stop begin again."""
    _stop_file(task).unlink(missing_ok=True)


def _stop_file(task: Task) -> Path:
    return Path(f"{task.files}.stop")


def _environment(task: Task) -> dict[str, str]:
    environment = os.environ | {REPEATED_SIGNALS: "1"}
    if task.threads is not None:
        environment["OMP_NUM_THREADS"] = str(task.threads)
    return environment


@contextmanager
def signals_held_back(*signals: int) -> Iterator[None]:
    """Start processes that these signals do not reach until they let them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
