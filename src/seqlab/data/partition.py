"""How a text of token indices becomes batches (Dive into Deep Learning, section 9.3)."""

import numpy as np
import torch
from torch import Tensor

from seqlab.batch import IGNORED, TokenBatch
from seqlab.data.loader import BatchLoader, permutation


def _offset(num_steps: int, seed: int, epoch: int) -> int:
    """Return how many tokens an epoch skips at the start, 0 .. num_steps - 1."""
    # The extra 1 keeps this draw apart from the permutation of the same epoch.
    return int(np.random.default_rng((seed, epoch, 1)).integers(num_steps))


class SequentialLoader(BatchLoader[TokenBatch]):
    """Row `i` of a batch goes on where row `i` of the batch before stopped.

    Every epoch skips a new random number of tokens below `num_steps`, lays the rest out as
    `batch_size` rows, and hands out slices of `num_steps` columns; what does not fill a slice is
    left out, as in the chapter.

    Args:
        tokens: `(N,)` int64.
        batch_size: rows.
        num_steps: columns of a batch.
        seed: of the offsets.
        carried: whether the state is carried from a batch to the next; otherwise it starts at zero.
    """

    def __init__(
        self, tokens: Tensor, batch_size: int, num_steps: int, seed: int, *, carried: bool = True
    ) -> None:
        super().__init__()
        self.tokens = tokens
        self.batch_size = batch_size
        self.num_steps = num_steps
        self.seed = seed
        self.carried = carried
        # The largest offset leaves the fewest batches: as many in every epoch.
        self._length = self._columns(num_steps - 1) // num_steps
        self._rows = (tokens, tokens)

    def __len__(self) -> int:
        return self._length

    def begin(self, epoch: int) -> None:
        """Lay the tokens out from this epoch's offset."""
        self.lay_out(_offset(self.num_steps, self.seed, epoch))

    def lay_out(self, offset: int) -> None:
        """Lay the tokens out in rows, without the first `offset` ones."""
        used = self._columns(offset) * self.batch_size
        inputs = self.tokens[offset : offset + used].view(self.batch_size, -1)
        targets = self.tokens[offset + 1 : offset + 1 + used].view(self.batch_size, -1)
        self._rows = (inputs, targets)

    def batch(self, index: int) -> TokenBatch:
        """Return the batch at that position; all but the first continue the one before."""
        part = slice(index * self.num_steps, (index + 1) * self.num_steps)
        inputs, targets = self._rows
        return TokenBatch(inputs[:, part], targets[:, part], self.carried and index > 0)

    def _columns(self, offset: int) -> int:
        return (len(self.tokens) - offset - 1) // self.batch_size


class RandomLoader(BatchLoader[TokenBatch]):
    """Windows that do not overlap, in random order; the state starts at zero for each.

    Every epoch skips a new random number of tokens below `num_steps`.

    Args:
        tokens: `(N,)` int64.
        batch_size: windows a batch.
        num_steps: tokens a window.
        seed: of offsets and order.
    """

    def __init__(self, tokens: Tensor, batch_size: int, num_steps: int, seed: int) -> None:
        super().__init__()
        self.tokens = tokens
        self.batch_size = batch_size
        self.num_steps = num_steps
        self.seed = seed
        self._length = self._windows(num_steps - 1) // batch_size
        self._starts = torch.empty(0, dtype=torch.int64)
        self._steps = torch.arange(num_steps + 1, device=tokens.device)

    def __len__(self) -> int:
        return self._length

    def begin(self, epoch: int) -> None:
        """Draw this epoch's offset and the order of its windows."""
        offset = _offset(self.num_steps, self.seed, epoch)
        order = permutation(self._windows(offset), self.seed, epoch)
        self._starts = (offset + order * self.num_steps).to(self.tokens.device)

    def batch(self, index: int) -> TokenBatch:
        """Return the batch at that position."""
        starts = self._starts[index * self.batch_size : (index + 1) * self.batch_size]
        cut = self.tokens[starts[:, None] + self._steps]  # (B, T + 1)
        return TokenBatch(cut[:, :-1], cut[:, 1:], continues=False)

    def _windows(self, offset: int) -> int:
        return (len(self.tokens) - offset - 1) // self.num_steps


class EvaluationLoader(BatchLoader[TokenBatch]):
    """Every token but the first is predicted exactly once, always in the same order.

    The tokens are laid out in rows as `SequentialLoader` does, the last row padded with `IGNORED`
    targets, and the last slice may be narrower.

    Args:
        tokens: `(N,)` int64, N at least 2.
        batch_size: rows; fewer where there are not enough tokens.
        num_steps: columns of a batch.
        carried: whether a batch continues the one before.
    """

    def __init__(self, tokens: Tensor, batch_size: int, num_steps: int, *, carried: bool) -> None:
        super().__init__()
        predicted = len(tokens) - 1
        rows = min(batch_size, predicted)
        columns = -(-predicted // rows)
        padding = rows * columns - predicted
        self.inputs = torch.nn.functional.pad(tokens[:-1], (0, padding)).view(rows, columns)
        self.targets = torch.nn.functional.pad(tokens[1:], (0, padding), value=IGNORED).view(
            rows, columns
        )
        self.num_steps = num_steps
        self.carried = carried

    def __len__(self) -> int:
        return -(-self.inputs.shape[1] // self.num_steps)

    def begin(self, epoch: int) -> None:
        """Do nothing: every pass is the same."""

    def batch(self, index: int) -> TokenBatch:
        """Return the batch at that position."""
        part = slice(index * self.num_steps, (index + 1) * self.num_steps)
        continues = self.carried and index > 0
        return TokenBatch(self.inputs[:, part], self.targets[:, part], continues)
