"""The gradient of each optimizer step: its norm before and after clipping, and what was skipped."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


def total_norm(tensors: Sequence[Tensor], order: float = 2.0) -> Tensor:
    """Return the norm of all tensors taken as one vector, a scalar on their device.

    To the bit what `torch.nn.utils.get_total_norm` returns for tensors of one dtype, in half its
    time: a small network's step is short.

    Args:
        tensors: all on one device.
        order: 2, or infinity for the largest component.
    """
    if not tensors:
        return torch.zeros(())
    dense = [tensor.coalesce().values() if tensor.is_sparse else tensor for tensor in tensors]
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(dense, order)), order)


@dataclass
class GradientSums:
    """Sums over the optimizer steps of an epoch, and what the whole run has skipped.

    Plain numbers, so that a checkpoint in the middle of an epoch keeps them to the bit.

    Attributes:
        steps: steps that moved the weights.
        norm: sum of the norms before clipping.
        clipped_norm: sum of the norms after clipping.
        clipped: steps whose gradient was clipped.
        skipped: steps that were left out.
        skipped_in_all: the same in the whole run.
        first_skipped: the run's first of these, counted from 1; 0: none.
    """

    steps: int = 0
    norm: float = 0.0
    clipped_norm: float = 0.0
    clipped: int = 0
    skipped: int = 0
    skipped_in_all: int = 0
    first_skipped: int = 0

    def add(
        self,
        limit: float | None,
        norm: float,
        largest: float | None = None,
        clipped_norm: float | None = None,
    ) -> None:
        """Count a step.

        Args:
            limit: where clipping begins; `None`: there is no clipping.
            norm: of the gradient, before.
            largest: its largest component, where components are limited and not the norm.
            clipped_norm: its norm after, likewise.
        """
        limit = math.inf if limit is None else limit
        if clipped_norm is None:
            # The small number is torch.nn.utils.clip_grad_norm_'s.
            clipped_norm = norm * min(1.0, limit / (norm + 1e-6))
        self.steps += 1
        self.norm += norm
        self.clipped_norm += clipped_norm
        self.clipped += (norm if largest is None else largest) > limit

    def skip(self, step: int) -> None:
        """Count a step that was left out; `step` counts from 1."""
        self.skipped += 1
        self.skipped_in_all += 1
        self.first_skipped = self.first_skipped or step

    def metrics(self, *, clipping: bool, skipping: bool) -> dict[str, float]:
        """Return the epoch's means over the steps that moved the weights, by name."""
        values: dict[str, float] = {}
        if self.steps:
            values["train/gradient_norm"] = self.norm / self.steps
            if clipping:
                values["train/gradient_norm_clipped"] = self.clipped_norm / self.steps
                values["train/clipped_share"] = self.clipped / self.steps
        if skipping:
            values["train/skipped_steps"] = float(self.skipped)
        return values

    def begin_epoch(self) -> None:
        """Begin to count anew."""
        self.steps = self.clipped = self.skipped = 0
        self.norm = self.clipped_norm = 0.0
