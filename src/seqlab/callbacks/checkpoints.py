"""best.ckpt and last.ckpt: when they are written, and what they add to the Trainer's state."""

import math
import time
from collections.abc import Callable, Iterable
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.utilities import rank_zero_only

from seqlab.callbacks.artifacts import folder_of
from seqlab.callbacks.limits import is_stopped, why_stopped
from seqlab.models.sequence_module import default_monitor
from seqlab.parallel.group import agreed, gathered
from seqlab.runs.folder.checkpoint import copy_checkpoint
from seqlab.system.errors import UserError
from seqlab.training.random_state import random_state, set_random_state


def can_save(trainer: Trainer) -> bool:
    """Return whether a run could go on exactly from here, after a batch in the middle of an epoch.

    Not between accumulated gradients, which no checkpoint holds; not right before a validation,
    which Lightning would skip on the way back; not after an epoch's last batch, whose metrics are
    still to come, nor where the training is about to end.
    """
    epoch_loop, fetcher = trainer.fit_loop.epoch_loop, trainer.fit_loop._data_fetcher
    assert fetcher is not None
    return not (
        epoch_loop.batch_progress.is_last_batch
        or is_over(trainer)
        or epoch_loop._should_accumulate()
        or epoch_loop._should_check_val_fx(fetcher)
    )


def run_state(metrics: dict[str, float], loggers: Iterable[Any]) -> dict[str, Any]:
    """Return what a checkpoint holds of a run beside the Trainer's own state.

    Args:
        metrics: the latest value of each.
        loggers: those with a `state` go on from it.
    """
    states = {type(each).__name__: each.state() for each in loggers if hasattr(each, "state")}
    return {"random_state": random_state(), "metrics": metrics, "loggers": states}


class Checkpoints(Checkpoint):
    """Keeps the weights with the lowest monitored metric, and the latest.

    A metric of training is looked at every `every_n_epochs`, one of validation after each
    validation, within an epoch too. Every checkpoint also holds the state of the random
    generators, the metrics so far, and what each logger needs to take its table up again.

    Args:
        monitor: name of the metric; `None`: `val/loss`, or `train/loss` without held-out data.
        every_n_epochs: how often last.ckpt is written; it is at the end in any case.
        every_n_steps: how often within an epoch, in optimizer steps; `None`: not for that.
        every_n_seconds: how often within an epoch, in seconds; `None`: not for that.
    """

    def __init__(
        self,
        monitor: str | None = None,
        every_n_epochs: int = 1,
        every_n_steps: int | None = None,
        every_n_seconds: float | None = None,
    ) -> None:
        self.monitor = monitor
        self.every_n_epochs = every_n_epochs
        self.every_n_steps = every_n_steps
        self.every_n_seconds = every_n_seconds
        self.best = math.inf
        self.best_epoch = 0
        self.configuration: dict[str, Any] = {}
        """What the run that goes on must still be."""
        self.limits: dict[str, Any] = {}
        """What decides when the training ends before its last epoch."""
        self.saves_next = False
        """Whether the end of this epoch is saved, due or not."""
        self.stop: Callable[[], None] | None = None
        """What ends the run right after it was saved; `None`: it goes on."""
        self._validated = self._ever_validated = False
        self.saved_step = -1
        """The optimizer step that last.ckpt is of."""
        self._saved_at = 0.0
        self._is_best = False
        self._restored: dict[str, float] = {}
        self._random_state: dict[str, Any] | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the random generators go on where the checkpoint left them, after all set-up."""
        self._saved_at = time.monotonic()
        if self._random_state is not None:
            set_random_state(self._random_state)
            self._random_state = None

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save where steps or seconds say so, at the next batch that can be gone on from."""
        if self.stop is not None or self._due_within_epoch(trainer):
            if can_save(trainer):
                self.save(trainer)
                self._stop_if_asked()
            elif trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
                self.saves_next = True

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the weights, where they are the best so far; at an epoch's end its end does so."""
        if trainer.sanity_checking:
            return
        self._validated = self._ever_validated = True
        epoch_loop = trainer.fit_loop.epoch_loop
        name = self.monitor or default_monitor(trainer)
        if (
            not name.startswith("val/")
            or epoch_loop.batch_progress.is_last_batch
            or is_over(trainer)
        ):
            return
        self._validated = False
        if self._improved(trainer, self._value(trainer, name)):
            self._is_best = True
            if epoch_loop._should_accumulate():
                trainer.save_checkpoint(folder_of(trainer).best)
            else:
                self.save(trainer)
                _copy_to_best(trainer)
            self._is_best = False

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save what is due; the metrics of the epoch are known by now."""
        name = self.monitor or default_monitor(trainer)
        value = self._value(trainer, name)
        due = (trainer.current_epoch + 1) % self.every_n_epochs == 0
        fresh = self._validated if name.startswith("val/") else due
        self._validated = False
        improved = self._improved(trainer, value if fresh else math.inf)
        if improved or due or self.saves_next or self.stop or is_over(trainer):
            _complete_tables(trainer)
            self._is_best = improved
            self.save(trainer)
            self._is_best = False
        if improved:
            _copy_to_best(trainer)
        self._stop_if_asked()

    def _improved(self, trainer: Trainer, value: float) -> bool:
        if not agreed(value < self.best):
            return False
        self.best, self.best_epoch = value, trainer.current_epoch + 1
        return True

    def save(self, trainer: Trainer) -> None:
        """Write last.ckpt, all at once; the one before it becomes previous.ckpt.

        With several devices, all take part in it.
        """
        trainer.save_checkpoint(folder_of(trainer).last)
        self.saved_step = trainer.global_step
        self._saved_at = time.monotonic()
        self.saves_next = False

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add what the Trainer leaves out."""
        checkpoint["configuration"] = self.configuration
        checkpoint["limits"] = self.limits if is_stopped(trainer) else None
        # Of gradients in the making none is kept: from there a run cannot go on.
        checkpoint["resumable"] = not trainer.fit_loop.epoch_loop._should_accumulate()
        checkpoint["stopped"] = why_stopped(trainer)
        checkpoint |= run_state(self._metrics(trainer), trainer.loggers)
        if trainer.world_size > 1:
            checkpoint["rank_random_states"] = gathered(checkpoint["random_state"])

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the random generators' state until the training begins."""
        states = checkpoint.get("rank_random_states", [checkpoint["random_state"]])
        rank = trainer.global_rank
        self._random_state = states[rank] if rank < len(states) else None
        self._restored = checkpoint["metrics"]
        self.saved_step = checkpoint["global_step"]

    def state_dict(self) -> dict[str, Any]:
        """Return the best value so far, its epoch, and whether this very checkpoint has it."""
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "is_best": self._is_best,
            "validated": self._validated,
            "ever_validated": self._ever_validated,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        self.best, self.best_epoch = state_dict["best"], state_dict["best_epoch"]
        self._validated = state_dict["validated"]
        self._ever_validated = state_dict["ever_validated"]

    def _stop_if_asked(self) -> None:
        stop, self.stop = self.stop, None
        if stop is not None:
            stop()

    def _due_within_epoch(self, trainer: Trainer) -> bool:
        steps, seconds = self.every_n_steps, self.every_n_seconds
        if steps is not None and trainer.global_step // steps > max(self.saved_step, 0) // steps:
            return True
        if seconds is None:
            return False
        return bool(agreed(time.monotonic() - self._saved_at >= seconds))

    def _value(self, trainer: Trainer, name: str) -> float:
        metrics = self._metrics(trainer)
        if name not in metrics:
            awaited = trainer.num_val_batches != [0] and not self._ever_validated
            if name.startswith("val/") and awaited:
                return math.inf
            known = ", ".join(metrics)
            raise UserError(f"monitor={name}: there is no such metric", f"There are: {known}.")
        return metrics[name]

    def _metrics(self, trainer: Trainer) -> dict[str, float]:
        current = {name: float(value) for name, value in trainer.callback_metrics.items()}
        return self._restored | current


def is_over(trainer: Trainer) -> bool:
    """Return whether the training ends with this epoch, its last or not."""
    return is_stopped(trainer) or (
        trainer.current_epoch + 1 == trainer.max_epochs
        and trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
    )


@rank_zero_only
def _copy_to_best(trainer: Trainer) -> None:
    folder = folder_of(trainer)
    copy_checkpoint(folder.last, folder.best)


@rank_zero_only
def _complete_tables(trainer: Trainer) -> None:
    """Write the epoch's metrics into tables that the checkpoint will say are complete.

    Lightning hands them to the loggers only after the hook that saves: a run killed in between
    would go on with the next epoch and never write them.
    """
    metrics = {
        name: float(value) for name, value in trainer._logger_connector.metrics["log"].items()
    }
    for logger in trainer.loggers:
        if hasattr(logger, "complete_epoch"):
            logger.complete_epoch(metrics, trainer.current_epoch, trainer.global_step - 1)
