"""A cheap objective with the shape of a training, searched in three ways."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
import torch

from seqlab.config.space.dimensions import Dimension, Space
from seqlab.sweeps.search.methods import sampler_for, suggested
from seqlab.sweeps.search.options import SearchOptions

BUDGETS = (16, 25)
LR, HIDDEN = (1e-3, 10.0), (16, 256)
NOISE = 0.05
_LRS = np.geomspace(*LR, 801).tolist()
SPACE = Space(
    dimensions=(
        Dimension("lr", "float", *LR, log=True),
        Dimension("hidden_size", "int", *HIDDEN, log=True),
    ),
    fixed=(),
    seeds=(),
    plain={},
)


@dataclass(frozen=True)
class Objective:
    """A training's outcome, without and with what its seed does to it.

    Attributes:
        shift: by how many decades the best learning rate is moved.
    """

    shift: float = 0.0

    def loss(self, lr: float, hidden_size: float) -> float:
        """Return the value without noise.

        Too small a learning rate gets nowhere (a plateau), too high a one diverges (a steep wall);
        the best one falls as the network grows, and a larger network gains less and less.
        """
        best = 0.3 + self.shift - 0.25 * math.log2(hidden_size / 16)
        distance = math.log10(lr) - best
        slope = 0.35 if distance < 0 else 0.9
        return 1.0 + 0.6 * math.tanh(slope * distance**2) + 0.4 * math.sqrt(16 / hidden_size)

    def noisy(self, lr: float, hidden_size: float, rng: np.random.Generator) -> float:
        """Return the value of one training."""
        return self.loss(lr, hidden_size) + NOISE * rng.standard_normal()

    def regret(self, setting: tuple[float, int]) -> float:
        """Return how far a setting is from the optimum."""
        sizes = range(HIDDEN[0], HIDDEN[1] + 1, 8)
        lowest = min(self.loss(lr, size) for size in (*sizes, HIDDEN[1]) for lr in _LRS)
        return self.loss(*setting) - lowest


def compare_synthetic(repeats: int) -> list[dict[str, Any]]:
    """Return what each method finds with each budget: how far its setting is from the optimum.

    Where the optimum lies is drawn for each repetition: one place for all of them might be met by
    the points of a grid by luck, or missed.
    """
    torch.set_num_threads(1)
    shifts = np.random.default_rng(6).uniform(-1, 1, repeats)
    return [
        {
            "budget": budget,
            "case": "synthetic",
            "found": {
                method: [
                    round(_regret(method, budget, seed, Objective(float(shift))), 6)
                    for seed, shift in enumerate(shifts)
                ]
                for method in ("grid", "random", "tpe", "gp")
            },
        }
        for budget in BUDGETS
    ]


def grid_of(
    budget: int, lrs: tuple[float, float], sizes: tuple[int, int]
) -> Iterator[tuple[float, int]]:
    """Yield a square grid of settings, evenly on logarithmic scales, its ends included."""
    side = math.isqrt(budget)
    for lr in np.geomspace(*lrs, side):
        for hidden in np.geomspace(*sizes, side):
            yield float(lr), round(hidden)


def searched(
    sampler: str, budget: int, seed: int, space: Space, objective: Callable[[float, int], float]
) -> tuple[float, int]:
    """Return the setting with the best result, as a search would name it."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    options = SearchOptions(n_trials=budget, sampler=sampler, sampler_seed=seed)
    study = optuna.create_study()
    for number in range(budget):
        study.sampler = sampler_for(options, space, number)
        trial = study.ask()
        values = suggested(space, trial)
        study.tell(trial, objective(values["lr"], values["hidden_size"]))
    return study.best_params["lr"], study.best_params["hidden_size"]


def _regret(method: str, budget: int, seed: int, objective: Objective) -> float:
    rng = np.random.default_rng([7 if method == "grid" else 8, seed])

    def noisy(lr: float, hidden_size: int) -> float:
        return objective.noisy(lr, hidden_size, rng)

    if method == "grid":
        best = min(grid_of(budget, LR, HIDDEN), key=lambda each: noisy(*each))
    else:
        best = searched(method, budget, seed, SPACE, noisy)
    return objective.regret(best)
