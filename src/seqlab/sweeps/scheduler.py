"""The loop of a sweep: starts jobs where there is room, follows them, and keeps the ledger."""

import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from seqlab.config.compose.jobs import Assignment, Composed
from seqlab.runs.provenance import fingerprint
from seqlab.sweeps.collect import collected, may_be_retried, reconciled
from seqlab.sweeps.index import Index
from seqlab.sweeps.job_source import Source
from seqlab.sweeps.launchers.base import Ending, Launcher
from seqlab.sweeps.launchers.launcher_options import Options
from seqlab.sweeps.ledger import Row
from seqlab.sweeps.ledger_file import LedgerFile
from seqlab.sweeps.task import JOBS, Task
from seqlab.system.errors import UserError

_POLL_S = 0.5


class View(Protocol):
    """Shows how a sweep is getting on."""

    def started(self, job: "Job") -> None:
        """Show that a job is at work."""

    def ended(self, row: Row, job: "Job | None") -> None:
        """Show what became of a job; without one it was finished before."""

    def refresh(self) -> None:
        """Look at what the jobs have done since."""


@dataclass
class Job:
    """A job at work, or about to be.

    Attributes:
        assignment: what makes it.
        row: what the ledger says of it.
        config: the content of its config.yaml.
        epochs: how many it is to train for.
        retries: how often it was started again since the sweep was.
    """

    assignment: Assignment
    row: Row
    config: str = ""
    epochs: int = 0
    retries: int = 0


@dataclass
class Tally:
    """What a sweep has come to.

    Attributes:
        rows: of the jobs that this start asked for, in the order in which they came to rest.
        before: how many of them were finished before.
        ended: how many processes have ended.
        signum: the signal that stopped the sweep.
    """

    rows: list[Row]
    before: int = 0
    ended: int = 0
    signum: int | None = None

    @property
    def failures(self) -> list[Row]:
        """The jobs that did not come to a good end."""
        return [row for row in self.rows if not row.is_finished]


@dataclass
class Scheduler:
    """Runs the jobs of a source to their ends.

    Args:
        source: proposes them.
        compose: returns a job's configuration, given its overrides.
        store: the sweep's ledger.
        launcher: starts their processes.
        options: what holds for all of them.
        snapshot: the state of the configuration files.
        view: shows how it goes.
        signalled: tells of a signal that is to end the sweep.
    """

    source: Source
    compose: Callable[[list[str]], Composed]
    store: LedgerFile
    launcher: Launcher
    options: Options
    snapshot: str
    view: View
    signalled: Callable[[], int | None]
    tally: Tally = field(default_factory=lambda: Tally([]), init=False)

    def __post_init__(self) -> None:
        self._sweep = self.store.ledger.folder
        self._index = Index(self.store, self.snapshot)
        self._running: dict[int, Job] = {}
        self._again: deque[Job] = deque()
        self._twins: dict[int, list[Assignment]] = {}
        self._stopping = False

    def run(self) -> Tally:
        """Run every job to its end, or until a signal or a failure stops the sweep."""
        while True:
            self._heed_signals()
            while not self._stopping and len(self._running) < self.launcher.slots:
                if not self._start_one():
                    break
                self._heed_signals()
            self._note_handles()
            nothing_left = not self._again and self.source.exhausted
            if not self._running and (self._stopping or nothing_left):
                return self.tally
            for ending in self.launcher.wait(_POLL_S):
                self._end(ending)
            self.view.refresh()

    def _heed_signals(self) -> None:
        signum = self.signalled()
        if signum is not None and self.tally.signum is None:
            self.tally.signum = signum
            self._stop(signum)

    def _stop(self, signum: int) -> None:
        self._stopping = True
        self.launcher.stop(signum)

    def _start_one(self) -> bool:
        """Start a job, or settle one that needs no start; return whether there was any."""
        if self._again:
            self._start(self._again.popleft())
            return True
        assignment = self.source.next()
        if assignment is None:
            return False
        try:
            self._take_up(assignment)
        except UserError as error:
            self._refused(assignment, error)
        return True

    def _take_up(self, assignment: Assignment) -> None:
        """Start a job, go on with it, or leave it where it is finished.

        Raises:
            UserError: it cannot be composed.
        """
        words = assignment.overrides
        row, composed = self._index.by_words(words), None
        if row is None:
            composed = self.compose(list(words))
            row = self._index.by_fingerprint(fingerprint(composed.plain))
        if row is None:
            assert composed is not None
            row = self._new_row(assignment, composed, self._index.new_number())
            self._start(_job(assignment, row, composed))
            return
        if row.number in self._running:
            self._twins.setdefault(row.number, []).append(assignment)
            return
        row = self._renewed(row, assignment)
        if row.is_finished or (row.status == "failed" and not self.options.retry_failed):
            self.tally.before += row.is_finished
            self._settle(assignment, row, None)
            return
        composed = composed or self.compose(list(words))
        if not row.folder:  # it could not be composed before
            attempts = row.attempts
            row = replace(self._new_row(assignment, composed, row.number), attempts=attempts)
        job = _job(assignment, row, composed)
        if row.status == "running" and row.handle is not None:
            if self.launcher.adopt(self._task(job), row.handle):
                self._follow(job)
                return
            job.row = reconciled(row, self._sweep)
            self.store.add_row(job.row)
            if job.row.is_finished:
                self._settle(assignment, job.row, None)
                return
        job.row = replace(job.row, attempts=row.attempts + 1)
        self._start(job)

    def _new_row(self, assignment: Assignment, composed: Composed, number: int) -> Row:
        return Row(
            number=number,
            fingerprint=fingerprint(composed.plain),
            folder=f"{number:04d}_{assignment.folder}".rstrip("_"),
            status="running",
            **self._described(assignment),
        )

    def _described(self, assignment: Assignment) -> dict[str, Any]:
        """Return what a row says of how its job is made."""
        return {
            "overrides": list(assignment.overrides),
            "parameters": assignment.parameters,
            "snapshot": self.snapshot,
            "trial": assignment.trial,
            "label": assignment.label,
        }

    def _renewed(self, row: Row, assignment: Assignment) -> Row:
        """Return the row as one of the files' present state, which is known to describe it."""
        if row.snapshot == self.snapshot and row.trial == assignment.trial:
            return row
        row = replace(row, **self._described(assignment))
        self.store.add_row(row)
        return row

    def _task(self, job: Job) -> Task:
        return Task(
            number=job.row.number,
            folder=str((self._sweep / job.row.folder).absolute()),
            overrides=list(job.assignment.overrides),
            config=job.config,
            working_folder=str(Path.cwd()),
            files=str((self._sweep / JOBS / f"{job.row.number:04d}").absolute()),
            threads=self.launcher.threads,
            pruning=self.source.pruning(job.assignment),
        )

    def _start(self, job: Job) -> None:
        job.row = replace(job.row, status="running", error=None)
        self.store.add_row(job.row)
        task = self._task(job)
        task.write()
        self.launcher.start(task)
        self._follow(job)

    def _note_handles(self) -> None:
        for number, handle in self.launcher.submit().items():
            job = self._running[number]
            job.row = replace(job.row, handle=handle)
            self.store.add_row(job.row)

    def _follow(self, job: Job) -> None:
        self._running[job.row.number] = job
        self._index.add(job.row)
        self._index.appeared(job.row.folder)
        self.view.started(job)

    def _end(self, ending: Ending) -> None:
        job = self._running.pop(ending.number)
        self.tally.ended += 1
        task = self._task(job)
        row = replace(collected(job.row, self._sweep, ending, task), handle=None)
        task.clear(keep_output=not row.is_finished)
        self.store.add_row(row)
        again = not self._stopping and job.retries < self.options.retries and may_be_retried(row)
        job.row = replace(row, attempts=row.attempts + again)
        if again:
            job.retries += 1
            self._again.append(job)
        else:
            self._settle(job.assignment, row, job)

    def _settle(self, assignment: Assignment, row: Row, job: Job | None) -> None:
        self._index.add(row)
        self.tally.rows.append(row)
        for each in (assignment, *self._twins.pop(row.number, [])):
            self.source.tell(each, row)
        self.view.ended(row, job)
        if job is not None and row.status == "failed" and self.options.fail_fast:
            self._stop(signal.SIGTERM)

    def _refused(self, assignment: Assignment, error: UserError) -> None:
        row = Row(
            number=self._index.new_number(),
            fingerprint="",
            folder="",
            status="failed",
            error={"type": "UserError", "message": str(error), "hint": error.hint},
            **self._described(assignment),
        )
        self.store.add_row(row)
        self._settle(assignment, row, Job(assignment, row))


def _job(assignment: Assignment, row: Row, composed: Composed) -> Job:
    return Job(assignment, row, composed.text, int(composed.plain["trainer"]["max_epochs"]))
