"""The samplers and pruners by their names, and what the space is to optuna."""

import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
import optuna
from optuna import pruners, samplers

from seqlab.config.space.dimensions import Space
from seqlab.sweeps.search.options import SearchOptions
from seqlab.system.errors import UserError, first_line

_MOST_FOR_GP = 100


def sampler_for(options: SearchOptions, space: Space, number: int) -> samplers.BaseSampler:
    """Return the sampler that proposes one trial.

    Each trial has its own seed: a sampler seeded once would, when a search is resumed, propose
    what it proposed at first.

    Args:
        options: those of the search.
        space: where it looks.
        number: the trial's.
    """
    seed = int(np.random.SeedSequence([options.sampler_seed, number]).generate_state(1)[0])
    with warnings.catch_warnings():
        # Some samplers and options have been called experimental for years.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return _sampler(options, space, seed)


def method_of(options: SearchOptions, space: Space) -> str:
    """Return the sampler's name; for `auto` the one that suits the space.

    Gaussian processes find more in few trials. Their cost grows with the cube of the number of
    trials, and keys that only some trials have are beyond them.
    """
    if options.sampler != "auto":
        return options.sampler
    few = options.n_trials <= _MOST_FOR_GP and find_spec("scipy") is not None
    return "gp" if few and not space.is_conditional else "tpe"


def _sampler(options: SearchOptions, space: Space, seed: int) -> samplers.BaseSampler:
    given: dict[str, Any] = dict(options.sampler_options)
    name = method_of(options, space)
    if name == "random":
        return samplers.RandomSampler(seed=seed)
    if name == "gp":
        return samplers.GPSampler(seed=seed, warn_independent_sampling=False, **given)
    if name == "nsgaii":
        return samplers.NSGAIISampler(seed=seed, **given)
    if name == "cmaes":
        return samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False, **given)
    if name == "qmc":  # one sequence for all trials: its place in it is in the study
        return samplers.QMCSampler(
            seed=options.sampler_seed,
            independent_sampler=samplers.RandomSampler(seed=seed),
            warn_independent_sampling=False,
            warn_asynchronous_seeding=False,
            **given,
        )
    given.setdefault("group", space.is_conditional and given.get("multivariate") is not False)
    return samplers.TPESampler(seed=seed, **given)


def pruner_for(name: str, given: Mapping[str, Any]) -> pruners.BasePruner:
    """Return a pruner.

    Args:
        name: one of `PRUNERS`.
        given: its options.

    Raises:
        UserError: they contradict each other, or one that it needs is missing.
    """
    kinds: dict[str, Any] = {
        "none": pruners.NopPruner,
        "median": pruners.MedianPruner,
        "percentile": pruners.PercentilePruner,
        "asha": pruners.SuccessiveHalvingPruner,
        "hyperband": pruners.HyperbandPruner,
        "threshold": pruners.ThresholdPruner,
    }
    return _built("pruner", lambda: kinds[name](**given))


def check_methods(options: SearchOptions, space: Space) -> None:
    """Raise `UserError` where the sampler or the pruner cannot be had with these options."""
    _built("sampler", lambda: sampler_for(options, space, 0))
    pruner_for(options.pruner, options.pruner_options)
    if options.pruner != "none" and len(space.seeds) > 1:
        raise UserError(
            f"hydra.sweeper.pruner={options.pruner} with {len(space.seeds)} seeds a trial: a trial "
            "is judged by the mean over its seeds, which is known only at its end",
            "Leave one seed, or hydra.sweeper.pruner=none.",
        )


def _built(what: str, build: Any) -> Any:
    try:
        return build()
    except (ValueError, TypeError) as error:
        raise UserError(
            f"hydra.sweeper.{what}_options: {first_line(error)}", "Change what it names."
        ) from None


def suggested(space: Space, trial: optuna.Trial) -> dict[str, Any]:
    """Return a trial's values, drawing those that it does not have yet."""
    values: dict[str, Any] = {}
    for each in space.dimensions:
        if not each.is_active(values):
            continue
        if each.kind == "choice":
            values[each.name] = trial.suggest_categorical(each.name, each.values)
        elif each.kind == "int":
            values[each.name] = trial.suggest_int(
                each.name, int(each.low), int(each.high), step=int(each.step or 1), log=each.log
            )
        else:
            values[each.name] = trial.suggest_float(
                each.name, each.low, each.high, step=each.step, log=each.log
            )
    return values
