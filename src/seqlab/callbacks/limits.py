"""What ends a training before its last epoch, and why it did."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, Timer
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason

MAX_STEPS, MAX_TIME = "trainer.max_steps", "trainer.max_time"


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


def is_stopped(trainer: Trainer) -> bool:
    """Return whether something has ended the training, its last epoch or not."""
    return bool(trainer.should_stop and trainer.fit_loop._can_stop_early)


def why_stopped(trainer: Trainer) -> str | None:
    """Return what has ended the training before its last epoch, a clause; `None`: nothing has.

    Where a limit of the Trainer has, the clause begins with its key.
    """
    progress: Any = trainer.fit_loop.epoch_progress.current
    if not is_stopped(trainer) or progress.processed == trainer.max_epochs:
        return None
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
    for each in callbacks:
        if isinstance(each, MaxSteps) and trainer.global_step >= each.max_steps:
            return f"{MAX_STEPS}={each.max_steps} was reached"
        if isinstance(each, Timer) and (left := each.time_remaining()) is not None and left <= 0:
            return f"{MAX_TIME} was reached"
        if (
            isinstance(each, EarlyStopping)
            and each.stopping_reason != EarlyStoppingReason.NOT_STOPPED
        ):
            return _early(each)
    return "a callback asked for it"


def _early(callback: EarlyStopping) -> str:
    if callback.stopping_reason == EarlyStoppingReason.PATIENCE_EXHAUSTED:
        times = f"{callback.wait_count} measurement{'s' if callback.wait_count > 1 else ''}"
        best = float(callback.best_score)
        return f"{callback.monitor} did not improve in {times}, and was {best:.4g} at its best"
    text = str(callback.stopping_reason_message).partition(" Signaling")[0]
    return text[:1].lower() + text[1:].rstrip(".")
