"""Training of a forecaster: mean squared error of the next value."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqlab.batch import SeriesBatch
from seqlab.models.training import OptimizerFactory, SchedulerFactory, SequenceModule


class Forecaster(SequenceModule):
    """Predicts the value after each window.

    `train/loss` is the mean over all training windows after the epoch's last update, as in the
    chapter, so that it can be compared with `val/loss`; it is not the mean while weights move.

    Args:
        network: `windows (B, tau) -> next values (B,)`.
        optimizer, scheduler: see `SequenceModule`.
    """

    sample_unit = "windows"

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerFactory,
        scheduler: SchedulerFactory | None = None,
    ) -> None:
        super().__init__(network, optimizer, scheduler)
        self._sums: dict[str, tuple[Tensor, int]] = {}

    def step(self, batch: SeriesBatch, stage: str) -> Tensor:
        """Return the mean squared error of the batch."""
        loss = F.mse_loss(self.network(batch.inputs), batch.targets)
        total, count = self._sums.get(stage, (torch.zeros((), device=loss.device), 0))
        self._sums[stage] = (total + loss.detach() * batch.size, count + batch.size)
        return loss

    def finish(self, stage: str) -> None:
        """Log the mean squared error over all windows of the stage."""
        total, count = self._sums.pop(stage)
        self.log(f"{stage}/loss", total / count)

    def on_train_epoch_end(self) -> None:
        """Log the loss over all training windows, with the weights as they are now."""
        self._sums.pop("train", None)
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        with torch.no_grad():
            self.eval()
            self.step(data.training_pairs(), "train")
            self.train()
        self.finish("train")

    def progress(self) -> tuple[str, float]:
        """Return the mean loss of the epoch so far."""
        total, count = self._sums.get("train", (torch.tensor(torch.nan), 1))
        return "loss", (total / count).item()
