"""The recurrence of `nn.GRU` (Dive into Deep Learning, section 10.2)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from seqlab.models.scans import loops
from seqlab.models.scans.rnn import recurrent_gradient


class GRUScan(torch.autograd.Function):
    """The gated recurrence over all steps.

    r, z = sigmoid(x_rz + W_rz h)      reset and update gate
    m = b + W_m h                      what the state says of the candidate
    n = tanh(x_n + r m)                candidate
    h' = (1 - z) n + z h
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        projected: Tensor,
        candidates: Tensor,
        start: Tensor,
        weight: Tensor,
        steps: Any = loops,
    ) -> Tensor:
        """Return every hidden state, `(T, B, H)`.

        Args:
            ctx: keeps what the backward pass needs.
            projected: `(T, B, 3 H)`, inputs times input weights for r and z, with both their
                biases, and then b; overwritten.
            candidates: `(T, B, H)`, inputs times input weights for n, with its bias; overwritten.
            start: `(B, H)`, the state before the first step.
            weight: `(3 H, H)`, the recurrent weights in the order r, z, m.
            steps: what runs through time: `loops`, or `compiled.Kernels`.
        """
        gates, candidates = (each.detach().contiguous() for each in (projected, candidates))
        hidden = torch.empty_like(candidates)
        steps.gru_forward(gates, candidates, start, weight, hidden)
        ctx.save_for_backward(gates, candidates, hidden, start, weight)
        ctx.steps = steps  # type: ignore[attr-defined]
        return hidden

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of inputs, candidates' inputs, first state, recurrent weights."""
        gates, candidates, hidden, start, weight = ctx.saved_tensors
        of_candidates, inner = torch.empty_like(candidates), torch.empty_like(gates)
        arriving = torch.zeros_like(start)
        saved = (gates, candidates, hidden, start, weight)
        ctx.steps.gru_backward(gradient, *saved, inner, of_candidates, arriving)
        return inner, of_candidates, arriving, recurrent_gradient(inner, hidden, start), None
