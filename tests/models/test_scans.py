"""seqlab's own recurrences: by hand, by finite differences, and against the stock modules."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from operator import attrgetter
from typing import TypeAlias

import pytest
import torch
from torch import Tensor, nn

from seqlab.config.validate.rules import RULES, Choice
from seqlab.models.recurrent import RecurrentNetwork
from seqlab.models.scans import gru, lstm, rnn
from seqlab.models.scans.cell import Cell, Steps
from seqlab.models.scans.cells import CELLS
from seqlab.models.scans.compiled import compiled_steps
from seqlab.models.scans.gru import GRUScan
from seqlab.models.scans.layers import run_layers
from seqlab.models.scans.lstm import LSTMScan
from seqlab.models.scans.rnn import RNNScan
from seqlab.system.compiler import CompilerError

StepsOf: TypeAlias = Callable[[Cell], Steps]


@pytest.fixture(params=["torch", "compiled"])
def steps(request: pytest.FixtureRequest) -> StepsOf:
    """What runs a cell through time."""
    return attrgetter("steps") if request.param == "torch" else kernel


def kernel(cell: Cell) -> Steps:
    try:
        return compiled_steps(cell)
    except CompilerError as error:
        pytest.skip(str(error))


@pytest.fixture
def own_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).view(-1, 1, 1)


def test_rnn_of_one_unit_by_hand(steps: StepsOf) -> None:
    hidden = RNNScan.apply(column(0.5, -0.2), column(0.1)[0], column(2.0)[0], steps(rnn.CELL))
    first = math.tanh(0.5 + 2 * 0.1)
    assert hidden.flatten().tolist() == pytest.approx([first, math.tanh(-0.2 + 2 * first)])


def test_gru_of_one_unit_by_hand(steps: StepsOf) -> None:
    projected, candidate = torch.tensor([[[0.3, -0.4, 0.6]]]), torch.tensor([[[0.7]]])
    weight = torch.tensor([[0.5], [1.5], [-2.0]])
    hidden = GRUScan.apply(projected, candidate, torch.tensor([[0.2]]), weight, steps(gru.CELL))
    r, z = sigmoid(0.3 + 0.5 * 0.2), sigmoid(-0.4 + 1.5 * 0.2)
    n = math.tanh(0.7 + r * (-2 * 0.2 + 0.6))
    assert hidden.item() == pytest.approx((1 - z) * n + z * 0.2)


def test_lstm_of_one_unit_by_hand(steps: StepsOf) -> None:
    projected = torch.tensor([[[0.1, 0.2, 0.3, 0.4]]])
    weight = torch.tensor([[1.0], [2.0], [-1.0], [0.5]])
    state, memory = torch.tensor([[0.5]]), torch.tensor([[-0.7]])
    hidden, cell = LSTMScan.apply(projected, state, memory, weight, steps(lstm.CELL))
    i, f, o = sigmoid(0.1 + 0.5), sigmoid(0.2 + 1.0), sigmoid(0.4 + 0.25)
    expected = f * -0.7 + i * math.tanh(0.3 - 0.5)
    assert cell.item() == pytest.approx(expected)
    assert hidden.item() == pytest.approx(o * math.tanh(expected))


@pytest.mark.parametrize("num_steps", [1, 3])
def test_gradients_agree_with_finite_differences(num_steps: int, steps: StepsOf) -> None:
    torch.manual_seed(0)
    size, rows = 3, 2
    # The inputs are overwritten, so that what is handed in must not be a leaf.
    check = torch.autograd.gradcheck
    assert check(
        lambda x, h, w: RNNScan.apply(x * 1, h, w, steps(rnn.CELL)),
        (drawn(num_steps, rows, size), drawn(rows, size), drawn(size, size)),
    )
    assert check(
        lambda x, y, *rest: GRUScan.apply(x * 1, y * 1, *rest, steps(gru.CELL)),
        (
            drawn(num_steps, rows, 3 * size),
            drawn(num_steps, rows, size),
            drawn(rows, size),
            drawn(3 * size, size),
        ),
    )
    assert check(
        lambda x, *rest: LSTMScan.apply(x * 1, *rest, steps(lstm.CELL)),
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
    cell: str, layers: int, bidirectional: bool, given: bool, steps: StepsOf
) -> None:
    torch.manual_seed(1)
    module = CELLS[cell].module(7, 16, layers, bidirectional=bidirectional)
    tokens = torch.randint(7, (9, 5))
    one_hot = nn.functional.one_hot(tokens, 7).float()
    shape = (layers * (1 + bidirectional), 5, 16)
    states = tuple(torch.randn(shape) for _ in range(2 if cell == "lstm" else 1))
    weights = torch.randn(9, 5, 16 * (1 + bidirectional))

    def judged(outputs: Tensor, ends: tuple[Tensor, ...]) -> list[Tensor]:
        loss = (outputs * weights).sum() + sum(end.square().sum() for end in ends)
        return [outputs, *ends, *torch.autograd.grad(loss, list(module.parameters()))]

    ours = judged(
        *run_layers(CELLS[cell], module, tokens, states if given else None, steps(CELLS[cell]))
    )
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


# Vocabulary, hidden size, steps -> with a compiler, without.
CHOICES = [
    ("rnn", 28, 8, 8, "compiled", "scan"),
    ("gru", 28, 8, 8, "compiled", "scan"),
    ("lstm", 28, 8, 8, "compiled", "torch"),
    ("lstm", 256, 8, 8, "compiled", "torch"),
    ("lstm", 257, 8, 8, "compiled", "scan"),
    ("rnn", 28, 8, 7, "torch", "torch"),
    ("rnn", 33, 8, 7, "compiled", "scan"),
]


@pytest.mark.parametrize(("cell", "words", "size", "num_steps", "with_one", "without"), CHOICES)
def test_auto_takes_the_fastest(
    cell: str,
    words: int,
    size: int,
    num_steps: int,
    with_one: str,
    without: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = RecurrentNetwork(words, cell=cell, hidden_size=size)
    tokens = torch.zeros(num_steps, 1, dtype=torch.int64)
    for there, expected in ((True, with_one), (False, without)):
        monkeypatch.setattr("seqlab.models.recurrent.available", lambda _, there=there: there)
        assert network.backend_for(tokens) == expected


def test_auto_is_torch_on_a_gpu_and_with_mixed_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqlab.models.recurrent.available", lambda _: True)
    network = RecurrentNetwork(28, hidden_size=8)
    tokens = torch.zeros(8, 1, dtype=torch.int64)
    assert network.backend_for(tokens.to("meta")) == "torch"
    with torch.autocast("cpu", torch.bfloat16):
        assert network.backend_for(tokens) == "torch"
    assert network.bfloat16().backend_for(tokens) == "scan"


@pytest.mark.parametrize("backend", ["compiled", "scan", "torch"])
def test_a_named_backend_is_taken(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqlab.models.recurrent.available", lambda _: True)
    network = RecurrentNetwork(28, hidden_size=8, backend=backend)
    assert network.backend_for(torch.zeros(1, 1, dtype=torch.int64)) == backend


def test_compiled_where_it_cannot_be_had_is_as_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was trained with it is evaluated on a GPU, or where there is no compiler."""
    monkeypatch.setattr("seqlab.models.recurrent.available", lambda _: False)
    network = RecurrentNetwork(28, hidden_size=8, backend="compiled")
    tokens = torch.zeros(8, 1, dtype=torch.int64)
    assert network.backend_for(tokens) == "scan"
    monkeypatch.setattr("seqlab.models.recurrent.available", lambda _: True)
    assert network.backend_for(tokens.to("meta")) == "torch"
    assert network.bfloat16().backend_for(tokens) == "scan"


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("rows", "size"), [(1, 1), (5, 8), (13, 37), (32, 256)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_compiled_steps_agree_with_those_in_torch(
    cell: str, rows: int, size: int, dtype: torch.dtype
) -> None:
    torch.manual_seed(4)
    module = CELLS[cell].module(7, size).to(dtype)
    tokens, weights = torch.randint(7, (6, rows)), torch.randn(6, rows, size, dtype=dtype)
    found = []
    for steps in (kernel(CELLS[cell]), CELLS[cell].steps):
        outputs, ends = run_layers(CELLS[cell], module, tokens, None, steps)
        loss = (outputs * weights).sum() + sum(end.sum() for end in ends)
        found.append([outputs, *ends, *torch.autograd.grad(loss, list(module.parameters()))])
    for one, other in zip(*found, strict=True):
        scale = float(other.detach().abs().max())
        precision = 2e-6 if dtype == torch.float32 else 4e-15
        torch.testing.assert_close(one, other, rtol=0, atol=precision * scale)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("num_threads", [2, 3, 9])
@pytest.mark.usefixtures("own_threads")
def test_compiled_results_depend_on_neither_threads_nor_the_rows_beside(
    cell: str, num_threads: int
) -> None:
    torch.manual_seed(5)
    module, tokens = CELLS[cell].module(7, 100), torch.randint(7, (6, 23))

    def judged(columns: slice) -> tuple[Tensor, Tensor]:
        outputs, ends = run_layers(
            CELLS[cell], module, tokens[:, columns], None, kernel(CELLS[cell])
        )
        (gradient,) = torch.autograd.grad(ends[0].sum(), module.bias_ih_l0)
        return outputs, gradient

    torch.set_num_threads(num_threads)
    everything, gradient = judged(slice(None))
    assert torch.equal(judged(slice(9, 10))[0], everything[:, 9:10])
    assert torch.equal(judged(slice(3, 20))[0], everything[:, 3:20])
    torch.set_num_threads(1)
    again, gradient_again = judged(slice(None))
    assert torch.equal(again, everything)
    torch.testing.assert_close(gradient_again, gradient)  # its sum over rows is torch's


def test_compiled_functions_at_the_ends_of_their_range() -> None:
    """Sigmoid and tanh saturate, keep their precision near zero, and pass on what is no number."""
    values = torch.tensor([0.0, 1e-30, -1e-6, 1e-3, -0.3, 5.0, -20.0, 100.0, -1e30])
    values = torch.cat([values, torch.tensor([math.inf, -math.inf, math.nan])])
    size = len(values)
    no_weight, no_state = torch.zeros(size, size), torch.zeros(1, size)
    hidden = RNNScan.apply(values.clone().view(1, 1, -1), no_state, no_weight, kernel(rnn.CELL))
    torch.testing.assert_close(hidden[0, 0], values.tanh(), rtol=3e-7, atol=0, equal_nan=True)
    # One step of a GRU whose candidate is 0 from a state of 1 gives the update gate.
    zeros = torch.zeros(1, 1, size)
    projected = torch.cat([zeros, values.view(1, 1, -1), zeros], -1)
    gate = GRUScan.apply(
        projected, zeros.clone(), no_state + 1, torch.zeros(3 * size, size), kernel(gru.CELL)
    )
    torch.testing.assert_close(gate[0, 0], values.sigmoid(), rtol=3e-7, atol=1e-37, equal_nan=True)


def test_gradients_can_be_asked_for_twice(steps: StepsOf) -> None:
    start, weight = drawn(2, 3), drawn(3, 3)
    loss = RNNScan.apply(drawn(4, 2, 3) * 1, start, weight, steps(rnn.CELL)).sum()
    first = torch.autograd.grad(loss, [start, weight], retain_graph=True)
    second = torch.autograd.grad(loss, [start, weight])
    assert all(map(torch.equal, first, second))


def test_inputs_that_somebody_else_needs_are_noticed() -> None:
    """The memory of the projected inputs is taken, so that their values must not be needed."""
    inputs = drawn(2, 1, 1)
    projected = inputs.exp()  # whose gradient is made of its result
    hidden = RNNScan.apply(projected, drawn(1, 1), drawn(1, 1), rnn.CELL.steps)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        hidden.sum().backward()


def test_a_cell_does_without_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a cell says of itself in its own file is all that a network needs."""
    own = replace(rnn.CELL, name="own", weight_places=None)
    monkeypatch.setitem(CELLS, "own", own)
    with pytest.raises(CompilerError, match=r"^there is no compiled recurrence for own$"):
        compiled_steps(own)
    tokens = torch.tensor([[0, 3, 1, 4, 2, 2, 0, 1, 3]])
    logits = []
    for cell, backend in (("own", "auto"), ("rnn", "torch")):
        torch.manual_seed(6)
        network = RecurrentNetwork(5, cell=cell, hidden_size=4, backend=backend)
        assert network.backend_for(tokens.T) == ("scan" if cell == "own" else "torch")
        logits.append(network(tokens)[0])
    torch.testing.assert_close(*logits)


def test_configurations_name_the_cells_that_there_are() -> None:
    rule = RULES["model.cell"]
    assert isinstance(rule, Choice)
    assert rule.values == tuple(CELLS)
