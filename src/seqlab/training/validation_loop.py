"""The Trainer's loop over the batches of a validation, without what a small batch cannot afford."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loops.evaluation_loop import _EvaluationLoop
from lightning.pytorch.profilers import Profiler
from lightning.pytorch.trainer.states import RunningStage, TrainerFn

from seqlab.training.plain import is_plain, overrides

_HOOKS = ("on_validation_batch_start", "on_validation_batch_end")


class ValidationLoop(_EvaluationLoop):
    """Validates within a training as Lightning's own loop does, in a fraction of a batch's time.

    Where a callback or the module has something to do with every batch, or the batches need more
    than `is_plain` allows, Lightning's own is the one that runs.

    Args:
        trainer: whose training it is.
        profilers: those that the training loop serves.
    """

    def __init__(self, trainer: Trainer, profilers: tuple[type[Profiler], ...]) -> None:
        super().__init__(
            trainer,
            TrainerFn.FITTING,
            RunningStage.VALIDATING,
            verbose=False,
            inference_mode=False,
        )
        self._profilers = profilers
        self._is_plain = False

    def on_run_start(self) -> None:
        """Find out, at the beginning of every validation, whether batches need anything else."""
        super().on_run_start()
        trainer, loaders = self.trainer, self._combined_loader
        assert loaders is not None
        callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
        self._is_plain = (
            len(loaders.flattened) == 1
            and is_plain(trainer, loaders.flattened[0], self._profilers)
            and not any(
                overrides(trainer.lightning_module, LightningModule, name)
                or any(overrides(each, Callback, name) for each in callbacks)
                for name in _HOOKS
            )
        )

    def _evaluation_step(
        self, batch: Any, batch_idx: int, dataloader_idx: int, dataloader_iter: Any
    ) -> None:
        if not self._is_plain:
            super()._evaluation_step(batch, batch_idx, dataloader_idx, dataloader_iter)
            return
        trainer, progress, logged = self.trainer, self.batch_progress, self._results
        module, connector = trainer.lightning_module, trainer._logger_connector
        progress.increment_ready()
        connector.on_batch_start(batch)
        progress.increment_started()
        module.__dict__["_current_fx_name"] = "validation_step"  # says what `log` is called from
        with trainer.precision_plugin.val_step_context():
            module.validation_step(batch, batch_idx)
        module.__dict__["_current_fx_name"] = None
        progress.increment_processed()
        if logged:
            connector.on_batch_end()
        logged.batch = logged.batch_size = None
        progress.increment_completed()
        if trainer.sanity_checking:
            return
        self._has_run = True
        if logged:
            connector.update_eval_step_metrics(self._seen_batches_per_dataloader[0])
        self._seen_batches_per_dataloader[0] += 1
