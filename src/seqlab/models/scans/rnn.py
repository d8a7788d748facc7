"""The recurrence of `nn.RNN` with tanh (Dive into Deep Learning, section 9.4)."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

from seqlab.models.scans.cell import (
    Cell,
    Project,
    States,
    Steps,
    backwards,
    recurrent_gradient,
    weights_of,
)


class RNNScan(torch.autograd.Function):
    """h_t = tanh(x_t + W h_{t-1}), for all steps; takes the memory of x for h."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, projected: Tensor, start: Tensor, weight: Tensor, steps: Steps
    ) -> Tensor:
        """Return every hidden state, `(T, B, H)`.

        Args:
            ctx: keeps what the backward pass needs.
            projected: `(T, B, H)`, inputs times input weights, and both biases; overwritten.
            start: `(B, H)`, the state before the first step.
            weight: `(H, H)`, the recurrent weights.
            steps: what runs through time.
        """
        hidden = projected.detach().contiguous()
        steps.forward(hidden, start, weight)
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
        ctx.steps.backward(gradient, hidden, weight, inner, arriving)
        return inner, arriving, recurrent_gradient(inner, hidden, start), None


def _forward(hidden: Tensor, start: Tensor, weight: Tensor) -> None:
    """Turn projected inputs into hidden states, `(T, B, H)`, in place."""
    transposed = weight.t().contiguous()  # half as fast again as a product with the view
    previous = start
    for state in hidden.unbind(0):
        state.addmm_(previous, transposed).tanh_()
        previous = state


def _backward(
    gradient: Tensor, hidden: Tensor, weight: Tensor, inner: Tensor, arriving: Tensor
) -> None:
    """Write the gradients of what tanh is taken of, and that of the first state."""
    for of_state, state, here in zip(*map(backwards, (gradient, hidden, inner)), strict=True):
        arriving.add_(of_state)
        torch.ops.aten.tanh_backward.grad_input(arriving, state, grad_input=here)
        torch.mm(here, weight, out=arriving)


def _layer(
    recurrent: nn.RNNBase, name: str, project: Project, starts: States, steps: Steps
) -> tuple[Tensor, States]:
    of_input, weight, bias, recurrent_bias = weights_of(recurrent, name)
    hidden = RNNScan.apply(project(of_input, bias + recurrent_bias), *starts, weight, steps)
    return hidden, (hidden[-1],)


CELL = Cell("rnn", nn.RNN, Steps(_forward, _backward), _layer, weight_places=(2, 2))
