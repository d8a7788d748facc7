"""The process of one job of a sweep: it trains, and leaves word of how that ended."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from seqlab.config.compose.naming import register_resolvers
from seqlab.config.folders import CONFIG
from seqlab.config.validate.project import enter_project
from seqlab.profiling.start_time import began_with_the_process
from seqlab.runs.folder.lock import claim, give_up, hold, leave
from seqlab.runs.folder.saved_config import load_config
from seqlab.sweeps.task import Task, read_task
from seqlab.system.console import console
from seqlab.system.errors import (
    EXIT_FAILED,
    EXIT_USAGE,
    UserError,
    described,
    print_error,
    reported,
)
from seqlab.system.files import json_text, write_text
from seqlab.system.signals import DeferredSignals
from seqlab.system.surroundings import own_environment

_PATIENCE_S = 60.0


class EarlyExit(RuntimeError):
    """The job's own code ended its process."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def do_task(task: Task, signalled: Callable[[], int | None]) -> int:
    """Train what a task describes, in this very process; return the exit code.

    The outcome is written beside the task's file.

    Args:
        task: the job.
        signalled: returns a signal that came before the run could answer it.
    """
    with reported() as errors:
        code, left = _done(task, signalled)
    error = left or (errors[-1] if errors and code else None)
    write_text(task.outcome, json_text({"code": code, "error": described(error)}))
    return code


def work(file: Path) -> int:
    """Do the task that a file holds, in a process that does nothing else; return the exit code."""
    began_with_the_process()
    task = read_task(file)
    os.chdir(task.working_folder)
    signals = DeferredSignals()
    with own_environment(), console(), _output_into(task.output):
        return do_task(task, signals.received)


def work_in_a_fork(file: Path, environment: dict[str, str], path: list[str]) -> None:
    """Do a task in a process that was forked for it alone.

    Args:
        file: holds the task.
        environment: the variables of the process that asks for it.
        path: where that one imports from.
    """
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = path
    os.setpgid(0, 0)  # Ctrl-C strikes a terminal's whole group; the sweep alone answers it
    asking = multiprocessing.parent_process()
    assert asking is not None
    stop_without(lambda: wait([asking.sentinel]))
    sys.exit(work(file))


def _done(task: Task, signalled: Callable[[], int | None]) -> tuple[int, BaseException | None]:
    try:
        register_resolvers()
        enter_project()
        return _trained(task, signalled), None
    except BaseException as caught:
        error = caught
        if isinstance(caught, SystemExit):
            text = f"the job left with sys.exit({caught.code!r})"
            error = EarlyExit(text, "Raise an exception instead.")
        print_error(error)
        return EXIT_USAGE if isinstance(error, UserError) else EXIT_FAILED, error


def _trained(task: Task, signalled: Callable[[], int | None]) -> int:
    folder = Path(task.folder)
    resumed = (folder / CONFIG).is_file()
    if resumed:
        _hold_patiently(folder)
    else:
        claim(folder, task.config)
    try:
        import torch  # only once the folder is ours

        from seqlab.runs.run import run

        if task.threads is not None:
            torch.set_num_threads(task.threads)
        # Read back from its file, it is the same configuration for a first and a later attempt.
        config = load_config(folder)
        overrides = [] if resumed else task.overrides
        code = run(config, folder, overrides, signalled, _callbacks(task), resumed=resumed)
        leave(folder)
        return code
    finally:
        give_up(folder)


def _callbacks(task: Task) -> list[Any]:
    """Return what a search wants to be asked at the end of each epoch."""
    if task.pruning is None:
        return []
    from seqlab.callbacks.pruning import Pruning
    from seqlab.sweeps.ranking import PREFERRED
    from seqlab.sweeps.search.judge import Judge

    wanted = task.pruning["metric"]
    return [Pruning([wanted] if wanted else PREFERRED, Judge(task.pruning).report)]


def _hold_patiently(folder: Path) -> None:
    """Take a run's folder, from an earlier process that may still be saving its last state."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return hold(folder)
        except UserError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@contextmanager
def _output_into(file: Path) -> Iterator[None]:
    """Send what the process prints into a file, whoever prints it, without colours."""
    os.environ.pop("FORCE_COLOR", None)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    target = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for place, descriptor in enumerate(kept, start=1):
            os.dup2(descriptor, place)
            os.close(descriptor)


def stop_without(is_gone: Callable[[], Any]) -> None:
    """End this process as SIGTERM does, saved and resumable, once the one that follows it is gone.

    Args:
        is_gone: returns when it is.
    """

    def watch() -> None:
        is_gone()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True, name="watch").start()


if __name__ == "__main__":
    stop_without(sys.stdin.read)  # it ends when the process at its other end does
    sys.exit(work(Path(sys.argv[1])))
