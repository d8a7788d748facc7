"""One job on SLURM: what submitit is given, how it ended, which of them SLURM still has."""

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlab.sweeps.launchers.base import Ending
from seqlab.sweeps.launchers.remote import RemoteTask


@dataclass
class Requeued(RemoteTask):
    """A job that SLURM may preempt: submitit calls `checkpoint`, and queues what that returns."""

    def __call__(self) -> int:
        """Do the job; SIGTERM, which SLURM may send to this process alone, has it saved."""
        signal.signal(signal.SIGTERM, lambda *_: self.tell())
        return super().__call__()

    def checkpoint(self) -> Any:
        """Have the job save its state; return how it goes on."""
        from submitit.helpers import DelayedSubmission

        self.stop()
        return DelayedSubmission(Requeued(self.file, self.linger_s))


def ending_of(number: int, job: Any) -> Ending:
    """Return how a job that left a result ended.

    Args:
        number: the job's in the sweep.
        job: submitit's.
    """
    try:
        error = job.exception()
        if error is None:
            return Ending(number, int(job.result()))
    except Exception as unreadable:  # the file may hold anything, if the disk was full
        error = unreadable
    return Ending(number, None, (str(error).strip().splitlines() or ["no result"])[-1])


def remove_files(job: Any) -> None:
    """Remove what submitit keeps of a job."""
    paths = job.paths
    files = [paths.submitted_pickle, paths.result_pickle, paths.stdout, paths.stderr]
    if "_" not in job.job_id:  # an array's jobs share it
        files.append(paths.submission_file)
    for file in files:
        with suppress(OSError):
            file.unlink(missing_ok=True)


def queued_jobs() -> set[str] | None:
    """Return the numbers of this person's jobs, queued or at work; `None` where SLURM is silent."""
    command = ["squeue", "--noheader", "--array", "--format=%i", f"--user={os.getuid()}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return set(done.stdout.split())


def is_alive(job: Any) -> bool:
    """Return whether the process is at work that keeps a job of submitit's stand-in for a cluster.

    It is one on this machine for each job, to try things with; it may be of an earlier sweep.
    """
    if job._process is not None:
        return job._process.poll() is None
    pid = int(job.job_id)
    with suppress(OSError):
        os.kill(pid, 0)
        command = Path(f"/proc/{pid}/cmdline")
        return not command.exists() or b"submitit" in command.read_bytes()
    return False


def names_in(folder: Path) -> set[str]:
    """Return the names of a folder's files; none where it is missing."""
    with suppress(OSError), os.scandir(folder) as entries:
        return {entry.name for entry in entries}
    return set()
