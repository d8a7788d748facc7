"""Stacked and bidirectional layers, with the weights of `nn.RNN`, `nn.GRU` or `nn.LSTM`."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F

from seqlab.models.scans.cell import Cell, Project, States, Steps


def run_layers(
    cell: Cell, recurrent: Any, tokens: Tensor, states: States | None, steps: Steps
) -> tuple[Tensor, States]:
    """Return what `recurrent` makes of one-hot tokens: every output, and the states after.

    Args:
        cell: the recurrence.
        recurrent: a module of that cell: the weights, and how many layers and directions there are.
        tokens: `(T, B)` int64.
        states: hidden state, for an LSTM also the cell state, `(layers * directions, B, H)`;
            `None`: zero.
        steps: `cell.steps`, or the compiled ones.

    Returns:
        Outputs `(T, B, H * directions)`, and the states in the shape of the argument.
    """
    directions = 2 if recurrent.bidirectional else 1
    if states is None:
        shape = (recurrent.num_layers * directions, tokens.shape[1], recurrent.hidden_size)
        states = (next(recurrent.parameters()).new_zeros(shape),) * cell.num_states
    outputs: Tensor | None = None
    ended: list[States] = []
    for layer in range(recurrent.num_layers):
        if outputs is not None and recurrent.dropout:
            outputs = F.dropout(outputs, recurrent.dropout, recurrent.training)
        sides = []
        for side in range(directions):
            name = f"l{layer}" + ("_reverse" if side else "")
            starts = tuple(state[len(ended)] for state in states)
            source = tokens if outputs is None else outputs
            source = source.flip(0) if side else source
            project = _of_tokens(source) if outputs is None else _of_values(source)
            hidden, ends = cell.layer(recurrent, name, project, starts, steps)
            sides.append(hidden.flip(0) if side else hidden)
            ended.append(ends)
        outputs = sides[0] if directions == 1 else torch.cat(sides, -1)
    assert outputs is not None, "there is no layer"
    return outputs, tuple(torch.stack(each) for each in zip(*ended, strict=True))


def _of_tokens(tokens: Tensor) -> Project:
    def project(weight: Tensor, bias: Tensor, *constants: Tensor) -> Tensor:
        # Row by row of the transposed weights: no product with ones and zeros.
        table = weight.t().contiguous() + bias
        more = [constant.expand(len(table), -1) for constant in constants]
        return _Rows.apply(torch.cat([table, *more], 1) if more else table, tokens)

    return project


def _of_values(values: Tensor) -> Project:
    def project(weight: Tensor, bias: Tensor, *constants: Tensor) -> Tensor:
        found = F.linear(values, weight, bias)
        more = [constant.expand(*values.shape[:2], -1) for constant in constants]
        return torch.cat([found, *more], -1) if more else found

    return project


class _Rows(torch.autograd.Function):
    """The rows of a table that the tokens name: an embedding, in half its time on a CPU."""

    @staticmethod
    def forward(ctx: FunctionCtx, table: Tensor, tokens: Tensor) -> Tensor:
        """Return `(T, B, G)` of a table `(V, G)` and tokens `(T, B)`."""
        flat = tokens.reshape(-1)
        ctx.save_for_backward(flat)
        ctx.num_rows = len(table)  # type: ignore[attr-defined]
        return table.index_select(0, flat).unflatten(0, tokens.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Return the table's gradient: each row's sum."""
        (flat,) = ctx.saved_tensors
        sums = gradient.new_zeros(ctx.num_rows, gradient.shape[-1])
        return sums.index_add_(0, flat, gradient.flatten(0, 1)), None
