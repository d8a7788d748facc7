"""The recurrence of `nn.RNN` with tanh (Dive into Deep Learning, section 9.4)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from seqlab.models.scans import loops


class RNNScan(torch.autograd.Function):
    """h_t = tanh(x_t + W h_{t-1}), for all steps; takes the memory of x for h."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, projected: Tensor, start: Tensor, weight: Tensor, steps: Any = loops
    ) -> Tensor:
        """Return every hidden state, `(T, B, H)`.

        Args:
            ctx: keeps what the backward pass needs.
            projected: `(T, B, H)`, inputs times input weights, and both biases; overwritten.
            start: `(B, H)`, the state before the first step.
            weight: `(H, H)`, the recurrent weights.
            steps: what runs through time: `loops`, or `compiled.Kernels`.
        """
        hidden = projected.detach().contiguous()
        steps.rnn_forward(hidden, start, weight)
        ctx.save_for_backward(hidden, start, weight)
        ctx.steps = steps  # type: ignore[attr-defined]
        return hidden

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of inputs, first state and recurrent weights."""
        hidden, start, weight = ctx.saved_tensors
        # Of what tanh is taken of, at every step; it is the inputs' gradient as well.
        inner = torch.empty_like(hidden)
        arriving = torch.zeros_like(start)
        ctx.steps.rnn_backward(gradient, hidden, weight, inner, arriving)
        return inner, arriving, recurrent_gradient(inner, hidden, start), None


def recurrent_gradient(inner: Tensor, hidden: Tensor, start: Tensor) -> Tensor:
    """Return the sum over steps of inner_t times h_{t-1}, `(G, H)`, as one product.

    Args:
        inner: `(T, B, G)`, gradients of what each step made of the state before it.
        hidden: `(T, B, H)`, every state.
        start: `(B, H)`, the state before the first.
    """
    of_first = inner[0].t() @ start
    return of_first.addmm_(inner[1:].flatten(0, 1).t(), hidden[:-1].flatten(0, 1))
