"""The chapter's regressor."""

from typing import Any

import torch
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

    @torch.no_grad()
    def unrolled(self, start: Tensor, steps: int) -> Tensor:
        """Return what calls with one window after another give, in a fraction of their time.

        Args:
            start: `(tau, rows)`, of the weights' dtype.
            steps: how many values to predict for each row.

        Returns:
            `(steps, rows)`.
        """
        tau, rows = start.shape
        values = torch.cat([start, start.new_empty(steps, rows)])
        *hidden, last = [
            (each.bias, each.weight.t(), values.new_empty(rows, each.out_features))
            for each in self.layers
            if isinstance(each, nn.Linear)
        ]
        bias, weight, _ = last
        for inputs, output in zip(
            values.unfold(0, tau, 1), values[tau:].unsqueeze(-1), strict=False
        ):  # (rows, tau) and (rows, 1)
            for its_bias, its_weight, units in hidden:
                inputs = torch.addmm(its_bias, inputs, its_weight, out=units).relu_()
            torch.addmm(bias, inputs, weight, out=output)
        return values[tau:]
