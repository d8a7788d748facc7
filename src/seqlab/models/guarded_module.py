"""A LightningModule whose weights no NaN or infinity reaches, and what its gradients were."""

import logging
import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_
from torch.optim import Optimizer

from seqlab.models.gradients import GradientSums, total_norm
from seqlab.models.nonfinite import (
    READ_EVERY,
    Reading,
    all_finite,
    costs_a_wait,
    nonfinite_error,
)
from seqlab.models.recording_module import RecordingModule

logger = logging.getLogger(__name__)


@dataclass
class _Update:
    """The optimizer step in the making, and what is known of those before it."""

    unread: list[Reading] = field(default_factory=list)
    before: tuple[dict[str, Any], list[Tensor]] | None = None
    dropped: bool = False
    skipped: bool = False
    rate: float = 0.0
    verified: int = -1
    warned: set[str] = field(default_factory=set)


class GuardedModule(RecordingModule):
    """Looks at the loss and the gradient of each optimizer step before the weights move.

    One that is not finite ends the run with `stop`. With `skip` the step is left out as if its
    batches had not been there: weights, buffers, optimizer, sums of the epoch and carried state
    stay what they were.

    Args:
        on_nonfinite: `stop` or `skip`.
    """

    network: nn.Module

    def __init__(self, on_nonfinite: str = "stop") -> None:
        super().__init__()
        self.skipping = on_nonfinite == "skip"
        self.gradients = GradientSums()
        self._update = _Update()

    @property
    def skipped_last(self) -> bool:
        """Whether the last optimizer step was left out."""
        return self._update.skipped

    def carried(self) -> dict[str, Any]:
        """Return, copied, what a training batch leaves to the next beside the weights."""
        raise NotImplementedError

    def carry(self, values: dict[str, Any]) -> None:
        """Take up what `carried` returned."""
        raise NotImplementedError

    def begin_batch(self) -> None:
        """Note how things stand before a training batch."""
        if self.skipping and self._update.before is None:
            buffers = [buffer.clone() for buffer in self.network.buffers()]
            self._update.before = self.carried(), buffers

    def accepts(self, loss: Tensor, batch: Any) -> bool:
        """Return whether the loss may move the weights; go back to before its step where not.

        Raises:
            NonFiniteError: it is not finite, and the run is to stop.
        """
        if self._accepted("loss", [loss], batch=batch):
            return True
        self._update.dropped = True
        self._undo()
        return False

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip as the Trainer would, and note the norms; the weights move right after this.

        Args:
            optimizer: of all parameters.
            gradient_clip_val: the Trainer's.
            gradient_clip_algorithm: the Trainer's.
        """
        update = self._update
        update.rate = optimizer.param_groups[0]["lr"]
        update.skipped = update.dropped or not self._accepted(
            "gradient",
            self.clipped(optimizer, gradient_clip_val, gradient_clip_algorithm),
            limit=gradient_clip_val,
        )
        if update.skipped:
            optimizer.zero_grad(set_to_none=True)  # an optimizer passes over what has no gradient
            self._undo()
            self.gradients.skip(self.global_step + 1)
        update.before, update.dropped = None, False

    def note_step(self, numbers: Tensor, batch: Any) -> None:
        """Take note of a step that was taken as a whole; it is looked at later.

        Args:
            numbers: its loss, and what `clipped` returned; still on the device.
            batch: what it was trained on.
        """
        trainer, update, step = self.trainer, self._update, self.global_step + 1
        update.rate, update.skipped = trainer.optimizers[0].param_groups[0]["lr"], False
        loss, *norms = numbers.unbind()
        update.unread.append(Reading("loss", [loss], step, batch))
        update.unread.append(Reading("gradient", norms, step, None, trainer.gradient_clip_val))
        if len(update.unread) >= READ_EVERY:
            self._read()

    def clipped(
        self, optimizer: Optimizer, limit: int | float | None, algorithm: str | None
    ) -> list[Tensor]:
        """Clip; return what `GradientSums.add` takes, still on the device."""
        parameters = [each for group in optimizer.param_groups for each in group["params"]]
        gradients = [each.grad for each in parameters if each.grad is not None]
        values = [total_norm(gradients)]
        scaler = self._scaler()
        if limit is not None and algorithm == "value":
            values.append(total_norm(gradients, math.inf))
            self.clip_gradients(optimizer, limit, algorithm)
            values.append(total_norm(gradients))
        elif limit is not None and scaler is not None:
            self.clip_gradients(optimizer, limit, algorithm)  # it knows what a scaler cannot do
        elif limit is not None:
            clip_grads_with_norm_(parameters, limit, values[0])
        if scaler is not None and getattr(optimizer, "_step_supports_amp_scaling", False):
            values = [value / scaler.get_scale() for value in values]  # a fused one unscales later
        return values

    def _accepted(
        self, what: str, values: list[Tensor], *, batch: Any = None, limit: float | None = None
    ) -> bool:
        """Look at numbers, or put it off; return whether their step may be taken."""
        unread = self._update.unread
        waits = costs_a_wait(values[0])
        if not waits and not unread:  # nearly always, and at every step: kept short
            numbers = [value.item() for value in values]
            if math.isfinite(numbers[0]):
                if what == "gradient":
                    self.gradients.add(limit, *numbers)
                return True
        kept = [value.detach() for value in values]
        unread.append(Reading(what, kept, self.global_step + 1, batch, limit))
        if not self.skipping:
            # Nothing lasting is made of the weights before `verify` has looked.
            if waits and len(unread) < READ_EVERY:
                return True
            # The backward pass is about to say which operation made the NaN.
            if what == "loss" and torch.is_anomaly_enabled():
                return True
        return self._read()

    def _read(self) -> bool:
        unread, self._update.unread = self._update.unread, []
        tensors = [tensor.double() for reading in unread for tensor in reading.values]
        numbers = iter(torch.stack(tensors).tolist() if tensors else [])  # the device is asked once
        for what, given, step, batch, limit in unread:
            values = [next(numbers) for _ in given]
            if math.isfinite(values[0]):
                if what == "gradient":
                    self.gradients.add(limit, *values)
                continue
            if what == "gradient" and self._scaler() is not None:
                continue  # how a scaler finds its scale; it takes no such step
            name = "the loss" if what == "loss" else "the norm of the gradient"
            clause = f"{name} is {values[0]}"
            if not self.skipping:
                raise nonfinite_error(clause, self.trainer, step, batch, skipping=False)
            if not self.gradients.first_skipped:
                logger.info("%s at step %d: it is skipped, as all like it will be", clause, step)
            return False
        return True

    def _undo(self) -> None:
        """Go back to where the step began; the weights have not moved since."""
        assert self._update.before is not None
        carried, buffers = self._update.before
        self.carry(carried)
        for buffer, value in zip(self.network.buffers(), buffers, strict=True):
            buffer.copy_(value)

    def _scaler(self) -> Any:
        """Return what scales the loss of 16-bit training, if anything does."""
        return getattr(self.trainer.precision_plugin, "scaler", None)

    def verify(self) -> None:
        """Raise `NonFiniteError` where losses, gradients or weights up to here are not finite."""
        self._read()
        if self._update.verified == self.global_step:
            return
        if not all_finite(self.parameters()):
            raise nonfinite_error(
                "the weights are not finite after the update",
                self.trainer,
                self.global_step,
                skipping=True,
            )
        self._update.verified = self.global_step

    def judge(self, stage: str, mean: Tensor) -> None:
        """Stop, or warn once, where the mean loss of a stage's epoch is not finite."""
        if mean.isfinite():
            return
        clause = f"{stage}/loss is {mean.item()}"
        if stage == "train" and not self.skipping:
            raise nonfinite_error(clause, self.trainer, self.global_step, skipping=False)
        self.warn_once(
            stage,
            f"{clause} in epoch {self.current_epoch + 1}: what the network gives is too large "
            "there, or the data are not finite; best.ckpt is never chosen by such a value",
        )

    def warn_once(self, what: str, text: str) -> None:
        """Warn, the first time that this is so."""
        if what not in self._update.warned:
            self._update.warned.add(what)
            logger.warning("%s", text)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Verify the weights before anything is made of them at the end of the epoch."""
        if self.trainer.is_last_batch:
            self.verify()

    def on_validation_start(self) -> None:
        """Verify the weights that are to be validated."""
        self.verify()

    def log_gradients(self) -> None:
        """Log the means of the epoch, and begin to count anew.

        Raises:
            NonFiniteError: every step of the epoch was skipped.
        """
        sums = self.gradients
        if sums.skipped and not sums.steps:
            clause = "every step of the epoch was skipped, the last"
            raise nonfinite_error(clause, self.trainer, self.global_step, skipping=True)
        if self._scaler() is not None and not sums.steps:
            logger.warning("no step of epoch %d had a finite gradient", self.current_epoch + 1)
        clipping = self.trainer.gradient_clip_val is not None
        self.record(sums.metrics(clipping=clipping, skipping=self.skipping))
        sums.begin_epoch()

    def on_train_end(self) -> None:
        """Warn of what was skipped."""
        if skipped := self.gradients.skipped_in_all:
            logger.warning(
                "%d of %d steps were skipped because loss or gradient was not finite, "
                "the first was step %d",
                skipped,
                self.global_step,
                self.gradients.first_skipped,
            )
