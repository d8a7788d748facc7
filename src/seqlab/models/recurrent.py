"""Recurrent language-model networks on one-hot inputs."""

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from seqlab.models.scans.layers import run_layers

State: TypeAlias = Tensor | tuple[Tensor, Tensor]
"""`(layers * directions, B, H)`; for an LSTM the pair of hidden and cell state."""

_CELLS: dict[str, Callable[..., nn.Module]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class RecurrentNetwork(nn.Module):
    """One-hot tokens, a recurrent layer, a linear head (Dive into Deep Learning, 9.5 and 9.6).

    Args:
        vocabulary_size: number of tokens V; the data say it.
        cell: `rnn` (tanh), `gru` or `lstm`.
        hidden_size: units H of each layer and direction.
        num_layers: stacked layers.
        dropout: probability that an output of a layer is dropped in training.
        bidirectional: read the sequence backwards too. Such a network has seen the tokens that it
            predicts: its perplexity is not a language model's, and it cannot generate.
        init_std: draw the weights from N(0, init_std^2) and set the biases to zero, as the
            chapter does from scratch; `None`: the library's uniform initial weights.
        backend: what computes the recurrence, with the same weights and results: `scan` is
            seqlab's own, `torch` is `nn.RNN`, `nn.GRU` or `nn.LSTM`, `auto` the faster of the two.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        cell: str = "rnn",
        hidden_size: int = 256,
        num_layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = False,
        init_std: float | None = None,
        backend: str = "auto",
    ) -> None:
        super().__init__()
        self.backend = backend
        self.vocabulary_size = vocabulary_size
        self.sees_future = bidirectional
        self.recurrent: Any = _CELLS[cell](
            vocabulary_size,
            hidden_size,
            num_layers,
            dropout=dropout if num_layers > 1 else 0.0,
            bidirectional=bidirectional,
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden_size * (2 if bidirectional else 1), vocabulary_size)
        if init_std is not None:
            for name, parameter in self.named_parameters():
                if "bias" in name:
                    nn.init.zeros_(parameter)
                else:
                    nn.init.normal_(parameter, std=init_std)

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return the logits of each next token, and the state after the last.

        Args:
            tokens: `(B, T)` int64.
            state: of the tokens before; `None`: zero.

        Returns:
            Logits `(B, T, V)`, a view of time-major memory, and the new state.
        """
        hidden, state = self._recur(tokens.T, state)  # (T, B, H * D)
        logits = self.head(self.dropout(hidden))  # (T, B, V)
        return logits.transpose(0, 1), state

    def _recur(self, tokens: Tensor, state: State | None) -> tuple[Tensor, State]:
        if self.scans(tokens):
            before = (state,) if isinstance(state, Tensor) else state
            hidden, after = run_layers(self.recurrent, tokens, before)
            return hidden, after if len(after) == 2 else after[0]
        one_hot = self.head.weight.new_zeros(*tokens.shape, self.vocabulary_size)  # (T, B, V)
        one_hot.scatter_(2, tokens.unsqueeze(2), 1)
        return self.recurrent(one_hot, state)

    def scans(self, tokens: Tensor) -> bool:
        """Whether the recurrence is seqlab's own.

        On a GPU cuDNN's is faster. On a CPU so is `nn.LSTM`, which runs through oneDNN, but for a
        vocabulary so large that the product with one-hot inputs costs more than the recurrence.
        """
        if self.backend != "auto":
            return self.backend == "scan"
        if not tokens.is_cpu or torch.is_autocast_enabled("cpu"):
            return False
        return (
            self.recurrent.mode != "LSTM" or self.vocabulary_size > 4 * self.recurrent.hidden_size
        )
