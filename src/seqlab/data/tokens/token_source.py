"""Where loaders take tokens from: a tensor on the device, or a file too large for memory."""

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqlab.data.tokens.token_file import Tokens

AHEAD = 1 << 18
"""Tokens that are read from a file at a time, where batches go on in it."""


class TokenSource:
    """Tokens in a tensor: batches are cut from it where it lies.

    Args:
        tokens: `(N,)` int64.
    """

    place_type: type[np.integer[Any]] = np.int64
    """Of the places in the text that a loader keeps."""

    def __init__(self, tokens: Tensor) -> None:
        self._tokens = tokens
        self._begin = int(tokens.storage_offset())

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


class FileTokens(TokenSource):
    """Tokens in a token file, read as they are needed.

    They are read, not looked up in the mapped file: of that, the system may keep any number of
    pages in the process's memory around each place that was touched.

    Args:
        tokens: `(N,)`, the whole mapped file or a part of it.
        file: what is mapped.
        device: where training computes.
    """

    def __init__(self, tokens: Tensor, file: Tokens, device: torch.device) -> None:
        super().__init__(tokens)
        self._file = file
        self._target = device
        # What was read last, and the place, stride and number of its rows.
        self._read = torch.empty(0, 0, dtype=torch.int64)
        self._layout = (0, 0, 0)
        if len(tokens) < 1 << 31:
            self.place_type = np.int32

    def rows(self, first: int, stride: int, rows: int, steps: int) -> tuple[Tensor, Tensor]:
        """Return rows of consecutive tokens, and the same rows one token later."""
        begin = first - self._layout[0]
        if (stride, rows) != self._layout[1:] or not 0 <= begin < self._read.shape[1] - steps:
            begin, self._layout = 0, (first, stride, rows)
            last = first + (rows - 1) * stride
            columns = min(max(steps + 1, AHEAD // rows), len(self) - last)
            self._read = self._moved(range(first, last + 1, stride), columns)
        return self._read.narrow(1, begin, steps), self._read.narrow(1, begin + 1, steps)

    def windows(self, starts: Tensor, ahead: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rows that begin at given places, and the same rows one token later."""
        cut = self._moved(starts.tolist(), len(ahead))  # (B, T + 1)
        return cut[:, :-1], cut[:, 1:]

    def _moved(self, starts: Iterable[int], columns: int) -> Tensor:
        """Return so many tokens from each place on, `(B, columns)`, on the device."""
        kind, descriptor = self._file.indices.dtype, self._file.descriptor
        assert descriptor is not None, "the tokens are in no file"
        size = kind.itemsize
        rows = [
            os.pread(descriptor, columns * size, (self._begin + start) * size) for start in starts
        ]
        read = np.frombuffer(b"".join(rows), kind).reshape(len(rows), columns)
        tokens = torch.from_numpy(read.astype(np.int64))
        if self._target.type != "cuda":
            return tokens.to(self._target)
        return tokens.pin_memory().to(self._target, non_blocking=True)


def source_of(tokens: Tensor | TokenSource) -> TokenSource:
    """Return tokens as something that loaders take rows from."""
    return tokens if isinstance(tokens, TokenSource) else TokenSource(tokens)
