"""The networks: shapes, parameter counts, initial weights, and the recurrence by hand."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqlab.models.mlp import MLP
from seqlab.models.recurrent import RecurrentNetwork

CELLS = ["rnn", "gru", "lstm"]


def num_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def tokens_of(rows: int, columns: int, vocabulary_size: int = 7, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(vocabulary_size, (rows, columns), generator=generator)


def state_tensors(state: Any) -> list[Tensor]:
    return list(state) if isinstance(state, tuple) else [state]


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_mlp_shapes(rows: int) -> None:
    assert MLP(4)(torch.zeros(rows, 4)).shape == (rows,)


@pytest.mark.parametrize(
    ("num_inputs", "options", "expected"),
    [
        (4, {}, 61),
        (8, {}, 101),
        (4, {"hidden_size": 3}, 19),
        (4, {"num_layers": 2}, 61 + 110),
        (4, {"num_layers": 0}, 5),
    ],
)
def test_mlp_parameter_count(num_inputs: int, options: dict[str, int], expected: int) -> None:
    assert num_parameters(MLP(num_inputs, **options)) == expected


def test_mlp_weights_are_xavier_uniform() -> None:
    torch.manual_seed(0)
    network = MLP(100, hidden_size=50, num_layers=2)
    linears = [layer for layer in network.layers if isinstance(layer, nn.Linear)]
    assert [tuple(linear.weight.shape) for linear in linears] == [(50, 100), (50, 50), (1, 50)]
    for linear, bound in zip(linears, (math.sqrt(6 / 150), math.sqrt(6 / 100)), strict=False):
        assert 0.98 * bound < linear.weight.abs().max() <= bound
        assert linear.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    assert math.sqrt(1 / 50) < linears[2].weight.abs().max() <= math.sqrt(6 / 51)


def test_mlp_by_hand() -> None:
    network = MLP(2, hidden_size=2)
    first, last = network.layers[0], network.layers[-1]
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[1.0, -1.0], [2.0, 1.0]]))
        first.bias.copy_(torch.tensor([0.0, -3.0]))
        last.weight.copy_(torch.tensor([[10.0, 1.0]]))
        last.bias.copy_(torch.tensor([0.5]))
    inputs = torch.tensor([[3.0, 1.0], [1.0, 3.0]])
    assert network(inputs).tolist() == [10 * 2 + 4 + 0.5, 10 * 0 + 2 + 0.5]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"cell": "rnn"}, 80_412),
        ({"cell": "gru"}, 3 * 73_216 + 7_196),
        ({"cell": "lstm"}, 4 * 73_216 + 7_196),
        ({"cell": "rnn", "num_layers": 2}, 80_412 + 2 * 256 * 256 + 512),
        ({"cell": "rnn", "bidirectional": True}, 2 * 73_216 + 512 * 28 + 28),
    ],
)
def test_recurrent_parameter_count(options: dict[str, Any], expected: int) -> None:
    assert num_parameters(RecurrentNetwork(28, hidden_size=256, **options)) == expected


def test_the_chapter_s_network_is_the_default() -> None:
    network = RecurrentNetwork(28)
    assert num_parameters(network) == 80_412
    assert isinstance(network.recurrent, nn.RNN)
    assert network.recurrent.nonlinearity == "tanh"
    assert not network.sees_future


def test_the_recurrence_by_hand() -> None:
    torch.manual_seed(1)
    network = RecurrentNetwork(7, hidden_size=5).double()
    tokens = tokens_of(3, 6)
    cell: Any = network.recurrent
    hidden = torch.zeros(3, 5, dtype=torch.float64)
    expected = []
    for step in range(6):
        one_hot = torch.zeros(3, 7, dtype=torch.float64)
        for row in range(3):
            one_hot[row, tokens[row, step]] = 1.0
        hidden = torch.tanh(
            one_hot @ cell.weight_ih_l0.T
            + cell.bias_ih_l0
            + hidden @ cell.weight_hh_l0.T
            + cell.bias_hh_l0
        )
        expected.append(hidden @ network.head.weight.T + network.head.bias)
    logits, state = network(tokens)
    torch.testing.assert_close(logits, torch.stack(expected, dim=1), rtol=0, atol=1e-12)
    torch.testing.assert_close(state, hidden[None], rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_recurrent_shapes(cell: str, num_layers: int, bidirectional: bool) -> None:
    network = RecurrentNetwork(
        7, cell=cell, hidden_size=5, num_layers=num_layers, bidirectional=bidirectional
    )
    directions = 2 if bidirectional else 1
    logits, state = network(tokens_of(4, 6))
    assert logits.shape == (4, 6, 7)
    assert logits.dtype == torch.float32
    assert isinstance(state, tuple) == (cell == "lstm")
    assert len(state_tensors(state)) == (2 if cell == "lstm" else 1)
    for tensor in state_tensors(state):
        assert tensor.shape == (num_layers * directions, 4, 5)
    assert network.head.in_features == directions * 5
    assert network.sees_future is bidirectional
    assert network(tokens_of(4, 6), state)[0].shape == (4, 6, 7)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("num_layers", [1, 2])
def test_carried_state_makes_one_long_sequence(cell: str, num_layers: int) -> None:
    torch.manual_seed(0)
    network = RecurrentNetwork(7, cell=cell, hidden_size=5, num_layers=num_layers).double()
    tokens = tokens_of(3, 10)
    whole, last = network(tokens)
    first, state = network(tokens[:, :4])
    second, end = network(tokens[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole, rtol=0, atol=1e-12)
    for ours, theirs in zip(state_tensors(end), state_tensors(last), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    from_zero, _ = network(tokens[:, 4:])
    assert (from_zero - second).abs().max() > 1e-3


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_only_a_bidirectional_network_sees_the_future(cell: str, bidirectional: bool) -> None:
    torch.manual_seed(0)
    network = RecurrentNetwork(7, cell=cell, hidden_size=5, bidirectional=bidirectional)
    tokens = tokens_of(1, 6)
    changed = tokens.clone()
    changed[0, 5] = (changed[0, 5] + 1) % 7
    difference = (network(tokens)[0] - network(changed)[0]).abs().amax(dim=(0, 2))
    assert difference[5] > 1e-4
    assert bool((difference[:5] > 0).all()) is bidirectional
    assert bool((difference[:5] == 0).all()) is not bidirectional


def dropout_inputs_and_logits(num_layers: int, *, training: bool) -> list[tuple[Tensor, Tensor]]:
    torch.manual_seed(0)
    network = RecurrentNetwork(7, hidden_size=64, num_layers=num_layers, dropout=0.5)
    network.train(training)
    before: list[Tensor] = []
    network.dropout.register_forward_pre_hook(lambda _, inputs: before.append(inputs[0]))
    logits = [network(tokens_of(2, 5))[0] for _ in range(2)]
    return list(zip(before, logits, strict=True))


@pytest.mark.parametrize("num_layers", [1, 2])
def test_dropout_is_off_outside_training(num_layers: int) -> None:
    (_, first), (_, second) = dropout_inputs_and_logits(num_layers, training=False)
    assert torch.equal(first, second)


def test_dropout_acts_on_the_last_layer_s_output() -> None:
    (before, first), (again, second) = dropout_inputs_and_logits(1, training=True)
    assert torch.equal(before, again)
    assert not torch.equal(first, second)


def test_dropout_acts_between_layers_too() -> None:
    (before, first), (again, second) = dropout_inputs_and_logits(2, training=True)
    assert not torch.equal(before, again)
    assert not torch.equal(first, second)


def test_dropout_drops_as_many_as_asked_for() -> None:
    network = RecurrentNetwork(7, hidden_size=500, dropout=0.2)
    torch.manual_seed(0)
    kept: list[Tensor] = []
    network.head.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0]))
    network(tokens_of(4, 10))
    assert (kept[0] == 0).float().mean().item() == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("cell", CELLS)
def test_init_std_draws_all_weights_and_zeroes_all_biases(cell: str) -> None:
    torch.manual_seed(0)
    network = RecurrentNetwork(28, cell=cell, hidden_size=100, num_layers=2, init_std=0.01)
    biases = 0
    for name, parameter in network.named_parameters():
        if "bias" in name:
            biases += 1
            assert not parameter.any(), name
        else:
            assert parameter.std().item() == pytest.approx(0.01, rel=0.06), name
            assert abs(parameter.mean().item()) < 0.001, name
    assert biases == 5


def test_without_init_std_the_library_s_weights_stay() -> None:
    torch.manual_seed(0)
    network = RecurrentNetwork(28, hidden_size=100)
    for name, parameter in network.named_parameters():
        assert 0.08 < parameter.abs().max() <= 0.1, name


def test_an_unknown_cell_is_an_error() -> None:
    with pytest.raises(KeyError):
        RecurrentNetwork(7, cell="transformer")
