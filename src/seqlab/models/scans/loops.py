"""The time steps of the three cells in torch operations; compiled.py has them compiled."""

import torch
from torch import Tensor


def rnn_forward(hidden: Tensor, start: Tensor, weight: Tensor) -> None:
    """Turn projected inputs into hidden states, `(T, B, H)`, in place."""
    transposed = weight.t().contiguous()  # half as fast again as a product with the view
    previous = start
    for state in hidden.unbind(0):
        state.addmm_(previous, transposed).tanh_()
        previous = state


def rnn_backward(
    gradient: Tensor, hidden: Tensor, weight: Tensor, inner: Tensor, arriving: Tensor
) -> None:
    """Write the gradients of what tanh is taken of, and that of the first state."""
    for of_state, state, here in zip(*map(backwards, (gradient, hidden, inner)), strict=True):
        arriving.add_(of_state)
        torch.ops.aten.tanh_backward.grad_input(arriving, state, grad_input=here)
        torch.mm(here, weight, out=arriving)


def gru_forward(
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


def gru_backward(
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


def lstm_forward(
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


def lstm_backward(
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


def backwards(values: Tensor) -> list[Tensor]:
    """Return the steps of `(T, ...)`, the last first."""
    return list(reversed(values.unbind(0)))
