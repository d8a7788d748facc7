"""The end of a training that gets no better."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch import callbacks as lightning

from seqlab.models.sequence_module import default_monitor


class EarlyStopping(lightning.EarlyStopping):
    """Stops when a metric has not improved at so many measurements in a row.

    A metric of validation is looked at after each validation, one of training after each epoch.

    Args:
        monitor: name of the metric; `None`: `val/loss`, or `train/loss` without held-out data.
        patience: measurements without an improvement.
        more: see Lightning's class.
    """

    def __init__(self, monitor: str | None = None, patience: int = 5, **more: Any) -> None:
        super().__init__(monitor, patience=patience, **more)  # type: ignore[arg-type]

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find out what is monitored, and when that is measured."""
        self.monitor = self.monitor or default_monitor(trainer)
        self._check_on_train_epoch_end = not self.monitor.startswith("val/")
