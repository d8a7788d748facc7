"""Batches by index from tensors in memory: no worker processes, no collation, no copying.

A loader is an iterable with a length, and remembers where it is: epoch and position. Both go
into a checkpoint, and the order of an epoch follows from seed and epoch number alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

Batch = TypeVar("Batch")


def permutation(
    length: int, seed: int, epoch: int, kind: type[np.integer[Any]] = np.int64
) -> Tensor:
    """Return the order of `length` items in that epoch, `(length,)`; the same in every `kind`."""
    order = np.arange(length, dtype=kind)
    np.random.default_rng((seed, epoch)).shuffle(order)
    return torch.from_numpy(order)


class BatchLoader(ABC, Generic[Batch]):
    """Yields the batches of one epoch after another; each `iter()` begins the next epoch."""

    def __init__(self) -> None:
        self.epoch = -1
        self.position = 0
        self.repeats = False
        """Whether every epoch has the batches of the first."""
        self._resumed = False

    @abstractmethod
    def __len__(self) -> int:
        """Return how many batches an epoch has."""

    @abstractmethod
    def begin(self, epoch: int) -> None:
        """Lay out the epoch."""

    @abstractmethod
    def batch(self, index: int) -> Batch:
        """Return the batch at that position of the epoch laid out last."""

    def __iter__(self) -> Iterator[Batch]:
        # The Trainer stops at __len__ and never exhausts an iterator, so an epoch is counted
        # here, at its beginning.
        resumed, self._resumed = self._resumed, False
        if not (resumed and self.epoch >= 0 and self.position < len(self)):
            self.epoch += 1
            self.position = 0
        self.begin(0 if self.repeats else self.epoch)
        while self.position < len(self):
            self.position += 1
            yield self.batch(self.position - 1)

    def state(self) -> dict[str, int]:
        """Return the epoch, and how many of its batches have been handed out."""
        return {"epoch": self.epoch, "position": self.position}

    def restore(self, state: dict[str, int]) -> None:
        """Go on where the state was taken: within its epoch, or with the next one."""
        self.epoch, self.position = state["epoch"], state["position"]
        self._resumed = True
