"""submitit's stand-in for a cluster: a process on this machine for each job, to try things with."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


class LocalCluster:
    """Tells which jobs are at work, those of an earlier process included."""

    def is_alive(self, job: Any) -> bool:
        """Return whether the process that keeps a job is at work."""
        if job._process is not None:
            return job._process.poll() is None
        pid = int(job.job_id)
        with suppress(OSError):
            os.kill(pid, 0)
            command = Path(f"/proc/{pid}/cmdline")
            return not command.exists() or b"submitit" in command.read_bytes()
        return False

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Start processes that Ctrl-C on the terminal does not reach, as a cluster's would be."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
