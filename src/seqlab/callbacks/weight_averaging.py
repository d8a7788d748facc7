"""Averaged weights: what is validated, kept and tested in place of those that are trained."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor


class WeightAveraging(Callback):
    """Averages the network's weights over the optimizer steps.

    The average is what is validated, what checkpoints hold as the model, and what the run ends
    with; the training goes on with its own weights, which last.ckpt holds beside it. Integers
    among the buffers are not averaged: they are the latest.

    The average is `d * average + (1 - d) * weights` after each step, with
    `d = min(decay, (1 + n) / (10 + n))` after `n` updates: the first weights are soon forgotten.

    Args:
        decay: the largest `d`; `None`: all steps count alike, as in stochastic weight averaging
            (Izmailov et al., 2018).
        start_epoch: epochs before the average begins; until then there is none.
    """

    def __init__(self, decay: float | None = 0.999, start_epoch: int = 0) -> None:
        self.decay = decay
        self.start_epoch = start_epoch
        self._average: dict[str, Tensor] = {}
        self._num_updates = 0
        self._step = 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take the weights in, where an optimizer step has moved them."""
        if trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        if trainer.current_epoch >= self.start_epoch and not pl_module.skipped_last:
            self._update(_weights(pl_module))

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the average in the place of the weights."""
        self._swap(pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the weights back."""
        self._swap(pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the average as the model."""
        self._swap(pl_module)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Let the average be the checkpoint's model; keep the weights for the training."""
        trained = _weights(pl_module) if self._average else {}
        checkpoint["averaging"] = {
            "trained": trained,
            "num_updates": self._num_updates,
            "step": self._step,
        }
        # By place in memory: a weight that is shared has several names there.
        averages = {trained[name].data_ptr(): each for name, each in self._average.items()}
        state = checkpoint["state_dict"]
        checkpoint["state_dict"] = {
            name: averages.get(tensor.data_ptr(), tensor) for name, tensor in state.items()
        }

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Go on from there; where nothing is left to train, the average stays the model."""
        state = checkpoint.get("averaging")
        if state is None:  # the callback is new
            self._step = checkpoint["global_step"]
            return
        progress = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]
        if progress["processed"] == trainer.max_epochs:
            return
        self._num_updates, self._step = state["num_updates"], state["step"]
        weights = _weights(pl_module)
        for name, tensor in state["trained"].items():
            self._average[name] = weights[name].clone()
            weights[name].copy_(tensor)

    def _update(self, weights: dict[str, Tensor]) -> None:
        count, self._num_updates = self._num_updates, self._num_updates + 1
        if count == 0:
            self._average = {name: tensor.clone() for name, tensor in weights.items()}
            return
        share = 1 / (count + 1)
        if self.decay is not None:
            share = 1 - min(self.decay, (1 + count) / (10 + count))
        torch._foreach_lerp_(list(self._average.values()), list(weights.values()), share)

    def _swap(self, pl_module: LightningModule) -> None:
        weights = _weights(pl_module)
        for name, tensor in self._average.items():
            trained = weights[name].clone()
            weights[name].copy_(tensor)
            tensor.copy_(trained)


def _weights(pl_module: Any) -> dict[str, Tensor]:
    """Return the network's parameters and buffers that can be averaged, by name; no copies.

    A weight that is shared is there once.
    """
    network = pl_module.network
    kept = network.state_dict()
    names = [name for name, _ in (*network.named_parameters(), *network.named_buffers())]
    return {name: kept[name] for name in names if name in kept and kept[name].is_floating_point()}
