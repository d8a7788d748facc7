"""best.ckpt and last.ckpt."""

import math
import shutil
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from seqlab.callbacks.artifacts import folder_of
from seqlab.errors import UserError
from seqlab.run_folder import replacing


class Checkpoints(Checkpoint):
    """Keeps the weights with the lowest monitored metric, and the latest.

    A metric of training is looked at every `every_n_epochs`, one of validation whenever it was
    validated.

    Args:
        monitor: name of the metric; `None`: `val/loss`, or `train/loss` without held-out data.
        every_n_epochs: how often last.ckpt is written; it is at the end in any case.
    """

    def __init__(self, monitor: str | None = None, every_n_epochs: int = 1) -> None:
        self.monitor = monitor
        self.every_n_epochs = every_n_epochs
        self.best = math.inf
        self.best_epoch = 0
        self._validated = self._ever_validated = False
        self._saved_step = -1

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note that validation metrics are fresh."""
        self._validated = self._ever_validated = True

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save what is due; the metrics of the epoch are known by now."""
        name = self.monitor or self._default(trainer)
        value = self._value(trainer, name)
        due = (trainer.current_epoch + 1) % self.every_n_epochs == 0
        fresh = self._validated if name.startswith("val/") else due
        self._validated = False
        improved = fresh and value < self.best
        if improved:
            self.best, self.best_epoch = value, trainer.current_epoch + 1
        if improved or due:
            self.save(trainer)
        if improved:
            folder = folder_of(trainer)
            with replacing(folder.best) as partial:
                shutil.copyfile(folder.last, partial)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the end, where it is not saved yet."""
        if self._saved_step != trainer.global_step:
            self.save(trainer)

    def save(self, trainer: Trainer) -> None:
        """Write last.ckpt, all at once."""
        with replacing(folder_of(trainer).last) as partial:
            trainer.save_checkpoint(partial)
        self._saved_step = trainer.global_step

    def state_dict(self) -> dict[str, Any]:
        """Return the best value so far and its epoch."""
        return {"best": self.best, "best_epoch": self.best_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        self.best, self.best_epoch = state_dict["best"], state_dict["best_epoch"]

    def _default(self, trainer: Trainer) -> str:
        parts = getattr(trainer.datamodule, "parts", {})  # type: ignore[attr-defined]
        held_out = "val" in parts and trainer.limit_val_batches > 0
        return "val/loss" if held_out else "train/loss"

    def _value(self, trainer: Trainer, name: str) -> float:
        if name not in trainer.callback_metrics:
            awaited = trainer.num_val_batches != [0] and not self._ever_validated
            if name.startswith("val/") and awaited:
                return math.inf
            known = ", ".join(trainer.callback_metrics)
            raise UserError(f"monitor={name}: there is no such metric", f"There are: {known}.")
        return float(trainer.callback_metrics[name])
