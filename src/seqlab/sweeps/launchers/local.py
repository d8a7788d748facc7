"""Jobs on this machine: each a process of its own, with a share of the cores or one GPU.

The processes are forked from one that has imported everything and computed nothing, so that a job
starts in milliseconds and finds random states, global state and GPU memory untouched.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from pathlib import Path
from types import ModuleType
from typing import Any

from seqlab.sweeps.launchers.base import Ending, Launcher, libraries_first, whole_number
from seqlab.sweeps.launchers.launcher_options import LocalOptions
from seqlab.sweeps.task import Task
from seqlab.system.errors import UserError

PRELOADED = [
    "seqlab.sweeps.launchers.blocked_signals",
    "seqlab.sweeps.worker",
    "seqlab.runs.run",
    "seqlab.figures",
    "torch.utils.tensorboard",
]
_KILL_AFTER_S = 5.0


class LocalLauncher(Launcher):
    """Keeps a number of processes at work.

    Args:
        work: what a process does, given the task's file, its environment and its import path.
        options: how many jobs at once, and what each gets.

    Raises:
        UserError: an option has a value that it cannot have.
    """

    def __init__(
        self, work: Callable[[Path, dict[str, str], list[str]], None], options: LocalOptions
    ) -> None:
        workers, threads, gpus = options.workers, options.threads, options.gpus
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        self._cores = cores or 1
        self._gpus = _visible_gpus() if gpus is None else [str(each) for each in gpus]
        if gpus is not None and not all(isinstance(each, int) and each >= 0 for each in gpus):
            raise UserError(
                f"hydra.launcher.gpus={gpus}: must be a list of GPU numbers",
                "For example 'hydra.launcher.gpus=[0,1]'.",
            )
        default = len(self._gpus) or self._cores
        self.slots = whole_number("workers", default if workers is None else workers, least=1)
        share = max(1, self._cores // self.slots)
        self.threads = whole_number("threads", share if threads is None else threads, least=1)
        self._work = work
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)
        self._running: dict[int, Any] = {}
        self._places: dict[int, int] = {}

    def _process(self, task: Task, environment: dict[str, str]) -> Any:
        arguments = (task.file, environment, list(sys.path))
        process = self._context.Process(target=self._work, args=arguments)
        with _on_their_own():
            process.start()
        return process

    def describe(self) -> str:
        """Return in words where the jobs run."""
        if self.slots == 1:
            return "one at a time"
        share = f"{self.threads} thread{'s' * (self.threads > 1)} each"
        gpus = f", GPU {', '.join(self._gpus)}" if self._gpus else ""
        return f"{self.slots} at once, {share}{gpus}"

    def start(self, task: Task) -> None:
        """Start a job."""
        place = min(set(range(self.slots)) - set(self._places.values()))
        environment = dict(os.environ)
        if self._gpus:
            environment["CUDA_VISIBLE_DEVICES"] = self._gpus[place % len(self._gpus)]
        try:
            process = self._process(task, environment)
        except (EOFError, ConnectionError):  # the process to fork from was killed
            process = self._process(task, environment)
        self._running[task.number] = process
        self._places[task.number] = place

    def wait(self, timeout_s: float) -> list[Ending]:
        """Return the jobs that have ended, after this time at the latest."""
        wait([process.sentinel for process in self._running.values()], timeout_s)
        ended = []
        for number, process in list(self._running.items()):
            if process.exitcode is None and process.is_alive():
                continue
            process.join()
            ended.append(Ending(number, process.exitcode))
            process.close()
            del self._running[number], self._places[number]
        return ended

    def stop(self, signum: int) -> None:
        """Ask every job to save its state and end."""
        for process in self._running.values():
            _send(process.pid, signum)

    def kill(self) -> None:
        """End every job at once."""
        for process in self._running.values():
            _send(process.pid, signal.SIGKILL)
            process.join(_KILL_AFTER_S)


@contextmanager
def _on_their_own() -> Iterator[None]:
    """Let processes begin without the script that began this one, which each would run again."""
    before = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        with libraries_first():
            yield
    finally:
        sys.modules["__main__"] = before


def _send(pid: int, signum: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signum)


def _visible_gpus() -> list[str]:
    """Return the GPUs that a job may see, asked without torch; none on a machine without."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [each.strip() for each in chosen.split(",") if each.strip() not in ("", "-1")]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return []
    lines = [line for line in listed.stdout.splitlines() if line.startswith("GPU ")]
    return [str(number) for number in range(len(lines))] if listed.returncode == 0 else []
