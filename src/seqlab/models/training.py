"""What both LightningModules share: the optimizer, and one step function for every stage."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, cast

from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from seqlab.metrics import Mean

STAGES = ("train", "val", "test")

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
SchedulerFactory = Callable[[Optimizer], LRScheduler]


class SequenceModule(LightningModule, ABC):
    """A network, how to optimise it, and what one batch costs.

    Args:
        network: the model itself.
        optimizer: makes the optimizer from the parameters.
        scheduler: makes the learning-rate schedule, stepped once an epoch; `None`: constant.
    """

    sample_unit: str
    """What the size of a batch counts, for speeds: `tokens` or `windows`."""

    counter_type: type[Mean] = Mean
    """Counts the loss of each stage."""

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerFactory,
        scheduler: SchedulerFactory | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.optimizer_factory = optimizer
        self.scheduler_factory = scheduler
        # "train" is a method of every module, so no name of a child.
        self.counters = nn.ModuleDict({f"{stage}_loss": self.counter_type() for stage in STAGES})

    @abstractmethod
    def step(self, batch: Any, stage: str) -> Tensor:
        """Return the mean loss of the batch, and count it; stage: `train`, `val` or `test`."""

    @abstractmethod
    def finish(self, stage: str) -> None:
        """Log the epoch's metrics as `stage/name`, and begin to count anew."""

    @abstractmethod
    def progress(self) -> tuple[str, float]:
        """Return the name and value to show while the epoch goes on."""

    def counter(self, stage: str) -> Mean:
        """Return what has been counted in this stage of the epoch."""
        return cast(Mean, self.counters[f"{stage}_loss"])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the sums so far, for checkpoints in the middle of an epoch."""
        counter = self.counter("train")
        checkpoint["counted"] = {"total": counter.total, "count": counter.count}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the sums up again."""
        counter = self.counter("train")
        counter.reset()
        counter.add(checkpoint["counted"]["total"], checkpoint["counted"]["count"])

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the loss to be minimised."""
        return self.step(batch, "train")

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Count a validation batch."""
        self.step(batch, "val")

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Count a test batch."""
        self.step(batch, "test")

    def on_train_epoch_end(self) -> None:
        """Log the training metrics."""
        self.finish("train")

    def on_validation_epoch_end(self) -> None:
        """Log the validation metrics."""
        self.finish("val")

    def on_test_epoch_end(self) -> None:
        """Log the test metrics."""
        self.finish("test")

    def configure_optimizers(self) -> Any:
        """Return the optimizer, with its schedule where there is one."""
        optimizer = self.optimizer_factory(self.parameters())
        if self.scheduler_factory is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": self.scheduler_factory(optimizer)}
