"""Perplexity, bits per token, and forecast error by horizon."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric

from seqlab.batch import IGNORED


def token_nll(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the summed negative log-likelihood in nats, and how many tokens it sums over.

    Args:
        logits: `(..., V)`, any floating dtype; reckoned in float32 or wider.
        targets: `(...)` int64, `IGNORED` where nothing counts.
    """
    wide = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    nll = F.cross_entropy(
        wide.flatten(0, -2), targets.flatten(), reduction="sum", ignore_index=IGNORED
    )
    return nll, (targets != IGNORED).sum()


class Mean(Metric):
    """Total / count over all batches since the last reset; nan before the first.

    Totals are kept in float64.
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, total: Tensor, count: Tensor | int) -> None:
        """Count a batch: the sum of a quantity, and how many it sums over."""
        self.add(total, count)

    def add(self, total: Tensor, count: Tensor | int) -> None:
        """Do what `update` does without torchmetrics' bookkeeping: for every training step."""
        self.total.add_(total.detach())
        self.count.add_(count)
        # Past torchmetrics' own __setattr__, which looks each name up.
        self.__dict__["_update_count"] += 1
        self.__dict__["_computed"] = None

    def reset(self) -> None:
        """Begin to count anew, in the same tensors: a captured step goes on adding to them."""
        total, count = self.total, self.count
        super().reset()
        self.total, self.count = total.zero_(), count.zero_()

    def mean(self) -> Tensor:
        """Return the mean of this process's batches, float64."""
        return self.total / self.count

    def whole_mean(self) -> Tensor:
        """Return the mean over all processes, float64; all have to call this."""
        with self.sync_context():
            return self.mean()

    def compute(self) -> Tensor:
        """Return the mean over all processes, float64."""
        return self.mean()


class Perplexity(Mean):
    """exp(total negative log-likelihood / total tokens), over all batches since the last reset.

    Every token weighs the same, whichever batch it came in. The likelihood is taken from
    log-softmax, so half precision or extreme logits stay exact. Without any token the perplexity
    is nan.
    """

    def update(self, logits: Tensor, targets: Tensor) -> None:  # type: ignore[override]
        """Count a batch: logits `(..., V)`, targets `(...)` int64, `IGNORED` where none."""
        self.add(*token_nll(logits.detach(), targets))

    def compute(self) -> Tensor:
        """Return the perplexity, float64."""
        return self.mean().exp()


def bits_per_token(mean_nll: Tensor) -> Tensor:
    """Return bits per token from nats per token; for characters, bits per character."""
    return mean_nll / math.log(2)


def rmse(predictions: Tensor, targets: Tensor) -> Tensor:
    """Return the root mean squared error of two tensors of one shape, in the targets' unit."""
    assert predictions.shape == targets.shape, (predictions.shape, targets.shape)
    return (predictions - targets).square().mean().sqrt()
