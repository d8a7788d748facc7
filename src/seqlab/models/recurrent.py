"""Recurrent language-model networks on one-hot inputs."""

from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from seqlab.models.scans.cells import CELLS
from seqlab.models.scans.compiled import FORMATS, available, compiled_steps
from seqlab.models.scans.layers import run_layers

State: TypeAlias = Tensor | tuple[Tensor, Tensor]
"""`(layers * directions, B, H)`; for an LSTM the pair of hidden and cell state."""

_MANY_STEPS = 8
"""From how many time steps on own recurrences are faster than the stock modules."""


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
        backend: what computes the recurrence, with the same weights and results: `compiled` and
            `scan` are seqlab's own, in C++ and in torch operations, `torch` is `nn.RNN`, `nn.GRU`
            or `nn.LSTM`; `auto` takes the fastest that there is, and so does `compiled` where it
            cannot be had.
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
        self.cell = CELLS[cell]
        self.recurrent: Any = self.cell.module(
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
        backend = self.backend_for(tokens)
        if backend == "torch":
            one_hot = self.head.weight.new_zeros(*tokens.shape, self.vocabulary_size)  # (T, B, V)
            return self.recurrent(one_hot.scatter_(2, tokens.unsqueeze(2), 1), state)
        steps = compiled_steps(self.cell) if backend == "compiled" else self.cell.steps
        before = (state,) if isinstance(state, Tensor) else state
        hidden, after = run_layers(self.cell, self.recurrent, tokens, before, steps)
        return hidden, after if len(after) == 2 else after[0]

    def backend_for(self, tokens: Tensor) -> str:
        """Return what computes the recurrence of `(T, B)` tokens; the page "speed" has figures."""
        if self.backend in ("scan", "torch"):
            return self.backend
        size, words = self.recurrent.hidden_size, self.vocabulary_size
        if not tokens.is_cpu or torch.is_autocast_enabled("cpu"):
            return "torch"
        few_steps = len(tokens) < _MANY_STEPS and words <= 4 * size
        if few_steps and self.backend == "auto":
            return "torch"
        if self.head.weight.dtype in FORMATS and available(self.cell):
            return "compiled"
        # Products with one-hot inputs cost a stock module its lead.
        return "torch" if self.cell.stock_is_fast and words <= max(size, 256) else "scan"
