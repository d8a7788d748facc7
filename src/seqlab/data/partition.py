"""How a text of token indices becomes batches (Dive into Deep Learning, section 9.3)."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from seqlab.batch import IGNORED, TokenBatch
from seqlab.data.loader import BatchLoader, permutation
from seqlab.data.tokens.token_source import TokenSource, source_of


class TrainingLoader(BatchLoader[TokenBatch]):
    """Batches of a text that begins at another token in every epoch.

    Every epoch skips a new random number of tokens below `num_steps`.

    Args:
        tokens: `(N,)` int64, or a source of them.
        batch_size: sequences a batch.
        num_steps: tokens a sequence.
        seed: of what is drawn.
    """

    def __init__(
        self, tokens: Tensor | TokenSource, batch_size: int, num_steps: int, seed: int
    ) -> None:
        super().__init__()
        self.tokens = source_of(tokens)
        self.batch_size = batch_size
        self.num_steps = num_steps
        self.seed = seed

    def __len__(self) -> int:
        # The largest offset leaves the fewest batches: as many in every epoch.
        left = len(self.tokens) - self.num_steps
        return left // self.batch_size // self.num_steps

    def draw_offset(self, epoch: int) -> int:
        """Return how many tokens an epoch skips at the start, 0 .. num_steps - 1."""
        # The extra 1 keeps this draw apart from the permutation of the same epoch.
        return int(np.random.default_rng((self.seed, epoch, 1)).integers(self.num_steps))


class SequentialLoader(TrainingLoader):
    """Row `i` of a batch goes on where row `i` of the batch before stopped.

    The tokens are laid out as `batch_size` rows, which are handed out in slices of `num_steps`
    columns; what does not fill a slice is left out, as in the chapter.

    Args:
        tokens: `(N,)` int64, or a source of them.
        batch_size: rows.
        num_steps: columns of a batch.
        seed: of the offsets.
        carried: whether the state is carried from a batch to the next; otherwise it starts at zero.
    """

    def __init__(
        self,
        tokens: Tensor | TokenSource,
        batch_size: int,
        num_steps: int,
        seed: int,
        *,
        carried: bool = True,
    ) -> None:
        super().__init__(tokens, batch_size, num_steps, seed)
        self.carried = carried
        self._offset = 0
        self._stride = 0

    def begin(self, epoch: int) -> None:
        """Lay the tokens out from this epoch's offset."""
        self.lay_out(self.draw_offset(epoch))

    def lay_out(self, offset: int) -> None:
        """Lay the tokens out in rows, without the first `offset` ones."""
        self._offset = offset
        self._stride = (len(self.tokens) - offset - 1) // self.batch_size

    def batch(self, index: int) -> TokenBatch:
        """Return the batch at that position; all but the first continue the one before."""
        first = self._offset + index * self.num_steps
        inputs, targets = self.tokens.rows(first, self._stride, self.batch_size, self.num_steps)
        return TokenBatch(inputs, targets, self.carried and index > 0)


class RandomLoader(TrainingLoader):
    """Windows that do not overlap, in random order; the state starts at zero for each.

    Args:
        tokens: `(N,)` int64, or a source of them.
        batch_size: windows a batch.
        num_steps: tokens a window.
        seed: of offsets and order.
    """

    def begin(self, epoch: int) -> None:
        """Draw this epoch's offset and the order of its windows."""
        # In a long text they are many: those of the last epoch go before others are drawn.
        self._starts = torch.empty(0, dtype=torch.int64)
        self._ahead = torch.arange(self.num_steps + 1, device=self.tokens.device)
        offset = self.draw_offset(epoch)
        num_windows = (len(self.tokens) - offset - 1) // self.num_steps
        order = permutation(num_windows, self.seed, epoch, self.tokens.place_type)
        self._starts = order.mul_(self.num_steps).add_(offset).to(self.tokens.device)

    def batch(self, index: int) -> TokenBatch:
        """Return the batch at that position."""
        starts = self._starts[index * self.batch_size : (index + 1) * self.batch_size]
        inputs, targets = self.tokens.windows(starts, self._ahead)
        return TokenBatch(inputs, targets, continues=False)


class EvaluationLoader(BatchLoader[TokenBatch]):
    """Every token but the first is predicted exactly once, always in the same order.

    The tokens are laid out in rows as `SequentialLoader` does, the last row padded with `IGNORED`
    targets, and the last slice may be narrower.

    Args:
        tokens: `(N,)` int64, or a source of them, N at least 2.
        batch_size: rows; fewer where there are not enough tokens.
        num_steps: columns of a batch.
        carried: whether a batch continues the one before.
    """

    def __init__(
        self, tokens: Tensor | TokenSource, batch_size: int, num_steps: int, *, carried: bool
    ) -> None:
        super().__init__()
        self.tokens = source_of(tokens)
        self.predicted = len(tokens) - 1
        self.num_steps = num_steps
        self.carried = carried
        self._rows = min(batch_size, self.predicted)
        self._columns = -(-self.predicted // self._rows)
        # Padding fills the last row from behind; in a very short text, whole rows before it.
        padding = self._rows * self._columns - self.predicted
        self._unpadded = max(self._columns - padding, 0)

    def __len__(self) -> int:
        return -(-self._columns // self.num_steps)

    def begin(self, epoch: int) -> None:
        """Do nothing: every pass is the same."""

    def batch(self, index: int) -> TokenBatch:
        """Return the batch at that position."""
        first = index * self.num_steps
        steps = min(self.num_steps, self._columns - first)
        if first + steps <= self._unpadded:
            inputs, targets = self.tokens.rows(first, self._columns, self._rows, steps)
        else:
            inputs, targets = self._padded(first, steps)
        return TokenBatch(inputs, targets, self.carried and index > 0)

    def _padded(self, first: int, steps: int) -> tuple[Tensor, Tensor]:
        whole = self.predicted // self._columns
        parts = [self.tokens.rows(first, self._columns, whole, steps)]
        for begin in range(
            whole * self._columns + first, self._rows * self._columns, self._columns
        ):
            there = min(max(self.predicted - begin, 0), steps)
            row, following = self.tokens.rows(min(begin, self.predicted), 1, 1, there)
            missing = (0, steps - there)
            parts.append((pad(row, missing), pad(following, missing, value=IGNORED)))
        inputs, targets = zip(*parts, strict=True)
        return torch.cat(inputs), torch.cat(targets)
