"""The recurrence of `nn.LSTM` (Dive into Deep Learning, section 10.1)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from seqlab.models.scans import loops
from seqlab.models.scans.rnn import recurrent_gradient


class LSTMScan(torch.autograd.Function):
    """The gated recurrence over all steps; the gates take the memory of their inputs.

    i, f, o = sigmoid(x_ifo + W_ifo h)     input, forget and output gate
    g = tanh(x_g + W_g h)                  candidate
    c' = f c + i g
    h' = o tanh(c')
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        projected: Tensor,
        start: Tensor,
        memory: Tensor,
        weight: Tensor,
        steps: Any = loops,
    ) -> tuple[Tensor, Tensor]:
        """Return every hidden state, `(T, B, H)`, and the last cell state.

        Args:
            ctx: keeps what the backward pass needs.
            projected: `(T, B, 4 H)`, inputs times input weights in the order i, f, g, o, and both
                biases; overwritten.
            start: `(B, H)`, the hidden state before the first step.
            memory: `(B, H)`, the cell state before the first step.
            weight: `(4 H, H)`, the recurrent weights.
            steps: what runs through time: `loops`, or `compiled.Kernels`.
        """
        gates = projected.detach().contiguous()
        shape = (*gates.shape[:2], start.shape[1])
        hidden, cells, squashed = (gates.new_empty(shape) for _ in range(3))
        steps.lstm_forward(gates, start, memory, weight, hidden, cells, squashed)
        ctx.save_for_backward(gates, cells, squashed, hidden, start, memory, weight)
        ctx.steps = steps  # type: ignore[attr-defined]
        return hidden, cells[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_hidden: Tensor, of_last_cell: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of inputs, first hidden and cell state, and recurrent weights."""
        gates, cells, squashed, hidden, start, memory, weight = ctx.saved_tensors
        inner = torch.empty_like(gates)
        arriving, of_memory = torch.zeros_like(start), of_last_cell.clone()
        saved = (gates, cells, squashed, memory, weight)
        ctx.steps.lstm_backward(of_hidden, *saved, inner, of_memory, arriving)
        return inner, arriving, of_memory, recurrent_gradient(inner, hidden, start), None
