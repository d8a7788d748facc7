"""A series cut into windows: the data module that every series shares."""

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from seqlab.batch import SeriesBatch
from seqlab.data.loader import BatchLoader, permutation
from seqlab.data.module import PURPOSES, SequenceData
from seqlab.system.errors import UserError


def windows(series: Tensor, tau: int) -> SeriesBatch:
    """Return every window of `tau` values with the value that follows it.

    Args:
        series: `(T,)`.
        tau: the window's length.

    Returns:
        A batch of `T - tau` windows; its tensors are views of the series.
    """
    cut = series.unfold(0, tau + 1, 1)  # (T - tau, tau + 1)
    return SeriesBatch(cut[:, :tau], cut[:, tau])


class WindowLoader(BatchLoader[SeriesBatch]):
    """Batches of windows, shuffled every epoch where a seed is given; the last may be short."""

    def __init__(self, pairs: SeriesBatch, batch_size: int, seed: int | None = None) -> None:
        super().__init__()
        self.pairs = pairs
        self.batch_size = batch_size
        self.seed = seed
        self._ordered = pairs

    def __len__(self) -> int:
        return -(-self.pairs.size // self.batch_size)

    def begin(self, epoch: int) -> None:
        """Draw the order of the epoch."""
        if self.seed is not None:
            order = permutation(self.pairs.size, self.seed, epoch)
            inputs, targets = self.pairs
            order = order.to(inputs.device)
            self._ordered = SeriesBatch(inputs[order], targets[order])

    def batch(self, index: int) -> SeriesBatch:
        """Return the batch at that position."""
        part = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return SeriesBatch(self._ordered.inputs[part], self._ordered.targets[part])


class SeriesData(SequenceData):
    """Windows of one series, split in time; no window reaches across a split.

    Training takes the first `num_train` windows. Validation takes the next `num_val` whose values
    all come after the training values, the test what remains after those.

    Args:
        tau: how many values predict the next one.
        num_train: how many windows train.
        num_val: how many validate; `None`: all that remain.
        batch_size: windows a batch.
        seed: seed of the batch order.
    """

    def __init__(
        self, *, tau: int, num_train: int, num_val: int | None, batch_size: int, seed: int
    ) -> None:
        super().__init__()
        self.tau = tau
        self.num_train = num_train
        self.num_val = num_val
        self.batch_size = batch_size
        self.seed = seed
        self.series = torch.empty(0)

    @abstractmethod
    def make_series(self) -> Tensor:
        """Return the series `(T,)` float32, the same whenever it is called."""

    def clean_series(self) -> Tensor | None:
        """Return the series without its noise `(T,)`, where that is known."""
        return None

    def setup(self, stage: str | None = None) -> None:
        """Make the series and split it.

        Raises:
            UserError: the series is too short for the windows asked for.
        """
        if self.parts:
            return
        series = self._checked(self.make_series())
        used = self.num_train + self.tau
        if used > len(series):
            raise UserError(
                f"data.num_train={self.num_train} windows of data.tau={self.tau} values need a "
                f"series of {used} steps, and it has {len(series)}",
                f"Use data.num_train={len(series) - self.tau} or less, or a longer series."
                if len(series) > self.tau
                else f"Use data.tau={max(len(series) - self.num_train, len(series) // 2, 1)} or "
                f"less with data.num_train={min(self.num_train, len(series) // 2)}.",
            )
        if self.batch_size > self.num_train:
            raise UserError(
                f"data.batch_size={self.batch_size} is more than the {self.num_train} training "
                "windows",
                f"Use data.batch_size={self.num_train} or less.",
            )
        rest = series[used:]
        possible = max(len(rest) - self.tau, 0)
        if self.num_val is not None and self.num_val > possible:
            raise UserError(
                f"data.num_val={self.num_val} windows do not fit: {possible} remain after training",
                f"Use data.num_val={possible} or less, or null for all that remain.",
            )
        taken = len(rest) if self.num_val is None else self.num_val + self.tau
        if self.num_val == 0:
            taken = 0
        self.series = series
        self.parts = {"train": series[:used]}
        for name, part in (("val", rest[:taken]), ("test", rest[taken:])):
            if len(part) > self.tau:
                self.parts[name] = part

    def _checked(self, series: Any) -> Tensor:
        """Return what `make_series` made; raise `UserError` where it cannot be trained on."""
        maker, remedy = f"{type(self).__name__}.make_series", "Return a tensor (T,), float32."
        if not isinstance(series, Tensor):
            raise UserError(f"{maker} returns a {type(series).__name__}", remedy)
        if series.dim() != 1 or series.dtype != torch.float32:
            dtype = str(series.dtype).removeprefix("torch.")
            raise UserError(f"{maker} returns {tuple(series.shape)} {dtype}", remedy)
        if len(wrong := (~series.isfinite()).nonzero()):
            raise UserError(
                f"{maker}: {len(wrong)} of {len(series)} values are NaN or infinite, the first is "
                f"at step {wrong[0].item()}",
                "Leave them out, or put numbers in their place.",
            )
        return series

    def describe(self) -> dict[str, int]:
        """Return what a network has to know: `num_inputs`, the length of a window."""
        return {"num_inputs": self.tau}

    def summary(self) -> str:
        """Return one line about the data, for people."""
        shares = ", ".join(
            f"{len(part) - self.tau:,} {PURPOSES[name]}" for name, part in self.parts.items()
        )
        return f"series of {len(self.series):,} steps, windows of {self.tau}: {shares}"

    def training_pairs(self) -> SeriesBatch:
        """Return all training windows as one batch, on the device."""
        return windows(self.on_device("train"), self.tau)

    def loader(self, part: str, *, training: bool = False) -> WindowLoader:
        """Return the batches of a part: shuffled for training, otherwise in time order."""
        pairs = windows(self.on_device(part), self.tau)
        return WindowLoader(pairs, self.batch_size, self.seed if training else None)
