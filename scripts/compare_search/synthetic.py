"""A cheap objective with the shape of a training."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare_search.comparison import Setting, best_setting, compared

BUDGETS = (16, 25)
LR, HIDDEN = (1e-3, 10.0), (16, 256)
NOISE = 0.05
_LRS = np.geomspace(*LR, 801).tolist()


@dataclass(frozen=True)
class Objective:
    """The outcome of a training, with and without the effect of its seed.

    Attributes:
        shift: offset of the best learning rate, in decades.
    """

    shift: float = 0.0

    def loss(self, lr: float, hidden_size: float) -> float:
        """Return the value without noise.

        Too small a learning rate gets nowhere (a plateau), too large a one diverges (a steep wall);
        the best one falls as the network grows, and the gain from a larger network diminishes.
        """
        best = 0.3 + self.shift - 0.25 * math.log2(hidden_size / 16)
        distance = math.log10(lr) - best
        slope = 0.35 if distance < 0 else 0.9
        return 1.0 + 0.6 * math.tanh(slope * distance**2) + 0.4 * math.sqrt(16 / hidden_size)

    def noisy(self, lr: float, hidden_size: float, rng: np.random.Generator) -> float:
        """Return the value of one training."""
        return self.loss(lr, hidden_size) + NOISE * rng.standard_normal()

    def regret(self, setting: Setting) -> float:
        """Return the distance of a setting's value from the optimum."""
        sizes = range(HIDDEN[0], HIDDEN[1] + 1, 8)
        lowest = min(self.loss(lr, size) for size in (*sizes, HIDDEN[1]) for lr in _LRS)
        return self.loss(*setting) - lowest


def compare_synthetic(repeats: int) -> list[dict[str, Any]]:
    """Return the distance from the optimum that each method reaches with each budget.

    The optimum's position is drawn for each repetition, so that a grid does not hit or miss it by
    luck every time.
    """
    shifts = np.random.default_rng(6).uniform(-1, 1, repeats)

    def regret(method: str, budget: int, repeat: int) -> float:
        objective = Objective(float(shifts[repeat]))
        rng = np.random.default_rng([7 if method == "grid" else 8, repeat])

        def noisy(lr: float, hidden_size: int) -> float:
            return objective.noisy(lr, hidden_size, rng)

        return objective.regret(best_setting(method, budget, repeat, (LR, HIDDEN), noisy))

    return compared("synthetic", BUDGETS, repeats, regret)
