"""The recurrence of `nn.LSTM` (Dive into Deep Learning, section 10.1)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

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
        ctx: FunctionCtx, projected: Tensor, start: Tensor, memory: Tensor, weight: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return every hidden state, `(T, B, H)`, and the last cell state.

        Args:
            ctx: keeps what the backward pass needs.
            projected: `(T, B, 4 H)`, inputs times input weights in the order i, f, g, o, and both
                biases; overwritten.
            start: `(B, H)`, the hidden state before the first step.
            memory: `(B, H)`, the cell state before the first step.
            weight: `(4 H, H)`, the recurrent weights.
        """
        projected = projected.detach()
        ctx.set_materialize_grads(False)
        size = start.shape[1]
        transposed = weight.t().contiguous()
        num_steps, rows, _ = projected.shape
        cells, squashed, hidden = (projected.new_empty(num_steps, rows, size) for _ in range(3))
        opening, forgetting, candidates, giving = projected.split(size, -1)
        state, cell = start, memory
        for all_four, both, i, f, g, o, new_cell, tanh, new_state in zip(
            projected.unbind(0),
            projected[..., : 2 * size].unbind(0),
            opening.unbind(0),
            forgetting.unbind(0),
            candidates.unbind(0),
            giving.unbind(0),
            cells.unbind(0),
            squashed.unbind(0),
            hidden.unbind(0),
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
        ctx.save_for_backward(projected, cells, squashed, hidden, start, memory, weight)
        return hidden, cell.clone()

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, of_hidden: Tensor | None, of_last_cell: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the gradients of inputs, first hidden and cell state, and recurrent weights."""
        activations, cells, squashed, hidden, start, memory, weight = ctx.saved_tensors
        size = start.shape[1]
        i, f, g, o = activations.split(size, -1)
        # What arrives at a step is proportional to the gradient of its cell, or of its state:
        # these factors are known for all steps at once.
        inner = torch.empty_like(activations)
        by_i, by_f, by_g, by_o = inner.split(size, -1)
        torch.mul(i, 1 - i, out=by_i).mul_(g)
        torch.mul(f, 1 - f, out=by_f)
        by_f[0].mul_(memory)
        by_f[1:].mul_(cells[:-1])
        torch.mul(g, g, out=by_g).neg_().add_(1).mul_(i)
        torch.mul(o, 1 - o, out=by_o).mul_(squashed)
        slopes = torch.mul(squashed, squashed).neg_().add_(1).mul_(o)
        arriving = torch.zeros_like(start)
        of_cell = torch.zeros_like(memory) if of_last_cell is None else of_last_cell.clone()
        given = hidden.new_zeros(()).expand_as(hidden) if of_hidden is None else of_hidden
        steps = zip(
            reversed(given.unbind(0)),
            reversed(slopes.unbind(0)),
            reversed(inner.unflatten(-1, (4, size))[:, :, :3].unbind(0)),
            reversed(by_o.unbind(0)),
            reversed(f.unbind(0)),
            reversed(inner.unbind(0)),
            strict=True,
        )
        for of_state, slope, of_three, of_o, kept, all_four in steps:
            arriving.add_(of_state)
            of_cell.addcmul_(arriving, slope)
            of_three.mul_(of_cell.unsqueeze(1))
            of_o.mul_(arriving)
            of_cell.mul_(kept)
            torch.mm(all_four, weight, out=arriving)
        return inner, arriving, of_cell, recurrent_gradient(inner, hidden, start)
