"""What a job reports to its study at the end of an epoch, and what the study answers."""

import logging
from typing import Any

from optuna.trial import TrialState

from seqlab.sweeps.search.methods import pruner_for
from seqlab.sweeps.search.storage import load_study, trial_of

logger = logging.getLogger(__name__)


class Judge:
    """Tells the study of a trial's epochs.

    Args:
        pruning: `storage`, `study`, `trial`, `pruner` and `pruner_options`, as the search's source
            writes them into the job's task.
    """

    def __init__(self, pruning: dict[str, Any]) -> None:
        pruner = pruner_for(pruning["pruner"], pruning["pruner_options"])
        self._study = load_study(pruning["storage"], pruning["study"], pruner)
        self._number = int(pruning["trial"])

    def report(self, epoch: int, value: float) -> bool:
        """Report an epoch's value, and return whether the trial is to end.

        An epoch that was reported before, by the run before it was resumed, is only asked about. A
        study that cannot be reached costs the answer, not the run.
        """
        try:
            return self._reported(epoch, value)
        except Exception as error:  # of optuna, SQLAlchemy, SQLite or the system
            logger.warning("epoch %d was not reported to the search: %s", epoch, error)
            return False

    def _reported(self, epoch: int, value: float) -> bool:
        known = self._study.get_trials(deepcopy=False)[self._number]
        if known.state != TrialState.RUNNING:
            return False  # a failed trial that is tried once more
        trial = trial_of(self._study, self._number)
        if epoch not in known.intermediate_values:
            trial.report(value, epoch)
        return trial.should_prune()
