"""The Trainer's loop over the batches of an epoch, without what a small step cannot afford."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from lightning.pytorch.profilers import PassThroughProfiler, Profiler
from torch import Tensor

from seqlab.models.optimizers import bare_step
from seqlab.system.errors import UserError
from seqlab.training.plain import is_plain, overrides
from seqlab.training.static_step import StaticSteps, capture_for, why_not
from seqlab.training.validation_loop import ValidationLoop

logger = logging.getLogger(__name__)

_HOOKS = (
    "on_train_batch_start",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_train_batch_end",
)
_WITHIN = _HOOKS[1:-1]
_STEPS = ("on_train_batch_start", "optimizer_step", "optimizer_zero_grad", "backward")
"""What a module may do in its own way, which the loop then leaves to Lightning's."""


class TrainingLoop(_TrainingEpochLoop):
    """Trains on a batch as Lightning's own loop does, hook by hook, in a fraction of its time.

    That one asks every callback for every hook, enters a profiler for each, looks through every
    batch for tensors to move, and divides each loss by 1. Where any of this matters (one of its
    profilers, several devices, scaled or 64-bit numbers, accumulated gradients, data that are
    somewhere else) it is the one that runs.
    """

    cuda_graph = "auto"
    """Whether steps are captured: `auto` where they can be, `on` or `off`."""

    profilers: tuple[type[Profiler], ...] = (PassThroughProfiler,)
    """Those that it serves: one that asks for nothing, here; a subclass may tell others."""

    def __init__(self, trainer: Trainer, min_steps: int | None, max_steps: int) -> None:
        super().__init__(trainer, min_steps=min_steps, max_steps=max_steps)
        self.val_loop = ValidationLoop(trainer, self.profilers)
        self._hooks: dict[str, list[Callable[..., Any]]] | None = None
        self._update: Callable[..., Any] | None = None
        self._static: StaticSteps | None = None
        self._reason = ""

    def on_run_start(self, data_fetcher: Any) -> None:
        """Find out, at the beginning of every epoch, which hooks do anything."""
        super().on_run_start(data_fetcher)
        self._hooks = self._used_hooks() if self._is_plain() else None
        if self._hooks is not None:
            self._update = bare_step(self.trainer.optimizers[0])
        self._static = self._static_steps()

    def advance(self, data_fetcher: Any) -> None:
        """Train on the next batch."""
        if self._hooks is None or self.restarting:
            super().advance(data_fetcher)
            return
        self.val_loop.restarting = False
        trainer, progress = self.trainer, self.batch_progress
        batch, _, _ = next(data_fetcher)
        index = self.batch_idx + 1
        progress.is_last_batch = data_fetcher.done
        progress.increment_ready()
        connector, logged = trainer._logger_connector, self._results
        connector._first_loop_iter = index == 0
        logged.batch, logged.batch_size = batch, None
        self._call("on_train_batch_start", batch, index)
        progress.increment_started()
        outputs = self._step(batch, index)
        progress.increment_processed()
        if trainer.lr_scheduler_configs:
            self.update_lr_schedulers("step", update_plateau_schedulers=False)
            if self._num_ready_batches_reached():
                self.update_lr_schedulers("epoch", update_plateau_schedulers=False)
        self._call("on_train_batch_end", outputs, batch, index)
        if logged:  # some callback logs at every step
            connector.on_batch_end()
        logged.batch = logged.batch_size = None
        progress.increment_completed()
        if logged:
            connector.update_train_step_metrics()

    def on_advance_end(self, data_fetcher: Any) -> None:
        """Validate and do whatever else may follow a batch, where something may."""
        trainer = self.trainer
        nothing_due = (
            self._hooks is not None
            and not self.batch_progress.is_last_batch
            and not trainer.should_stop
            and not trainer.received_sigterm
            and not self._skip_next_val
            and trainer.val_check_batch == trainer.num_training_batches
            and trainer._val_check_time_interval is None
            and trainer.check_val_every_n_epoch is not None
            and not any(each.reduce_on_plateau for each in trainer.lr_scheduler_configs)
        )
        if nothing_due:
            self._batches_that_stepped += 1
        else:
            super().on_advance_end(data_fetcher)

    def _step(self, batch: Any, index: int) -> dict[str, Any]:
        optimizer = self.trainer.optimizers[0]
        steps = self.automatic_optimization.optim_progress.optimizer
        if self._static is not None and (taken := self._static.take(batch)) is not None:
            for progress in (steps.zero_grad, steps.step):
                progress.increment_ready()
            steps.zero_grad.increment_started()
            for progress in (steps.zero_grad, steps.step):
                progress.increment_completed()
            return {"loss": taken}
        losses: list[Tensor] = []

        def closure() -> Tensor | None:
            loss = self._gradients(batch, index, optimizer)
            if loss is not None:
                losses.append(loss)
            self._call("on_before_optimizer_step", optimizer)
            self._clip(optimizer)
            return loss

        steps.step.increment_ready()
        assert self._update is not None
        self._update(closure)
        steps.step.increment_completed()
        return {"loss": losses[-1].detach()} if losses else {}

    def _gradients(self, batch: Any, index: int, optimizer: Any) -> Tensor | None:
        zeroed = self.automatic_optimization.optim_progress.optimizer.zero_grad
        with torch.enable_grad():
            loss = self._forward(batch, index)
            zeroed.increment_ready()
            self._call("on_before_zero_grad", optimizer)
            zeroed.increment_started()
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    parameter.grad = None
            zeroed.increment_completed()
            if loss is None:
                return None
            self._call("on_before_backward", loss)
            self._backward(loss)
            self._call("on_after_backward")
        return loss

    def _forward(self, batch: Any, index: int) -> Tensor | None:
        module = self.trainer.lightning_module
        module.__dict__["_current_fx_name"] = "training_step"
        with self.trainer.precision_plugin.train_step_context():
            loss: Tensor | None = module.training_step(batch, index)
        module.__dict__["_current_fx_name"] = None
        return loss

    def _backward(self, loss: Tensor) -> None:
        loss.backward()

    def _clip(self, optimizer: Any) -> None:
        trainer = self.trainer
        trainer.lightning_module.configure_gradient_clipping(
            optimizer,
            gradient_clip_val=trainer.gradient_clip_val,
            gradient_clip_algorithm=trainer.gradient_clip_algorithm,
        )

    def _call(self, name: str, *arguments: Any) -> list[Any]:
        assert self._hooks is not None
        hooks = self._hooks[name]
        if not hooks:
            return []
        module = self.trainer.lightning_module
        module.__dict__["_current_fx_name"] = name  # says what `log` is called from
        answers = [hook(*arguments) for hook in hooks]
        module.__dict__["_current_fx_name"] = None
        return answers

    def _static_steps(self) -> StaticSteps | None:
        """Return what takes each step as a whole, where the device can and nothing forbids it.

        Raises:
            UserError: `trainer.cuda_graph=on` asks for it where it cannot be.
        """
        trainer, capture = self.trainer, capture_for(self.trainer.strategy.root_device)
        if self.cuda_graph == "off" or capture is None:
            return None
        if self._hooks is None:
            reason: str | None = "a flag of the Trainer leaves them to Lightning's own loop"
        elif within := [name for name in _WITHIN if self._hooks[name]]:
            reason = f"{within[0]}, of a callback or the module, comes in the middle of them"
        else:
            reason = why_not(trainer.lightning_module, trainer.optimizers[0])
        if reason is None:
            return self._static or StaticSteps(trainer, capture)
        if self.cuda_graph == "on":
            raise UserError(
                f"trainer.cuda_graph=on: training steps cannot be captured: {reason}",
                "Leave it at auto: such a run is trained operation by operation.",
            )
        if reason != self._reason:
            logger.info("training steps are not captured: %s", reason)
            self._reason = reason
        return None

    def _used_hooks(self) -> dict[str, list[Callable[..., Any]]]:
        """Return, for each hook, those of callbacks and then of the module that do anything."""
        trainer, module = self.trainer, self.trainer.lightning_module
        callbacks: list[Any] = trainer.callbacks
        return {
            name: [
                partial(getattr(each, name), trainer, module)
                for each in callbacks
                if overrides(each, Callback, name)
            ]
            + [getattr(module, name)] * overrides(module, LightningModule, name)
            for name in _HOOKS
        }

    def _is_plain(self) -> bool:
        trainer = self.trainer
        module = trainer.lightning_module
        return (
            is_plain(trainer, trainer.train_dataloader, self.profilers)
            and trainer.accumulate_grad_batches == 1
            and module.automatic_optimization
            and len(trainer.optimizers) == 1
            and not any(overrides(module, LightningModule, name) for name in _STEPS)
        )


def use_training_loop(
    trainer: Trainer, kind: type[TrainingLoop] = TrainingLoop, cuda_graph: str = "auto"
) -> None:
    """Let a Trainer train with a loop of this kind instead of its own.

    Args:
        trainer: whose loop it is.
        kind: which loop.
        cuda_graph: whether steps are captured: `auto` where they can be, `on` or `off`.
    """
    given = trainer.fit_loop.epoch_loop
    loop = kind(trainer, given.min_steps, given.max_steps)
    loop.cuda_graph = cuda_graph
    trainer.fit_loop.epoch_loop = loop
