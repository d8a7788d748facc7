"""The study of one search: its trials, asked for and told, each number only once."""

from collections.abc import Mapping
from typing import Any

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from seqlab.config.space.dimensions import Space
from seqlab.sweeps.search.methods import pruner_for, sampler_for, suggested
from seqlab.sweeps.search.options import SearchOptions
from seqlab.sweeps.search.storage import open_storage, trial_of

_IDENTITY = "seqlab"
_AGAIN = "again"
_METRIC = "metric"


class SearchStudy:
    """An optuna study that belongs to exactly one search.

    What does not belong together is not mixed: where the space, what is held fixed or the
    configuration files have changed since, the search has a study of its own, `NAME-2` and so on.

    Args:
        place: where it is kept, as `storage_place` returns it.
        name: what it is called.
        identity: text that is the same for the same search.
        space: what its trials are made of.
        options: how they are proposed.
    """

    def __init__(
        self, place: str, name: str, identity: str, space: Space, options: SearchOptions
    ) -> None:
        self._space, self._options = space, options
        storage = open_storage(place)
        pruner = pruner_for(options.pruner, options.pruner_options)
        self.study = _found_or_made(storage, name, identity, options.direction, pruner)
        self.name = self.study.study_name

    def trials(self) -> list[FrozenTrial]:
        """Return every trial that was asked for, in order."""
        trials = self.study.get_trials(deepcopy=False)
        asked = [each for each in trials if each.state != TrialState.WAITING]
        return [each for each in asked if _AGAIN not in each.user_attrs]

    def ask(self, values: Mapping[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Return a new trial's number and values.

        Args:
            values: what it has to be; `None`: the sampler decides.
        """
        if values is not None:
            self.study.enqueue_trial(dict(values))
        number = len(self.study.get_trials(deepcopy=False))
        self.study.sampler = sampler_for(self._options, self._space, number)
        trial = self.study.ask()
        return trial.number, suggested(self._space, trial)

    def ask_again(self, trial: FrozenTrial) -> dict[str, Any]:
        """Return the values of a trial that was asked for before."""
        if trial.state.is_finished():
            return dict(trial.params)
        # Killed while it was drawn, it may lack some.
        self.study.sampler = sampler_for(self._options, self._space, trial.number)
        return suggested(self._space, trial_of(self.study, trial.number))

    def tell(
        self, number: int, state: TrialState, value: float | None, steps: Mapping[int, float]
    ) -> None:
        """Take note of what became of a trial.

        A trial that failed, and succeeded when it was tried again, is added as another one, since
        a study's finished trials cannot be changed.

        Args:
            number: the trial's.
            state: how it ended.
            value: of the metric, where it is complete.
            steps: the metric after each epoch; those reported already stay as they are.
        """
        known = self._trial(number)
        if not known.state.is_finished():
            missing = steps.keys() - known.intermediate_values.keys()
            if missing:
                trial = trial_of(self.study, number)
                for step in sorted(missing):
                    trial.report(steps[step], step)
            self.study.tell(number, value, state=state)
        elif state == TrialState.COMPLETE and known.state != TrialState.COMPLETE:
            everything = self.study.get_trials(deepcopy=False)
            if not any(each.user_attrs.get(_AGAIN) == number for each in everything):
                self.study.add_trial(_completed(known, value, steps))

    def is_told(self, number: int) -> bool:
        """Return whether a trial has come to its end."""
        return self._trial(number).state.is_finished()

    @property
    def metric(self) -> str | None:
        """The metric that its values are of, once the first is known."""
        return self.study.user_attrs.get(_METRIC)

    @metric.setter
    def metric(self, name: str) -> None:
        self.study.set_user_attr(_METRIC, name)

    def _trial(self, number: int) -> FrozenTrial:
        return self.study.get_trials(deepcopy=False)[number]


def _found_or_made(
    storage: Any, name: str, identity: str, direction: str, pruner: Any
) -> optuna.Study:
    existing = {study.study_name for study in storage.get_all_studies()}
    count = 1
    while True:
        candidate = name if count == 1 else f"{name}-{count}"
        if candidate not in existing:
            study = optuna.create_study(
                storage=storage,
                study_name=candidate,
                direction=StudyDirection[direction.upper()],
                pruner=pruner,
            )
            study.set_user_attr(_IDENTITY, identity)
            return study
        study = optuna.load_study(study_name=candidate, storage=storage, pruner=pruner)
        found = study.user_attrs.get(_IDENTITY)
        if found is None and not study.get_trials(deepcopy=False):
            study.set_user_attr(_IDENTITY, identity)  # killed right after it was made
            found = identity
        if found == identity and study.direction.name.lower() == direction:
            return study
        count += 1


def _completed(trial: FrozenTrial, value: float | None, steps: Mapping[int, float]) -> FrozenTrial:
    return create_trial(
        state=TrialState.COMPLETE,
        value=value,
        params=trial.params,
        distributions=trial.distributions,
        intermediate_values=dict(steps),
        user_attrs={_AGAIN: trial.number},
    )
