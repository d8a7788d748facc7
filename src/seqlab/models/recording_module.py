"""How the metrics of an epoch become known."""

from collections.abc import Mapping

import torch
from lightning.pytorch import LightningModule
from torch import Tensor


class RecordingModule(LightningModule):
    """Hands metrics that are final, once an epoch, to callbacks and loggers.

    `LightningModule.log` keeps running means over batches and processes for each of them, which
    takes as long as several steps of a small network.
    """

    def __init__(self) -> None:
        super().__init__()
        self._unwritten: dict[str, float] = {}

    def record(self, values: Mapping[str, float | Tensor]) -> None:
        """Make metrics known to callbacks now, and to the loggers with the next `write`.

        Args:
            values: by name, `stage/name`; of several processes, all have the same.
        """
        if self.trainer.sanity_checking:
            return
        numbers = {name: float(value) for name, value in values.items()}
        tensors = {
            name: torch.tensor(number, dtype=torch.float64) for name, number in numbers.items()
        }
        self.trainer.callback_metrics.update(tensors)
        self.trainer.logged_metrics.update(tensors)
        self._unwritten |= numbers

    def write(self) -> None:
        """Hand what was recorded since the last time to the loggers."""
        values, self._unwritten = self._unwritten, {}
        if not values:
            return
        # The step that the epoch ended with, counted from 0; a test comes after it.
        step = self.trainer.global_step - bool(self.trainer.state.fn == "fit")
        for logger in self.trainer.loggers:
            write = getattr(logger, "log_epoch", logger.log_metrics)
            write({**values, "epoch": self.trainer.current_epoch}, step)
            logger.save()
