"""What every data module shares: parts on the device, loaders, and the place in the epoch."""

import hashlib
from abc import ABC, abstractmethod
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor

from seqlab.data.loader import BatchLoader

PURPOSES = {"train": "to train", "val": "to validate", "test": "to test"}
"""What the parts of the data are for, in words."""


class SequenceData(LightningDataModule, ABC):
    """A sequence, split in order into `train`, `val` and `test`, and cut into batches.

    Attributes:
        parts: the values of each part that exists, `(T,)`; filled by `setup`.
    """

    parts: dict[str, Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.parts = {}
        self._train_loader: BatchLoader[Any] | None = None
        self._loader_state: dict[str, int] | None = None

    @abstractmethod
    def describe(self) -> dict[str, int]:
        """Return what a network has to know of the data, as arguments of its class."""

    @abstractmethod
    def summary(self) -> str:
        """Return one line about the data, for people."""

    @abstractmethod
    def loader(self, part: str, *, training: bool = False) -> BatchLoader[Any]:
        """Return the batches of a part; for training in a new order every epoch."""

    def train_dataloader(self) -> BatchLoader[Any]:
        """Return the training batches, from where a checkpoint left them.

        To overfit, `trainer.overfit_batches`, takes the same ones in every epoch.
        """
        self._train_loader = self.loader("train", training=True)
        self._train_loader.repeats = getattr(self.trainer, "overfit_batches", 0) > 0
        if self._loader_state is not None:
            self._train_loader.restore(self._loader_state)
            self._loader_state = None
        return self._train_loader

    def val_dataloader(self) -> Any:
        """Return the validation batches; none where nothing is held out."""
        return self.loader("val") if "val" in self.parts else []

    def test_dataloader(self) -> Any:
        """Return the test batches; none where nothing is held out for them."""
        return self.loader("test") if "test" in self.parts else []

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of the data, in plain values."""
        if self._train_loader is None:
            return {"loader": self._loader_state}
        state = self._train_loader.state()
        if self.trainer and self.trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            # With limit_train_batches an epoch is over before the loader is.
            state["position"] = len(self._train_loader)
        return {"loader": state}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what a checkpoint kept."""
        self._loader_state = state_dict["loader"]

    @property
    def device(self) -> torch.device:
        """Where the Trainer computes."""
        return self.trainer.strategy.root_device if self.trainer else torch.device("cpu")

    def on_device(self, part: str) -> Tensor:
        """Return the values of a part where the Trainer computes: batches are sliced there."""
        return self.parts[part].to(self.device)

    def digest(self) -> str:
        """Return a checksum of the data that were prepared."""
        found = hashlib.sha256()
        for name, part in self.parts.items():
            found.update(name.encode())
            found.update(part.numpy().tobytes())
        return found.hexdigest()
