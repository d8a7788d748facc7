"""One comparison at equal budget: each method names its best setting, which is then judged."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import optuna
import torch

from seqlab.config.space.dimensions import Dimension, Space
from seqlab.sweeps.search.methods import sampler_for, suggested
from seqlab.sweeps.search.options import SearchOptions

METHODS = ("grid", "random", "tpe", "gp")
Setting = tuple[float, int]
"""Learning rate and hidden size."""


def compared(
    case: str, budgets: Sequence[int], repeats: int, judged: Callable[[str, int, int], float]
) -> list[dict[str, Any]]:
    """Return, for each budget, what each method reaches in each repetition.

    Args:
        case: what is searched.
        budgets: numbers of trials.
        repeats: repetitions of each method.
        judged: returns the true value of a method's best setting, given the method, the budget and
            the repetition.
    """
    torch.set_num_threads(1)
    return [
        {
            "budget": budget,
            "case": case,
            "found": {
                method: [round(judged(method, budget, repeat), 6) for repeat in range(repeats)]
                for method in METHODS
            },
        }
        for budget in budgets
    ]


def best_setting(
    method: str,
    budget: int,
    seed: int,
    ranges: tuple[tuple[float, float], tuple[int, int]],
    objective: Callable[[float, int], float],
) -> Setting:
    """Return the setting that a method finds best within its budget.

    Args:
        method: one of `METHODS`.
        budget: number of trials.
        seed: of the method's proposals.
        ranges: of learning rate and hidden size, both searched on logarithmic scales.
        objective: the value of one trial; lower is better.
    """
    if method == "grid":
        return min(_grid(budget, *ranges), key=lambda setting: objective(*setting))
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    lrs, sizes = ranges
    dimensions = (
        Dimension("lr", "float", *lrs, log=True),
        Dimension("hidden_size", "int", *sizes, log=True),
    )
    space = Space(dimensions=dimensions, fixed=(), seeds=(), plain={})
    options = SearchOptions(n_trials=budget, sampler=method, sampler_seed=seed)
    study = optuna.create_study()
    for number in range(budget):
        study.sampler = sampler_for(options, space, number)
        trial = study.ask()
        values = suggested(space, trial)
        study.tell(trial, objective(values["lr"], values["hidden_size"]))
    return study.best_params["lr"], study.best_params["hidden_size"]


def _grid(budget: int, lrs: tuple[float, float], sizes: tuple[int, int]) -> Iterator[Setting]:
    """Yield a square grid of settings, evenly on logarithmic scales, its ends included."""
    side = math.isqrt(budget)
    for lr in np.geomspace(*lrs, side):
        for hidden in np.geomspace(*sizes, side):
            yield float(lr), round(hidden)
