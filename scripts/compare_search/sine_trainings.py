"""Real trainings of `sine_mlp`, judged with fresh seeds."""

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from compare_search.comparison import best_setting, compared
from seqlab.data.sine import SineData
from seqlab.models.mlp import MLP

BUDGETS = (16,)
EPOCHS = 3
LR, HIDDEN = (1e-4, 1.0), (4, 64)
FRESH = range(100_000, 100_010)


def compare_runs(repeats: int) -> list[dict[str, Any]]:
    """Return the mean val/loss, over fresh seeds, of the setting that each method finds.

    Every training has a seed of its own, for its series, weights and batches.
    """
    return compared("sine_mlp", BUDGETS, repeats, _judged)


def trained(lr: float, hidden_size: int, seed: int) -> float:
    """Return val/loss of `sine_mlp`: its data, network and optimizer in a plain loop."""
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


def _judged(method: str, budget: int, repeat: int) -> float:
    seeds = iter(range(1000 * repeat, 1000 * repeat + budget))

    def objective(lr: float, hidden_size: int) -> float:
        return trained(lr, hidden_size, next(seeds))

    setting = best_setting(method, budget, repeat, (LR, HIDDEN), objective)
    return float(np.mean([trained(*setting, seed) for seed in FRESH]))
