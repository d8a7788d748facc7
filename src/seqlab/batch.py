"""What a batch is: named fields, shapes and dtypes. Data modules make them, models read them.

Worked example, a text `abcdefgh` with vocabulary a=1 .. h=8, `batch_size=1`, `num_steps=3`,
sequential sampling with offset 0:

    TokenBatch(inputs=[[1, 2, 3]], targets=[[2, 3, 4]], continues=False)
    TokenBatch(inputs=[[4, 5, 6]], targets=[[5, 6, 7]], continues=True)

A series `10, 11, 12, 13` with `tau=2`:

    SeriesBatch(inputs=[[10, 11], [11, 12]], targets=[12, 13])
"""

from typing import NamedTuple, TypeVar

from torch import Tensor

IGNORED = -100
"""Target that is ignored: padding behind the last token of a row."""


class SeriesBatch(NamedTuple):
    """Windows of a series and the value that follows each.

    Attributes:
        inputs: `(B, tau)` float32, oldest value first.
        targets: `(B,)` float32.
    """

    inputs: Tensor
    targets: Tensor

    @property
    def size(self) -> int:
        """Number of windows."""
        return self.targets.shape[0]


class TokenBatch(NamedTuple):
    """Rows of consecutive tokens, and the same rows one token later.

    Attributes:
        inputs: `(B, T)` int64 token indices.
        targets: `(B, T)` int64; `IGNORED` where nothing is to be predicted.
        continues: whether row `i` goes on where row `i` of the batch before stopped, so that the
            recurrent state is carried over; otherwise it starts at zero.
    """

    inputs: Tensor
    targets: Tensor
    continues: bool

    @property
    def size(self) -> int:
        """Number of tokens, padding included."""
        return self.targets.numel()


AnyBatch = TypeVar("AnyBatch", SeriesBatch, TokenBatch)


def share(batch: AnyBatch, rank: int, world: int) -> tuple[AnyBatch, int]:
    """Return a rank's part of a batch, and how many rows of it count.

    The parts are consecutive, as equal as they can be, and the same for every batch of as many
    rows. A rank for which no row is left gets the first one, which does not count.

    Args:
        batch: the whole batch; every rank has the same.
        rank: which part.
        world: of how many.
    """
    rows = batch.targets.shape[0]
    if world == 1:
        return batch, rows
    start, end = rows * rank // world, rows * (rank + 1) // world
    part = slice(start, end) if end > start else slice(1)
    return batch._replace(inputs=batch.inputs[part], targets=batch.targets[part]), end - start
