"""The trials of a search as the jobs of a sweep: proposed one by one, told what became of them."""

import json
import math
from collections import defaultdict, deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from seqlab.config.compose.jobs import Assignment
from seqlab.config.space.dimensions import Space
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.sweeps.ledger import Row, read_ledger
from seqlab.sweeps.ranking import chosen_metric
from seqlab.sweeps.search.methods import check_methods
from seqlab.sweeps.search.options import SearchOptions, storage_place
from seqlab.sweeps.search.search_file import SearchRecord, write_search
from seqlab.sweeps.search.storage import check_storage
from seqlab.sweeps.search.study import SearchStudy
from seqlab.system.errors import UserError

_DIVERGED = "NonFiniteError"


class SearchSource:
    """Proposes the trials of a study.

    First come those that an earlier start of the search has asked for: finished ones are found in
    the ledger, the others go on. A new study then takes over what the ledger knows of the same
    space, before it proposes anything of its own.

    Args:
        space: what a trial is made of.
        options: how trials are proposed, how many, and where the study is kept.
        folder: the sweep's folder; nothing is written there until the first trial is asked for.
        name: what the sweep is called.
        snapshot: the state of the configuration files.

    Raises:
        UserError: an option has a value that it cannot have, or the storage cannot be read.
    """

    def __init__(
        self, space: Space, options: SearchOptions, folder: Path, name: str, snapshot: str
    ) -> None:
        self._space, self._options, self._folder = space, options, folder
        self._place = storage_place(options.storage, folder)
        self._name = options.study_name or (folder.as_posix() if options.storage else name)
        self._identity = _identity(space, options, snapshot)
        check_methods(options, space)
        check_storage(self._place)
        self._opened: SearchStudy | None = None
        self._earlier: deque[FrozenTrial] = deque()
        self._known: deque[tuple[dict[str, Any], bool]] = deque()
        self._asked = 0
        self._taken_over: int | None = None
        self._queue: deque[Assignment] = deque()
        # What became of each trial's jobs, by their words.
        self._rows: defaultdict[int, dict[tuple[str, ...], Row]] = defaultdict(dict)
        self._jobs_a_trial = max(1, len(space.seeds))

    @property
    def total(self) -> int:
        """How many jobs there are in all: one for each trial and seed."""
        return self._options.n_trials * self._jobs_a_trial

    def preview(self) -> Iterable[Assignment]:
        """Return jobs at the edges of the space, with every choice among them."""
        for values in self._space.corners():
            yield self._space.assignments(values)[0]

    def next(self) -> Assignment | None:
        """Return a job of the trial at hand, or of the next one."""
        if not self._queue and not self.exhausted:
            number, values = self._proposed(self._open())
            self._queue.extend(self._space.assignments(values, number))
            self._asked += 1
        return self._queue.popleft() if self._queue else None

    @property
    def exhausted(self) -> bool:
        """Whether every trial has been proposed."""
        return not self._queue and self._asked >= self._options.n_trials

    def pruning(self, assignment: Assignment) -> dict[str, Any] | None:
        """Return what the process of a job needs to report to the study, and to be pruned."""
        if self._options.pruner == "none":
            return None
        study = self._open()
        return {
            "storage": self._place,
            "study": study.name,
            "trial": assignment.trial,
            "metric": self._options.metric or study.metric,
            "pruner": self._options.pruner,
            "pruner_options": dict(self._options.pruner_options),
        }

    def tell(self, assignment: Assignment, row: Row) -> None:
        """Take note of what became of a job; the last one of its trial decides on that.

        Raises:
            UserError: the metric to be searched by is not there.
        """
        assert assignment.trial is not None
        if row.status not in ("completed", "pruned", "failed"):
            return  # it goes on when the sweep does
        rows = self._rows[assignment.trial]
        rows[assignment.overrides] = row
        if len(rows) == self._jobs_a_trial:
            study = self._open()
            study.tell(assignment.trial, *self._judged(study, list(rows.values())))

    def _open(self) -> SearchStudy:
        if self._opened is None:
            study = SearchStudy(self._place, self._name, self._identity, self._space, self._options)
            write_search(self._folder, SearchRecord(self._place, study.name))
            self._earlier.extend(study.trials())
            if not self._earlier:
                self._known.extend(_known(self._folder, self._space))
            self._opened = study
        return self._opened

    def _proposed(self, study: SearchStudy) -> tuple[int, dict[str, Any]]:
        if self._earlier:
            trial = self._earlier.popleft()
            return trial.number, study.ask_again(trial)
        if self._taken_over is not None and not study.is_told(self._taken_over):
            self._known.clear()  # what is known does not hold any more: it had to run again
        self._taken_over = None
        if self._known:
            values, is_finished = self._known.popleft()
            number, values = study.ask(values)
            self._taken_over = number if is_finished else None
            return number, values
        return study.ask()

    def _judged(
        self, study: SearchStudy, rows: list[Row]
    ) -> tuple[TrialState, float | None, dict[int, float]]:
        """Return how a trial ended, its value, and the metric after each epoch."""
        failures = [row for row in rows if row.status == "failed"]
        if any((row.error or {}).get("type") != _DIVERGED for row in failures):
            return TrialState.FAIL, None, {}
        metric = self._metric(study, rows)
        steps = self._curve(rows[0], metric) if len(rows) == 1 else {}
        value = math.nan
        if metric is not None and all(row.status == "completed" for row in rows):
            value = sum(row.metrics[metric] for row in rows) / len(rows)
        if math.isfinite(value):
            return TrialState.COMPLETE, value, steps
        # Not FAIL, which samplers pass over: that a setting diverges is worth knowing.
        return TrialState.PRUNED, None, steps

    def _metric(self, study: SearchStudy, rows: list[Row]) -> str | None:
        wanted = self._options.metric or study.metric
        completed = [row for row in rows if row.status == "completed"]
        if not completed:
            return wanted
        metric = chosen_metric(completed, wanted)
        if metric is None:
            known = ", ".join(completed[0].metrics)
            raise UserError(
                f"a search by {wanted or 'val/loss'}: job {completed[0].number:04d} has no such "
                "metric",
                f"hydra.sweeper.metric=NAME chooses another. There are: {known}.",
            )
        if study.metric is None:
            study.metric = metric
        return metric

    def _curve(self, row: Row, metric: str | None) -> dict[int, float]:
        """Return what a pruner would have been told, for runs that told nobody."""
        if metric is None or self._options.pruner == "none":
            return {}
        table = RunFolder(self._folder / row.folder).read_metrics()
        return dict(table.get(metric, []))


def _identity(space: Space, options: SearchOptions, snapshot: str) -> str:
    """Return text that is the same for searches whose trials can be compared."""
    dimensions = [
        [each.key, each.kind, each.low, each.high, each.log, each.step, each.values, each.when]
        for each in space.dimensions
    ]
    parts = [dimensions, sorted(space.fixed), space.seeds, options.metric, snapshot]
    return json.dumps(parts, default=dict)


def _known(folder: Path, space: Space) -> list[tuple[dict[str, Any], bool]]:
    """Return the values of the ledger's trials that lie in the space, the finished ones first.

    With each comes whether it is finished.
    """
    rows = [row for row in read_ledger(folder).rows.values() if row.trial is not None]
    found: list[tuple[dict[str, Any], bool]] = []
    for row in sorted(rows, key=lambda row: (not row.is_finished, row.number)):
        values = space.values_in(row.parameters)
        if values is not None and values not in [each for each, _ in found]:
            found.append((values, row.is_finished))
    return found
