"""Where loaders take tokens from: a tensor on the device, or a file mapped into memory."""

import mmap
from typing import Any

import numpy as np
import torch
from torch import Tensor

RESIDENT = 1 << 27
"""Bytes of a mapped file that may lie in memory before they are given back."""

# As much is mapped around a place that is read first, where the system has the file in its cache.
_AROUND = 1 << 16


class TokenSource:
    """Tokens in a tensor: batches are cut from it where it lies.

    Args:
        tokens: `(N,)` int64.
    """

    place_type: type[np.integer[Any]] = np.int64
    """Of the places in the text that a loader keeps."""

    def __init__(self, tokens: Tensor) -> None:
        self._tokens = tokens
        self._begin = tokens.storage_offset()

    def __len__(self) -> int:
        return len(self._tokens)

    @property
    def device(self) -> torch.device:
        """Where the tokens lie, and the places that are asked for have to."""
        return self._tokens.device

    def rows(self, first: int, stride: int, rows: int, steps: int) -> tuple[Tensor, Tensor]:
        """Return rows of consecutive tokens, and the same rows one token later.

        Args:
            first: the place where the first row begins.
            stride: from the beginning of a row to that of the next.
            rows: B.
            steps: T.

        Returns:
            Two tensors `(B, T)` int64, where training computes.
        """
        begin, shape, strides = self._begin + first, (rows, steps), (stride, 1)
        inputs = self._tokens.as_strided(shape, strides, begin)
        return inputs, self._tokens.as_strided(shape, strides, begin + 1)

    def windows(self, starts: Tensor, ahead: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rows that begin at given places, and the same rows one token later.

        Args:
            starts: `(B,)` places.
            ahead: `(T + 1,)`, the numbers from 0 to T.

        Returns:
            Two tensors `(B, T)` int64, where training computes.
        """
        cut = self._tokens[starts[:, None] + ahead]  # (B, T + 1)
        return cut[:, :-1], cut[:, 1:]


class MappedTokens(TokenSource):
    """Tokens in a mapped file: batches are copied out, and what was read is given back in time.

    Args:
        tokens: `(N,)`, of any integer type, over the mapping.
        mapping: of the file.
        device: where training computes.
    """

    def __init__(self, tokens: Tensor, mapping: mmap.mmap, device: torch.device) -> None:
        super().__init__(tokens)
        self._mapping = mapping
        self._target = device
        self._touched = 0
        if len(tokens) < 1 << 31:
            self.place_type = np.int32

    def rows(self, first: int, stride: int, rows: int, steps: int) -> tuple[Tensor, Tensor]:
        """Return rows of consecutive tokens, and the same rows one token later."""
        cut = self._tokens.as_strided((rows, steps + 1), (stride, 1), self._begin + first)
        # The next batch goes on where this one ends, mostly in what is mapped already.
        around = 0 if self._touched else rows * _AROUND
        return self._handed_out(cut, around)

    def windows(self, starts: Tensor, ahead: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rows that begin at given places, and the same rows one token later."""
        cut = self._tokens.unfold(0, len(ahead), 1).index_select(0, starts)  # (B, T + 1)
        return self._handed_out(cut, len(starts) * _AROUND)

    def _handed_out(self, cut: Tensor, around: int) -> tuple[Tensor, Tensor]:
        if self._target.type == "cpu":
            moved = cut.to(torch.int64)
        else:  # fewer bytes are moved before they are int64
            moved = cut.contiguous().pin_memory().to(self._target, non_blocking=True).long()
        self._touched += around + cut.numel() * cut.itemsize
        if self._touched >= RESIDENT:
            self._mapping.madvise(mmap.MADV_DONTNEED)
            self._touched = 0
        return moved[:, :-1], moved[:, 1:]


def source_of(tokens: Tensor | TokenSource) -> TokenSource:
    """Return tokens as something that loaders take rows from."""
    return tokens if isinstance(tokens, TokenSource) else TokenSource(tokens)
