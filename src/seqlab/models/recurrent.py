"""Recurrent language-model networks on one-hot inputs."""

from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor, nn
from torch.nn import functional as F

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
    ) -> None:
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.sees_future = bidirectional
        self.recurrent = _CELLS[cell](
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
        one_hot = F.one_hot(tokens.T, self.vocabulary_size)  # (T, B, V)
        hidden, state = self.recurrent(one_hot.to(self.head.weight.dtype), state)  # (T, B, H * D)
        logits = self.head(self.dropout(hidden))  # (T, B, V)
        return logits.transpose(0, 1), state
