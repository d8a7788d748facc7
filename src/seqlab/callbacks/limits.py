"""A run that ends after so many steps."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class MaxSteps(Callback):
    """Stops after so many optimizer steps, whatever the least number of epochs or steps.

    The Trainer's own limit is not used: with it, Lightning goes into a finished epoch once more
    when a run is resumed.

    Args:
        max_steps: how many.
    """

    def __init__(self, max_steps: int) -> None:
        self.max_steps = max_steps

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop where the steps are done."""
        if trainer.global_step >= self.max_steps:
            trainer.fit_loop.min_epochs = trainer.fit_loop.epoch_loop.min_steps = None
            trainer.should_stop = True
