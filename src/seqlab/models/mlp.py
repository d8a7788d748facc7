"""The chapter's regressor."""

from typing import Any

from torch import Tensor, nn


class MLP(nn.Module):
    """Linear - ReLU - ... - Linear with Xavier-uniform weights (Dive into Deep Learning, 9.1).

    Args:
        num_inputs: values in a window; the data say it.
        hidden_size: units of each hidden layer.
        num_layers: hidden layers.
    """

    def __init__(self, num_inputs: int, *, hidden_size: int = 10, num_layers: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        size = num_inputs
        for _ in range(num_layers):
            layers += [nn.Linear(size, hidden_size), nn.ReLU()]
            size = hidden_size
        self.layers: Any = nn.Sequential(*layers, nn.Linear(size, 1))
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the next value of each window: `(B, tau)` to `(B,)`."""
        return self.layers(inputs.to(self.layers[-1].weight.dtype)).squeeze(-1)
