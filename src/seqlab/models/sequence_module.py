"""What both LightningModules share: the optimizer, and one step function for every stage."""

from abc import ABC, abstractmethod
from dataclasses import asdict
from typing import Any, cast

import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor, nn

from seqlab.metrics import Mean
from seqlab.models.gradients import GradientSums
from seqlab.models.guarded_module import GuardedModule
from seqlab.models.optimizers import OptimizerFactory, make_optimizer
from seqlab.models.schedules import Schedule, SchedulePlan
from seqlab.parallel.group import gathered, summed
from seqlab.parallel.order import ALONE, Place

STAGES = ("train", "val", "test")


class SequenceModule(GuardedModule, ABC):
    """A network, how to optimise it, and what one batch costs.

    Args:
        network: the model itself.
        optimizer: makes the optimizer from the parameters.
        scheduler: how the learning rate changes; `None`: it is constant.
        on_nonfinite: `stop` or `skip`; see `GuardedModule`.
    """

    sample_unit: str
    """What the size of a batch counts, for speeds: `tokens` or `windows`."""

    counter_type: type[Mean] = Mean
    """Counts the loss of each stage."""

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerFactory,
        scheduler: SchedulePlan | None = None,
        on_nonfinite: str = "stop",
    ) -> None:
        super().__init__(on_nonfinite)
        self.network = network
        self.optimizer_factory = optimizer
        self.schedule_plan = scheduler
        self.schedule: Schedule | None = None
        self.place = ALONE
        # "train" is a method of every module, so no name of a child.
        self.counters = nn.ModuleDict({f"{stage}_loss": self.counter_type() for stage in STAGES})

    @abstractmethod
    def step(self, batch: Any, stage: str) -> Tensor:
        """Return the mean loss of the batch, and count it; stage: `train`, `val` or `test`."""

    @abstractmethod
    def finish(self, stage: str) -> None:
        """Record the epoch's metrics as `stage/name`, and begin to count anew."""

    @abstractmethod
    def progress(self) -> tuple[str, float]:
        """Return the name and value to show while the epoch goes on."""

    def setup(self, stage: str) -> None:
        """Note which part of every batch is this process's."""
        self.place = Place(self.trainer.global_rank, self.trainer.world_size)

    def weighted(self, loss: Tensor, size: int, total: int | Tensor) -> Tensor:
        """Return a loss whose mean over all processes is that of the whole batch.

        Gradients are averaged over the processes, whatever the sizes of their parts.

        Args:
            loss: the mean over this process's part; with `size` 1, its sum.
            size: of the part; what it counts in is that of `total`.
            total: size of the whole batch.
        """
        return loss if self.place.world == 1 else loss * (size * self.place.world / total)

    @property
    def carried_state(self) -> Any:
        """What a network carries from a training batch to the next; `None`: nothing."""
        return None

    @carried_state.setter
    def carried_state(self, state: Any) -> None:
        assert state is None

    def counter(self, stage: str) -> Mean:
        """Return what has been counted in this stage of the epoch."""
        return cast(Mean, self.counters[f"{stage}_loss"])

    def carried(self) -> dict[str, Any]:
        """Return what a training batch leaves to the next beside the weights: the sums so far."""
        counter = self.counter("train")
        return {"counted": {"total": counter.total.clone(), "count": counter.count.clone()}}

    def carry(self, values: dict[str, Any]) -> None:
        """Take up what `carried` returned."""
        counter = self.counter("train")
        counter.reset()
        counter.add(values["counted"]["total"], values["counted"]["count"])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the sums so far, for checkpoints in the middle of an epoch.

        Raises:
            NonFiniteError: the weights are not worth keeping.
        """
        self.verify()
        carried = self.carried()
        checkpoint |= carried
        checkpoint["gradients"] = asdict(self.gradients)
        if self.place.world > 1:
            checkpoint["rank_carried"] = gathered(moved(carried, torch.device("cpu")))

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the sums up again."""
        rank, world = self.place
        parts = checkpoint.get("rank_carried", [checkpoint])
        if len(parts) == world:
            self.carry(parts[rank])
        elif rank == 0:  # of other devices, between two epochs: nothing but the sums matters
            counted = [part["counted"] for part in parts]
            sums = {name: sum(each[name] for each in counted) for name in ("total", "count")}
            self.carry(parts[0] | {"counted": sums})
        self.gradients = GradientSums(**checkpoint.get("gradients", {}))

    def training_step(self, batch: Any, batch_idx: int) -> Tensor | None:
        """Return the loss to be minimised; `None` where that is not finite and skipped."""
        self.begin_batch()
        loss = self.step(batch, "train")
        if self.place.world == 1:
            return loss if self.accepts(loss, batch) else None
        if self.accepts(summed(loss) / self.place.world, batch):
            return loss
        # Every process has to go through the backward pass; this one moves nothing.
        return torch.stack([parameter.sum() * 0 for parameter in self.parameters()]).sum()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Count a validation batch."""
        self.step(batch, "val")

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Count a test batch."""
        self.step(batch, "test")

    def on_train_epoch_end(self) -> None:
        """Log the training metrics, and the gradients'."""
        self.verify()
        self.log_gradients()
        if self.schedule is not None:
            self.record({"train/lr": self._update.rate})
        self.finish("train")
        self.watch("train")
        self.write()

    def on_validation_epoch_end(self) -> None:
        """Log the validation metrics."""
        self.finish("val")
        self.watch("val")
        self.write()

    def on_test_epoch_end(self) -> None:
        """Log the test metrics."""
        self.finish("test")
        self.write()

    def configure_optimizers(self) -> Any:
        """Return the optimizer, with its schedule where there is one."""
        # A scaler, of 16-bit training, does not clip what a fused optimizer unscales.
        optimizer = make_optimizer(
            self.optimizer_factory, self.parameters(), fused=self._scaler() is None
        )
        if self.schedule_plan is None:
            return optimizer
        self.schedule = self.schedule_plan.make(optimizer)
        # What watches a metric is stepped by `watch`: Lightning would do so after a checkpoint.
        stepped = {"interval": self.schedule_plan.interval, "reduce_on_plateau": False}
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": self.schedule, **stepped}}

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Step the schedule after an optimizer step or at the end of an epoch.

        An optimizer step that was skipped is none for the schedule either.
        """
        by_step = scheduler.plan.interval == "step"
        if by_step and self.skipped_last:
            return
        scheduler.step()
        if by_step:
            self._log_rate()

    def watch(self, stage: str) -> None:
        """Hand a metric that this stage has just measured to the schedule that watches it."""
        schedule = self.schedule
        if schedule is None or not schedule.watches or self.trainer.sanity_checking:
            return
        name = schedule.plan.monitor or default_monitor(self.trainer)
        if name.startswith(f"{stage}/"):
            schedule.watch(float(self.trainer.callback_metrics[name]))

    def _log_rate(self) -> None:
        """Show the learning rate of the last step, where the Trainer would log a step."""
        trainer: Any = self.trainer
        if trainer.is_last_batch or trainer.global_step % trainer.log_every_n_steps:
            return  # an epoch's last one comes with the epoch's metrics
        for logger in trainer.loggers:
            logger.log_metrics({"train/lr": self._update.rate}, trainer.global_step - 1)


def default_monitor(trainer: Any) -> str:
    """Return what a run minimises by default: `val/loss`, or `train/loss` without held-out data."""
    held_out = "val" in getattr(trainer.datamodule, "parts", {}) and trainer.limit_val_batches > 0
    return "val/loss" if held_out else "train/loss"


def moved(values: Any, device: torch.device) -> Any:
    """Return the same tensors and tuples of tensors on the device."""
    return apply_to_collection(values, Tensor, Tensor.to, device)
