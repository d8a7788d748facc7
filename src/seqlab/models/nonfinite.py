"""Numbers that are not finite: finding them, and saying what probably made them."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from seqlab.system.errors import NonFiniteError

READ_EVERY = 100
"""On a GPU: after so many readings at the latest, two a step, they are looked at."""

# What mostly works without clipping; far above it the learning rate is the first suspect.
_USUAL_RATE = {"SGD": 0.1}
_USUAL_RATE_OF_OTHERS = 0.001


class Reading(NamedTuple):
    """A number of an optimizer step, which still lies on the device.

    Attributes:
        what: `loss` or `gradient`.
        values: scalars; the first says whether all is well.
        step: counted from 1.
        batch: which the number comes from.
        limit: of clipping.
    """

    what: str
    values: list[Tensor]
    step: int
    batch: Any = None
    limit: float | None = None


def costs_a_wait(tensor: Tensor) -> bool:
    """Whether looking at a number makes the program wait for the device to finish."""
    return not tensor.is_cpu


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether every value is finite; waits for the device once."""
    flags = [tensor.detach().isfinite().all() for tensor in tensors]
    return bool(torch.stack(flags).all()) if flags else True


def nonfinite_error(
    what: str, trainer: Trainer, step: int, batch: Any = None, *, skipping: bool
) -> NonFiniteError:
    """Return the error that names step and learning rate, and in its hint the likely causes.

    Args:
        what: is not finite, a clause.
        trainer: says how the weights are moved.
        step: the optimizer step, counted from 1.
        batch: which it happened with, where it is known.
        skipping: whether such steps are skipped already.
    """
    rate = float(trainer.optimizers[0].param_groups[0]["lr"])
    where = f"at step {step} (epoch {trainer.current_epoch + 1}), learning rate {rate:g}"
    hint = _likely_causes(trainer, rate, batch)
    if not skipping:
        hint += " on_nonfinite=skip goes on without such steps."
    return NonFiniteError(f"{what} {where}", hint)


def _likely_causes(trainer: Trainer, rate: float, batch: Any) -> str:
    values = batch if isinstance(batch, tuple) else ()
    if not all_finite(value for value in values if isinstance(value, Tensor)):
        return "The batch itself holds values that are not finite: look at the data."
    usual = _USUAL_RATE.get(type(trainer.optimizers[0]).__name__, _USUAL_RATE_OF_OTHERS)
    far_above = rate > 10 * usual
    causes = [f"the learning rate, try optimizer.lr={usual if far_above else rate / 10:g}"]
    if trainer.gradient_clip_val is None:
        causes.insert(far_above, "gradients are not clipped, try trainer.gradient_clip_val=1")
    if str(trainer.precision).startswith("16"):
        causes.append("16-bit numbers end at 65504, try trainer.precision=bf16-mixed")
    return f"Likely causes: {'; '.join(causes)}."
