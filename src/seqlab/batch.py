"""What a batch is: named fields, shapes and dtypes. Data modules make them, models read them.

Worked example, a text `abcdefgh` with vocabulary a=1 .. h=8, `batch_size=1`, `num_steps=3`,
sequential sampling with offset 0:

    TokenBatch(inputs=[[1, 2, 3]], targets=[[2, 3, 4]], continues=False)
    TokenBatch(inputs=[[4, 5, 6]], targets=[[5, 6, 7]], continues=True)

A series `10, 11, 12, 13` with `tau=2`:

    SeriesBatch(inputs=[[10, 11], [11, 12]], targets=[12, 13])
"""

from typing import NamedTuple

from torch import Tensor

IGNORED = -100
"""Target that counts nowhere: padding behind the last token of a row."""


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
