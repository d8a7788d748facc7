"""Real trainings of `sine_mlp`, searched in four ways, and judged over fresh seeds."""

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from compare_search.synthetic import grid_of, searched
from seqlab.config.space.dimensions import Dimension, Space
from seqlab.data.sine import SineData
from seqlab.models.mlp import MLP

BUDGETS = (16,)
EPOCHS = 3
LR, HIDDEN = (1e-4, 1.0), (4, 64)
FRESH = range(100_000, 100_010)
SPACE = Space(
    dimensions=(
        Dimension("lr", "float", *LR, log=True),
        Dimension("hidden_size", "int", *HIDDEN, log=True),
    ),
    fixed=(),
    seeds=(),
    plain={},
)


def compare_runs(repeats: int) -> list[dict[str, Any]]:
    """Return what each method finds: the mean of its setting's val/loss over fresh seeds.

    Every single training has a seed of its own, for its series, weights and batches.
    """
    torch.set_num_threads(1)
    return [
        {
            "budget": budget,
            "case": "sine_mlp",
            "found": {
                method: [round(_judged(_found(method, budget, r)), 6) for r in range(repeats)]
                for method in ("grid", "random", "tpe", "gp")
            },
        }
        for budget in BUDGETS
    ]


def trained(lr: float, hidden_size: int, seed: int) -> float:
    """Return val/loss of `sine_mlp`: its data, network and optimizer, in a loop without logs."""
    data = SineData(seed=seed)
    data.setup()
    torch.manual_seed(seed)
    network = MLP(4, hidden_size=hidden_size)
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    loader = data.loader("train", training=True)
    for _ in range(EPOCHS):
        for batch in loader:
            optimizer.zero_grad()
            F.mse_loss(network(batch.inputs), batch.targets).backward()
            optimizer.step()
    with torch.no_grad():
        parts = [
            (F.mse_loss(network(batch.inputs), batch.targets).item(), len(batch.targets))
            for batch in data.loader("val")
        ]
    return sum(loss * count for loss, count in parts) / sum(count for _, count in parts)


def _found(method: str, budget: int, repeat: int) -> tuple[float, int]:
    seeds = iter(range(1000 * repeat, 1000 * repeat + budget))

    def objective(lr: float, hidden_size: int) -> float:
        return trained(lr, hidden_size, next(seeds))

    if method == "grid":
        return min(grid_of(budget, LR, HIDDEN), key=lambda each: objective(*each))
    return searched(method, budget, repeat, SPACE, objective)


def _judged(setting: tuple[float, int]) -> float:
    return float(np.mean([trained(*setting, seed) for seed in FRESH]))
