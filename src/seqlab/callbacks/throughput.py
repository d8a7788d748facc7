"""Tokens or windows a second, validation and figures not counted."""

import time
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer


class Throughput(Callback):
    """Logs `train/tokens_per_second` or `train/windows_per_second` for every epoch."""

    def __init__(self) -> None:
        self._size = 0
        self._seconds = 0.0
        self._since = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock; a run resumed within an epoch does not begin that epoch again."""
        self._since = time.perf_counter()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._size, self._seconds = 0, 0.0
        self._since = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch."""
        self._size += batch.size

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock."""
        self._stop(pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the clock go on."""
        self._since = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Log the epoch's speed."""
        self._stop(pl_module)
        speed = self._size / self._seconds
        pl_module.record({f"train/{pl_module.sample_unit}_per_second": speed})

    def _stop(self, pl_module: LightningModule) -> None:
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize(pl_module.device)  # kernels still running belong to the epoch
        self._seconds += time.perf_counter() - self._since
