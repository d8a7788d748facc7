"""The recurrence of `nn.GRU` (Dive into Deep Learning, section 10.2)."""

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
        steps: Steps,
    ) -> Tensor:
        """Return every hidden state, `(T, B, H)`.

        Args:
            ctx: keeps what the backward pass needs.
            projected: `(T, B, 3 H)`, inputs times input weights for r and z, with both their
                biases, and then b; overwritten.
            candidates: `(T, B, H)`, inputs times input weights for n, with its bias; overwritten.
            start: `(B, H)`, the state before the first step.
            weight: `(3 H, H)`, the recurrent weights in the order r, z, m.
            steps: what runs through time.
        """
        gates, candidates = (each.detach().contiguous() for each in (projected, candidates))
        hidden = torch.empty_like(candidates)
        steps.forward(gates, candidates, start, weight, hidden)
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
        ctx.steps.backward(gradient, *saved, inner, of_candidates, arriving)
        return inner, of_candidates, arriving, recurrent_gradient(inner, hidden, start), None


def _forward(
    gates: Tensor, candidates: Tensor, start: Tensor, weight: Tensor, hidden: Tensor
) -> None:
    """Turn projected inputs into r, z, m and candidates in place; write the hidden states."""
    size = start.shape[1]
    transposed = weight.t().contiguous()
    previous = start
    for together, both, reset, update, message, candidate, state in zip(
        gates.unbind(0),
        gates[..., : 2 * size].unbind(0),
        *(part.unbind(0) for part in gates.split(size, -1)),
        candidates.unbind(0),
        hidden.unbind(0),
        strict=True,
    ):
        together.addmm_(previous, transposed)
        both.sigmoid_()
        candidate.addcmul_(reset, message).tanh_()
        torch.lerp(candidate, previous, update, out=state)
        previous = state


def _backward(
    gradient: Tensor,
    gates: Tensor,
    candidates: Tensor,
    hidden: Tensor,
    start: Tensor,
    weight: Tensor,
    inner: Tensor,
    of_candidates: Tensor,
    arriving: Tensor,
) -> None:
    """Write the gradients of r, z, m before their functions, of the candidates, of the start."""
    rows, size = start.shape
    of_activated = start.new_empty(rows, 2 * size)
    of_reset, of_update = of_activated.split(size, 1)
    kept, difference = torch.empty_like(start), torch.empty_like(start)
    both = slice(2 * size)
    values = (gradient, gates[..., both], *gates.split(size, -1), candidates)
    results = (of_candidates, inner, inner[..., both], inner[..., 2 * size :])
    before = [*backwards(hidden)[1:], start]
    for of_state, activated, r, z, m, n, previous, of_candidate, here, of_both, of_message in zip(
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
        torch.ops.aten.sigmoid_backward.grad_input(of_activated, activated, grad_input=of_both)
        torch.addmm(kept, here, weight, out=arriving)


def _layer(
    recurrent: nn.RNNBase, name: str, project: Project, starts: States, steps: Steps
) -> tuple[Tensor, States]:
    of_input, weight, bias, recurrent_bias = weights_of(recurrent, name)
    size = recurrent.hidden_size
    cut = [2 * size, size]
    of_gates, of_candidate = of_input.split(cut)
    gate_bias, candidate_bias = bias.split(cut)
    more_gate_bias, message_bias = recurrent_bias.split(cut)
    projected = project(of_gates, gate_bias + more_gate_bias, message_bias)
    hidden = GRUScan.apply(projected, project(of_candidate, candidate_bias), *starts, weight, steps)
    return hidden, (hidden[-1],)


CELL = Cell(
    "gru",
    nn.GRU,
    Steps(_forward, _backward),
    _layer,
    weight_places=(3, 5),
)
