"""How long a run is: batches of an epoch, and epochs or optimizer steps in all."""

import math
from typing import Any

from seqlab.data.module import PURPOSES, SequenceData
from seqlab.system.errors import UserError


def check_batches(config: dict[str, Any], data: Any) -> None:
    """Raise `UserError` where a share of the batches is none, or a validation would never come.

    Args:
        config: the resolved configuration.
        data: the data module, prepared.
    """
    names = {"overfit_batches": "train"} | {f"limit_{part}_batches": part for part in PURPOSES}
    for name, part in names.items():
        share = config["trainer"].get(name)
        if not isinstance(share, float) or not 0 < share < 1:
            continue
        total = num_batches(data, part)
        if total and int(total * share) == 0:
            raise UserError(
                f"trainer.{name}={share:g} comes to less than one of the {total} batches "
                f"{PURPOSES[part]}",
                f"Use a share of at least {_least(total)}, or a whole number of batches: "
                f"trainer.{name}=1.",
            )
    every = config["trainer"]["val_check_interval"]
    if isinstance(every, int) and config["trainer"]["check_val_every_n_epoch"] is not None:
        total = _epoch(config["trainer"], data)
        if total is not None and every > total and config["trainer"]["limit_val_batches"] != 0:
            raise UserError(
                f"trainer.val_check_interval={every}: an epoch has {total} batches",
                f"Use {total} or less; with trainer.check_val_every_n_epoch=null batches are "
                "counted over epochs.",
            )


def run_length(config: dict[str, Any], data: Any, interval: str) -> int | None:
    """Return how many epochs or optimizer steps a run has, unless something ends it before.

    Args:
        config: the resolved configuration.
        data: the data module, prepared.
        interval: `epoch` or `step`.

    Returns:
        The number; `None` where nothing says how many batches an epoch has.
    """
    flags = config["trainer"]
    epochs, most = 1 if flags["fast_dev_run"] else flags["max_epochs"], flags["max_steps"]
    if interval == "epoch" and most == -1:
        return int(epochs)
    total = _epoch(flags, data)
    if total is None:
        return None
    per_epoch = math.ceil(total / flags["accumulate_grad_batches"])
    steps = per_epoch * epochs if most == -1 else min(per_epoch * epochs, most)
    return steps if interval == "step" else math.ceil(steps / per_epoch)


def _epoch(flags: dict[str, Any], data: Any) -> int | None:
    """Return how many batches of training an epoch has."""
    total = num_batches(data, "train")
    limit = flags["fast_dev_run"] or flags["overfit_batches"] or flags["limit_train_batches"]
    if total is None or limit is None:
        return total
    return int(total * limit) if isinstance(limit, float) else min(total, int(limit))


def num_batches(data: Any, part: str) -> int | None:
    """Return how many batches a part of the data has; `None`: it does not say."""
    try:
        if not isinstance(data, SequenceData):
            return len(getattr(data, f"{part}_dataloader")())
        return len(data.loader(part, training=part == "train")) if part in data.parts else 0
    except TypeError:  # a loader without a length
        return None


def _least(total: int) -> str:
    return f"{math.ceil(1000 / total) / 1000:g}"
