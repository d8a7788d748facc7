"""seqlab's own recurrences: by hand, by finite differences, and against the stock modules."""

import math

import pytest
import torch
from torch import Tensor, nn

from seqlab.models.recurrent import RecurrentNetwork
from seqlab.models.scans.gru import GRUScan
from seqlab.models.scans.layers import run_layers
from seqlab.models.scans.lstm import LSTMScan
from seqlab.models.scans.rnn import RNNScan

CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).view(-1, 1, 1)


def test_rnn_of_one_unit_by_hand() -> None:
    hidden = RNNScan.apply(column(0.5, -0.2), column(0.1)[0], column(2.0)[0])
    first = math.tanh(0.5 + 2 * 0.1)
    assert hidden.flatten().tolist() == pytest.approx([first, math.tanh(-0.2 + 2 * first)])


def test_gru_of_one_unit_by_hand() -> None:
    projected, candidate = torch.tensor([[[0.3, -0.4, 0.6]]]), torch.tensor([[[0.7]]])
    weight = torch.tensor([[0.5], [1.5], [-2.0]])
    hidden = GRUScan.apply(projected, candidate, torch.tensor([[0.2]]), weight)
    r, z = sigmoid(0.3 + 0.5 * 0.2), sigmoid(-0.4 + 1.5 * 0.2)
    n = math.tanh(0.7 + r * (-2 * 0.2 + 0.6))
    assert hidden.item() == pytest.approx((1 - z) * n + z * 0.2)


def test_lstm_of_one_unit_by_hand() -> None:
    projected = torch.tensor([[[0.1, 0.2, 0.3, 0.4]]])
    weight = torch.tensor([[1.0], [2.0], [-1.0], [0.5]])
    state, memory = torch.tensor([[0.5]]), torch.tensor([[-0.7]])
    hidden, cell = LSTMScan.apply(projected, state, memory, weight)
    i, f, o = sigmoid(0.1 + 0.5), sigmoid(0.2 + 1.0), sigmoid(0.4 + 0.25)
    expected = f * -0.7 + i * math.tanh(0.3 - 0.5)
    assert cell.item() == pytest.approx(expected)
    assert hidden.item() == pytest.approx(o * math.tanh(expected))


@pytest.mark.parametrize("num_steps", [1, 3])
def test_gradients_agree_with_finite_differences(num_steps: int) -> None:
    torch.manual_seed(0)
    size, rows = 3, 2
    # The inputs are overwritten, so that what is handed in must not be a leaf.
    check = torch.autograd.gradcheck
    assert check(
        lambda x, h, w: RNNScan.apply(x * 1, h, w),
        (drawn(num_steps, rows, size), drawn(rows, size), drawn(size, size)),
    )
    assert check(
        lambda x, y, *rest: GRUScan.apply(x * 1, y * 1, *rest),
        (
            drawn(num_steps, rows, 3 * size),
            drawn(num_steps, rows, size),
            drawn(rows, size),
            drawn(3 * size, size),
        ),
    )
    assert check(
        lambda x, *rest: LSTMScan.apply(x * 1, *rest),
        (
            drawn(num_steps, rows, 4 * size),
            drawn(rows, size),
            drawn(rows, size),
            drawn(4 * size, size),
        ),
    )


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("layers", "bidirectional"), [(1, False), (1, True), (2, True)])
@pytest.mark.parametrize("given", [False, True], ids=["from_zero", "from_a_state"])
def test_layers_agree_with_the_stock_module(
    cell: str, layers: int, bidirectional: bool, given: bool
) -> None:
    torch.manual_seed(1)
    module = CELLS[cell](7, 16, layers, bidirectional=bidirectional)
    tokens = torch.randint(7, (9, 5))
    one_hot = nn.functional.one_hot(tokens, 7).float()
    shape = (layers * (1 + bidirectional), 5, 16)
    states = tuple(torch.randn(shape) for _ in range(2 if cell == "lstm" else 1))
    weights = torch.randn(9, 5, 16 * (1 + bidirectional))

    def judged(outputs: Tensor, ends: tuple[Tensor, ...]) -> list[Tensor]:
        loss = (outputs * weights).sum() + sum(end.square().sum() for end in ends)
        return [outputs, *ends, *torch.autograd.grad(loss, list(module.parameters()))]

    ours = judged(*run_layers(module, tokens, states if given else None))
    state = (states if cell == "lstm" else states[0]) if given else None
    outputs, ends = module(one_hot, state)
    theirs = judged(outputs, ends if cell == "lstm" else (ends,))
    for one, other in zip(ours, theirs, strict=True):
        # A gradient sums 45 terms, some of the size of 10.
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_dropout_between_layers_is_the_stock_module_s(cell: str) -> None:
    tokens = torch.randint(7, (5, 4), generator=torch.Generator().manual_seed(0))
    logits = []
    for backend in ("scan", "torch"):
        torch.manual_seed(2)
        network = RecurrentNetwork(
            7, cell=cell, hidden_size=8, num_layers=2, dropout=0.5, backend=backend
        )
        logits.append(network(tokens)[0])
    torch.testing.assert_close(*logits)


def test_states_do_not_share_memory_with_what_the_next_batch_overwrites() -> None:
    torch.manual_seed(3)
    network = RecurrentNetwork(5, hidden_size=4, backend="scan")
    tokens = torch.randint(5, (2, 6))
    with torch.no_grad():
        _, state = network(tokens)
        kept = state.clone()
        network(tokens, state)
    assert torch.equal(state, kept)


@pytest.mark.parametrize(
    ("cell", "vocabulary_size", "scans"),
    [("rnn", 28, True), ("gru", 28, True), ("lstm", 28, False), ("lstm", 33, True)],
)
def test_auto_takes_the_faster(cell: str, vocabulary_size: int, scans: bool) -> None:
    network = RecurrentNetwork(vocabulary_size, cell=cell, hidden_size=8)
    tokens = torch.zeros(1, 2, dtype=torch.int64)
    assert network.scans(tokens) is scans
    assert not network.scans(tokens.to("meta"))
    with torch.autocast("cpu", torch.bfloat16):
        assert not network.scans(tokens)
    network.backend = "torch"
    assert not network.scans(tokens)
    network.backend = "scan"
    assert network.scans(tokens)


def test_inputs_that_somebody_else_needs_are_noticed() -> None:
    """The memory of the projected inputs is taken, so that their values must not be needed."""
    inputs = drawn(2, 1, 1)
    projected = inputs.exp()  # whose gradient is made of its result
    hidden = RNNScan.apply(projected, drawn(1, 1), drawn(1, 1))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        hidden.sum().backward()
