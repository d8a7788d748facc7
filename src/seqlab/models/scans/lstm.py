"""The recurrence of `nn.LSTM` (Dive into Deep Learning, section 10.1)."""

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
        steps: Steps,
    ) -> tuple[Tensor, Tensor]:
        """Return every hidden state, `(T, B, H)`, and the last cell state.

        Args:
            ctx: keeps what the backward pass needs.
            projected: `(T, B, 4 H)`, inputs times input weights in the order i, f, g, o, and both
                biases; overwritten.
            start: `(B, H)`, the hidden state before the first step.
            memory: `(B, H)`, the cell state before the first step.
            weight: `(4 H, H)`, the recurrent weights.
            steps: what runs through time.
        """
        gates = projected.detach().contiguous()
        shape = (*gates.shape[:2], start.shape[1])
        hidden, cells, squashed = (gates.new_empty(shape) for _ in range(3))
        steps.forward(gates, start, memory, weight, hidden, cells, squashed)
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
        ctx.steps.backward(of_hidden, *saved, inner, of_memory, arriving)
        return inner, arriving, of_memory, recurrent_gradient(inner, hidden, start), None


def _forward(
    gates: Tensor,
    start: Tensor,
    memory: Tensor,
    weight: Tensor,
    hidden: Tensor,
    cells: Tensor,
    squashed: Tensor,
) -> None:
    """Turn projected inputs into i, f, g, o in place; write the states, and tanh of the cells."""
    size = start.shape[1]
    transposed = weight.t().contiguous()
    state, cell = start, memory
    for all_four, both, i, f, g, o, new_cell, tanh, new_state in zip(
        gates.unbind(0),
        gates[..., : 2 * size].unbind(0),
        *(gate.unbind(0) for gate in gates.split(size, -1)),
        *(values.unbind(0) for values in (cells, squashed, hidden)),
        strict=True,
    ):
        all_four.addmm_(state, transposed)
        both.sigmoid_()
        g.tanh_()
        o.sigmoid_()
        torch.mul(f, cell, out=new_cell).addcmul_(i, g)
        torch.tanh(new_cell, out=tanh)
        torch.mul(o, tanh, out=new_state)
        state, cell = new_state, new_cell


def _backward(
    gradient: Tensor,
    gates: Tensor,
    cells: Tensor,
    squashed: Tensor,
    memory: Tensor,
    weight: Tensor,
    inner: Tensor,
    of_memory: Tensor,
    arriving: Tensor,
) -> None:
    """Write the gradients of i, f, g, o before their functions, of first cell and first state."""
    size = memory.shape[1]
    i, f, g, o = gates.split(size, -1)
    # What arrives at a step is proportional to the gradient of its cell, or of its state:
    # these factors are known for all steps at once.
    by_i, by_f, by_g, by_o = inner.split(size, -1)
    torch.mul(i, 1 - i, out=by_i).mul_(g)
    torch.mul(f, 1 - f, out=by_f)
    by_f[0].mul_(memory)
    by_f[1:].mul_(cells[:-1])
    torch.mul(g, g, out=by_g).neg_().add_(1).mul_(i)
    torch.mul(o, 1 - o, out=by_o).mul_(squashed)
    slopes = torch.mul(squashed, squashed).neg_().add_(1).mul_(o)
    three = inner.unflatten(-1, (4, size))[:, :, :3]
    for of_state, slope, of_three, of_o, kept, all_four in zip(
        *map(backwards, (gradient, slopes, three, by_o, f, inner)), strict=True
    ):
        arriving.add_(of_state)
        of_memory.addcmul_(arriving, slope)
        of_three.mul_(of_memory.unsqueeze(1))
        of_o.mul_(arriving)
        of_memory.mul_(kept)
        torch.mm(all_four, weight, out=arriving)


def _layer(
    recurrent: nn.RNNBase, name: str, project: Project, starts: States, steps: Steps
) -> tuple[Tensor, States]:
    of_input, weight, bias, recurrent_bias = weights_of(recurrent, name)
    projected = project(of_input, bias + recurrent_bias)
    hidden, cell = LSTMScan.apply(projected, *starts, weight, steps)
    return hidden, (hidden[-1], cell)


CELL = Cell(
    "lstm",
    nn.LSTM,
    Steps(_forward, _backward),
    _layer,
    num_states=2,
    weight_places=(3, 5),
    stock_is_fast=True,  # it runs through oneDNN
)
