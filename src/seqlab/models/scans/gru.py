"""The recurrence of `nn.GRU` (Dive into Deep Learning, section 10.2)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from seqlab.models.scans.rnn import backwards, recurrent_gradient


class GRUScan(torch.autograd.Function):
    """The gated recurrence over all steps.

    r, z = sigmoid(x_rz + W_rz h)      reset and update gate
    m = b + W_m h                      what the state says of the candidate
    n = tanh(x_n + r m)                candidate
    h' = (1 - z) n + z h
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, projected: Tensor, candidates: Tensor, start: Tensor, weight: Tensor
    ) -> Tensor:
        """Return every hidden state, `(T, B, H)`.

        Args:
            ctx: keeps what the backward pass needs.
            projected: `(T, B, 3 H)`, inputs times input weights for r and z, with both their
                biases, and then b; overwritten.
            candidates: `(T, B, H)`, inputs times input weights for n, with its bias; overwritten.
            start: `(B, H)`, the state before the first step.
            weight: `(3 H, H)`, the recurrent weights in the order r, z, m.
        """
        activations, candidates = projected.detach(), candidates.detach()
        size = start.shape[1]
        transposed = weight.t().contiguous()
        hidden = torch.empty_like(candidates)
        previous = start
        for together, gates, reset, update, message, candidate, state in zip(
            activations.unbind(0),
            activations[..., : 2 * size].unbind(0),
            *(part.unbind(0) for part in activations.split(size, -1)),
            candidates.unbind(0),
            hidden.unbind(0),
            strict=True,
        ):
            together.addmm_(previous, transposed)
            gates.sigmoid_()
            candidate.addcmul_(reset, message).tanh_()
            torch.lerp(candidate, previous, update, out=state)
            previous = state
        ctx.save_for_backward(activations, candidates, hidden, start, weight)
        return hidden

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        """Return the gradients of inputs, candidates' inputs, first state, recurrent weights."""
        activations, candidates, hidden, start, weight = ctx.saved_tensors
        rows, size = start.shape
        of_candidates, inner = torch.empty_like(candidates), torch.empty_like(activations)
        of_activated = start.new_empty(rows, 2 * size)
        of_reset, of_update = of_activated.split(size, 1)
        arriving = torch.zeros_like(start)
        kept, difference = torch.empty_like(start), torch.empty_like(start)
        gates = slice(2 * size)
        values = (gradient, activations[..., gates], *activations.split(size, -1), candidates)
        results = (of_candidates, inner, inner[..., gates], inner[..., 2 * size :])
        before = [*backwards(hidden)[1:], start]
        for of_state, both, r, z, m, n, previous, of_candidate, here, of_both, of_message in zip(
            *map(backwards, values), before, *map(backwards, results), strict=True
        ):
            arriving.add_(of_state)
            torch.mul(arriving, z, out=kept)
            torch.sub(previous, n, out=difference)
            torch.mul(arriving, difference, out=of_update)
            arriving.sub_(kept)
            torch.ops.aten.tanh_backward.grad_input(arriving, n, grad_input=of_candidate)
            torch.mul(of_candidate, m, out=of_reset)
            torch.mul(of_candidate, r, out=of_message)
            torch.ops.aten.sigmoid_backward.grad_input(of_activated, both, grad_input=of_both)
            torch.addmm(kept, here, weight, out=arriving)
        return inner, of_candidates, arriving, recurrent_gradient(inner, hidden, start)
