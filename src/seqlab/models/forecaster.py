"""Training of a forecaster: mean squared error of the next value."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from seqlab.batch import SeriesBatch, share
from seqlab.models.evaluating import evaluating
from seqlab.models.sequence_module import SequenceModule


class Forecaster(SequenceModule):
    """Predicts the value after each window.

    `train/loss` is the mean over all training windows after the epoch's last update, as in the
    chapter, so that it can be compared with `val/loss`; it is not the mean while weights move.

    Args:
        network: `windows (B, tau) -> next values (B,)`.
        optimizer, scheduler: see `SequenceModule`.
    """

    sample_unit = "windows"

    def step(self, batch: SeriesBatch, stage: str) -> Tensor:
        """Return the mean squared error of the batch."""
        part, size = share(batch, *self.place)
        loss = F.mse_loss(self.network(part.inputs), part.targets)
        self.counter(stage).add(loss * size, size)
        return self.weighted(loss, size, batch.size)

    def finish(self, stage: str) -> None:
        """Log the mean squared error over all windows of the stage."""
        counter = self.counter(stage)
        mean = counter.whole_mean()
        self.judge(stage, mean)
        self.record({f"{stage}/loss": mean})
        counter.reset()

    def on_train_epoch_end(self) -> None:
        """Log the loss over all training windows, with the weights as they are now."""
        self.counter("train").reset()
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        pairs = self.trainer.precision_plugin.convert_input(data.training_pairs())
        with torch.no_grad(), evaluating(self):
            self.step(pairs, "train")
        super().on_train_epoch_end()

    def progress(self) -> tuple[str, float]:
        """Return the mean loss of the epoch so far; of several devices, on this one's rows."""
        return "loss", self.counter("train").mean().item()
