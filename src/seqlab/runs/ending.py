"""How a run ends: completed, interrupted, failed or refused; what it then records and prints."""

import errno
import logging
import os
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlab.callbacks.stop_on_signal import Interrupted
from seqlab.parallel.processes import RankError
from seqlab.runs.experiment import Experiment
from seqlab.runs.folder.lock import FolderGone, check_there
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.runs.result import ResultFile
from seqlab.runs.resumption import ResumePoint
from seqlab.system.errors import (
    EXIT_FAILED,
    EXIT_USAGE,
    NonFiniteError,
    UserError,
    print_error,
)
from seqlab.system.messages import log_entry
from seqlab.system.terminal import as_word, leave_echo, say

logger = logging.getLogger(__name__)

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def resume_command(folder: RunFolder) -> str:
    """Return what to type to resume the run in a folder."""
    return f"python -m train resume={as_word(folder.path)}"


def refused(error: Exception, folder: RunFolder) -> int:
    """Print why a run could not begin; return the exit code."""
    error = _explained(error, folder)
    print_error(error)
    if isinstance(error, FolderGone):
        return EXIT_FAILED
    if isinstance(error, ValueError):
        return EXIT_USAGE
    if not isinstance(error, OSError):  # of a data set or model of the person's own
        say("  SEQLAB_TRACEBACK=1 shows where.", error=True)
    return EXIT_FAILED


@dataclass(frozen=True)
class Ending:
    """Records and prints how a run that had begun ends; each method returns what comes of it.

    Args:
        experiment: what was trained.
        folder: the run folder.
        result: its result.json.
        point: where the run was resumed.
    """

    experiment: Experiment
    folder: RunFolder
    result: ResultFile
    point: ResumePoint | None

    def metrics(self) -> dict[str, float]:
        """Return the latest value of each metric, those of the earlier part included."""
        earlier = {} if self.point is None else self.point.metrics
        return earlier | self.experiment.metrics()

    def completed(self, metrics: dict[str, float]) -> dict[str, Any]:
        """Record the end of a training that came to it; return the result."""
        return self.result.write("completed", self.experiment.progress(), metrics)

    def tell_stop(self) -> None:
        """Log what ended the training before its last epoch, if anything did."""
        progress = self.experiment.progress()
        if progress.stopped:
            best = f"; the best epoch was {progress.best_epoch}" if progress.best_epoch else ""
            text = f"stopped early after epoch {progress.epochs}: {progress.stopped}{best}"
            logger.info("%s", text, extra={"forms": []})  # the summary says so on the console

    def interrupted(self, interrupted: Interrupted) -> int:
        """Record and print what stopped the run; return the exit code."""
        command = resume_command(self.folder)
        interrupted.hint = f"Resume with: {command}"
        progress = self.experiment.progress()
        with suppress(OSError, FolderGone):
            self.result.write("interrupted", progress, self.metrics(), interrupted)
        saved = "" if self.folder.last.is_file() else " (no checkpoint: it begins again)"
        leave_echo()
        told = interrupted.told(progress.epochs, self.experiment.trainer.max_epochs)
        logger.info("%s; resume with%s:\n  %s", told, saved, command)
        return interrupted.exit_code

    def failed(self, error: Exception) -> int:
        """Record and print what ended the run; on a full disk as much as there is room for."""
        folder = self.folder
        if isinstance(error, RankError):
            error.hint = f"{error.hint} Resume with: {resume_command(folder)}".strip()
        if isinstance(error, NonFiniteError):
            error.hint = f"{error.hint} {_way_on(folder)}"
        error = _explained(error, folder)
        if isinstance(error, FolderGone):
            print_error(error)
            return EXIT_FAILED
        with suppress(OSError), folder.log.open("a", encoding="utf-8") as file:
            told = "".join(traceback.format_exception(error)).rstrip()
            file.write(f"{log_entry(told)}\n")
        with suppress(OSError):
            progress = self.experiment.progress(failed=True)
            self.result.write("failed", progress, self.metrics(), error)
        print_error(error)
        say(f"  {folder.log} has the details.", error=True)
        return EXIT_FAILED

    def failed_elsewhere(self, error: RankError) -> None:
        """End this process, which waits in vain for another one that failed."""
        self.failed(error)
        os._exit(EXIT_FAILED)


def _way_on(folder: RunFolder) -> str:
    if not folder.last.is_file():
        return "There is no checkpoint yet: start a new run."
    return (
        f"The last good checkpoint, its weights all finite, is {folder.last}. From there "
        f"{resume_command(folder)} goes on, with another trainer.gradient_clip_val, "
        "trainer.precision or on_nonfinite; another learning rate needs a new run."
    )


def _explained(error: Exception, folder: RunFolder) -> Exception:
    """Return the error, or one that says why the run folder cannot be written any more."""
    try:
        check_there(folder.path)
    except FolderGone as gone:
        gone.__cause__ = error
        return gone
    if not isinstance(error, OSError):
        return error
    no_room = error.errno in _NO_ROOM
    if not no_room and not Path(str(error.filename)).is_relative_to(folder.path):
        return error
    remedy = "Make room" if no_room else "Make it possible to write there"
    if folder.result.exists():
        remedy = f"What was written before is whole. {remedy}, then resume with: "
        remedy += resume_command(folder)
    else:
        remedy += ", then type the same command again: nothing was started."
    told = UserError(f"the run could not be written any further: {error.strerror}", remedy)
    told.__cause__ = error
    return told
