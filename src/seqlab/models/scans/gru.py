"""The recurrence of `nn.GRU` (Dive into Deep Learning, section 10.2)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from seqlab.models.scans.rnn import backwards, recurrent_gradient


class GRUScan(torch.autograd.Function):
    """The gated recurrence over all steps; gates and candidates take the memory of their inputs.

    r, z = sigmoid(x_rz + W_rz h)      reset and update gate
    m = W_n h + b                      what the state says of the candidate
    n = tanh(x_n + r m)                candidate
    h' = (1 - z) n + z h
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        gates: Tensor,
        candidates: Tensor,
        start: Tensor,
        weight: Tensor,
        bias: Tensor,
    ) -> Tensor:
        """Return every hidden state, `(T, B, H)`.

        Args:
            ctx: keeps what the backward pass needs.
            gates: `(T, B, 2 H)`, inputs times input weights for r and z, and both their biases;
                overwritten.
            candidates: `(T, B, H)`, the same for n, with the input's bias only; overwritten.
            start: `(B, H)`, the state before the first step.
            weight: `(3 H, H)`, the recurrent weights in the order r, z, n.
            bias: `(H,)`, the candidate's recurrent bias.
        """
        gates, candidates = gates.detach(), candidates.detach()
        rows, size = start.shape
        transposed = weight.t().contiguous()
        product = start.new_empty(rows, 3 * size)
        of_gates, of_message = product.split([2 * size, size], 1)
        hidden, messages = torch.empty_like(candidates), torch.empty_like(candidates)
        previous = start
        for gate, reset, update, candidate, message, state in zip(
            gates.unbind(0),
            gates[..., :size].unbind(0),
            gates[..., size:].unbind(0),
            candidates.unbind(0),
            messages.unbind(0),
            hidden.unbind(0),
            strict=True,
        ):
            torch.mm(previous, transposed, out=product)
            gate.add_(of_gates).sigmoid_()
            torch.add(of_message, bias, out=message)
            candidate.addcmul_(reset, message).tanh_()
            torch.lerp(candidate, previous, update, out=state)
            previous = state
        ctx.save_for_backward(gates, candidates, messages, hidden, start, weight)
        return hidden

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        """Return the gradients of inputs, first state, recurrent weights and bias."""
        gates, candidates, messages, hidden, start, weight = ctx.saved_tensors
        rows, size = start.shape
        of_candidates = torch.empty_like(candidates)
        inner = start.new_empty(*gates.shape[:2], 3 * size)  # of r, z and m before activation
        of_gates, of_messages = inner.split([2 * size, size], -1)
        activated = start.new_empty(rows, 2 * size)
        of_reset, of_update = activated.split(size, 1)
        arriving = torch.zeros_like(start)
        kept, difference = torch.empty_like(start), torch.empty_like(start)
        before = [*backwards(hidden)[1:], start]
        values = (gradient, gates, gates[..., :size], gates[..., size:], candidates, messages)
        results = (of_candidates, inner, of_gates, of_messages)
        for of_state, gate, r, z, n, m, previous, of_candidate, here, of_gate, of_message in zip(
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
            torch.ops.aten.sigmoid_backward.grad_input(activated, gate, grad_input=of_gate)
            torch.addmm(kept, here, weight, out=arriving)
        of_weight = recurrent_gradient(inner, hidden, start)
        return of_gates, of_candidates, arriving, of_weight, of_messages.sum((0, 1))
