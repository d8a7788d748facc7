"""Forecasts: exact values with networks that can be worked out by hand."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from seqlab.models.evaluating import evaluating
from seqlab.models.mlp import MLP
from seqlab.prediction.forecasting import errors_by_horizon, k_step, multi_step, one_step


def total(windows: Tensor) -> Tensor:
    return windows.sum(1)


def mean(windows: Tensor) -> Tensor:
    return windows.mean(1)


def last(windows: Tensor) -> Tensor:
    return windows[:, -1]


def last_plus_one(windows: Tensor) -> Tensor:
    return windows[:, -1] + 1


def series(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


@pytest.mark.parametrize(
    ("network", "tau", "expected"),
    [
        (total, 2, [3.0, 6.0, 12.0]),
        (total, 3, [7.0, 14.0]),
        (mean, 1, [1.0, 2.0, 4.0, 8.0]),
        (last_plus_one, 4, [9.0]),
        (last_plus_one, 5, []),
    ],
)
def test_one_step_predicts_after_every_true_window(
    network: Callable[[Tensor], Tensor], tau: int, expected: list[float]
) -> None:
    assert one_step(network, series(1, 2, 4, 8, 16), tau).tolist() == expected


@pytest.mark.parametrize(
    ("network", "history", "tau", "expected"),
    [
        (total, [1, 1], 2, [2, 3, 5, 8, 13]),
        (mean, [0, 2], 2, [1, 1.5, 1.25, 1.375, 1.3125]),
        (last_plus_one, [9, 9, 5], 1, [6, 7, 8, 9, 10]),
        (total, [100, 1, 0, 0], 3, [1, 1, 2, 4, 7]),
    ],
)
def test_multi_step_feeds_predictions_back(
    network: Callable[[Tensor], Tensor], history: list[float], tau: int, expected: list[float]
) -> None:
    given = series(*history)
    assert multi_step(network, given, 5, tau).tolist() == expected
    assert given.tolist() == history


def test_multi_step_of_no_steps_is_empty() -> None:
    assert multi_step(total, series(1, 1), 0, 2).tolist() == []


def test_multi_step_keeps_the_type_of_the_history() -> None:
    assert multi_step(mean, series(1, 2).double(), 3, 2).dtype == torch.float64


@pytest.mark.parametrize("num_layers", [0, 1, 3])
def test_an_mlp_feeds_back_what_its_calls_would_give(num_layers: int) -> None:
    torch.manual_seed(2)
    network = MLP(5, hidden_size=7, num_layers=num_layers)
    values = torch.randn(30)
    calls = network.forward  # of which nothing but its answers is known
    assert torch.equal(multi_step(network, values, 9, 5), multi_step(calls, values, 9, 5))
    for k, ahead in k_step(network, values, 5, (1, 4)).items():
        torch.testing.assert_close(ahead, k_step(calls, values, 5, (1, 4))[k], rtol=1e-5, atol=1e-6)
    wide = network.double()
    assert torch.equal(multi_step(wide, values, 9, 5), multi_step(wide.forward, values, 9, 5))


def test_a_network_that_builds_on_the_mlp_is_called() -> None:
    class Doubled(MLP):
        def forward(self, inputs: Tensor) -> Tensor:
            return 2 * super().forward(inputs)

    network, values = Doubled(2), torch.randn(9)
    assert torch.equal(multi_step(network, values, 4, 2), multi_step(network.forward, values, 4, 2))


def test_k_step_by_hand() -> None:
    predicted = k_step(total, series(1, 2, 3, 4, 5, 6), 2, [1, 2, 3])
    assert {k: values.tolist() for k, values in predicted.items()} == {
        1: [3.0, 5.0],
        2: [5.0, 8.0],
        3: [8.0, 13.0],
    }


@pytest.mark.parametrize("tau", [1, 3, 4])
@pytest.mark.parametrize("horizons", [(1,), (1, 4), (2, 7), (1, 4, 16)])
def test_the_first_prediction_for_k_belongs_to_index_tau_plus_k_minus_1(
    tau: int, horizons: tuple[int, ...]
) -> None:
    ramp = torch.arange(40, dtype=torch.float32)
    predicted = k_step(last_plus_one, ramp, tau, horizons)
    assert tuple(predicted) == horizons
    for k, values in predicted.items():
        first = tau + k - 1
        assert len(values) == 40 - tau - max(horizons) + 1
        assert torch.equal(values, ramp[first : first + len(values)])


def test_one_step_ahead_is_the_one_step_prediction_on_the_same_rows() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 1), nn.Flatten(0))
    noisy = torch.randn(100)
    predicted = k_step(network, noisy, 4, (1, 16))[1]
    torch.testing.assert_close(predicted, one_step(network, noisy, 4)[: len(predicted)])
    assert len(predicted) == 81
    assert not predicted.requires_grad


def test_the_farthest_horizon_is_the_multi_step_prediction() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 1), nn.Flatten(0))
    noisy = torch.randn(30)
    far = k_step(network, noisy, 4, (1, 9))[9]
    for row, value in enumerate(far):
        expected = multi_step(network, noisy[: row + 4], 9, 4)[-1]
        torch.testing.assert_close(value, expected)


def test_the_chapter_s_horizons_have_933_predictions() -> None:
    predicted = k_step(last, torch.zeros(1000), 4, (1, 4, 16, 64))
    assert [len(values) for values in predicted.values()] == [933] * 4


@pytest.mark.parametrize(("length", "expected"), [(5, 0), (6, 0), (7, 1), (8, 2)])
def test_a_short_series_has_few_predictions(length: int, expected: int) -> None:
    predicted = k_step(last, torch.zeros(length), 3, (1, 4))
    assert [len(values) for values in predicted.values()] == [expected, expected]


def test_errors_on_a_ramp_are_the_horizons_themselves() -> None:
    ramp = torch.arange(16, dtype=torch.float32)
    errors = errors_by_horizon(last, ramp[:10], ramp[10:], 2, (1, 4, 16))
    assert {name: error.item() for name, error in errors.items()} == {
        "rmse@1": 1.0,
        "rmse@4": 4.0,
        "rmse_multistep": pytest.approx(math.sqrt((1 + 4 + 9 + 16 + 25 + 36) / 6)),
    }


def test_errors_by_hand_on_an_uneven_part() -> None:
    errors = errors_by_horizon(last, series(7, 0), series(1, 5, 2, 2), 1, (1, 2))
    # k = 1: 1->5, 5->2; k = 2: 1->2, 5->2; multi-step: always 0.
    assert errors["rmse@1"].item() == pytest.approx(math.sqrt((16 + 9) / 2))
    assert errors["rmse@2"].item() == pytest.approx(math.sqrt((1 + 9) / 2))
    assert errors["rmse_multistep"].item() == pytest.approx(math.sqrt((1 + 25 + 4 + 4) / 4))


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (5, ["rmse_multistep"]),
        (6, ["rmse@1", "rmse_multistep"]),
        (8, ["rmse@1", "rmse_multistep"]),
        (9, ["rmse@1", "rmse@4", "rmse_multistep"]),
        (69, ["rmse@1", "rmse@4", "rmse@64", "rmse_multistep"]),
    ],
)
def test_horizons_that_the_part_is_too_short_for_are_left_out(
    length: int, expected: list[str]
) -> None:
    errors = errors_by_horizon(last, torch.zeros(5), torch.zeros(length), 5, (1, 4, 64))
    assert list(errors) == expected
    assert all(error == 0 for error in errors.values())


def test_a_perfect_network_makes_no_error() -> None:
    ramp = torch.arange(100, dtype=torch.float32)
    errors = errors_by_horizon(last_plus_one, ramp[:50], ramp[50:], 4, (1, 4, 16))
    assert [error.item() for error in errors.values()] == [0, 0, 0, 0]


@pytest.mark.parametrize("training", [True, False])
def test_evaluating_switches_back_even_after_an_error(training: bool) -> None:
    network = nn.Sequential(nn.Linear(1, 1), nn.Dropout())
    network.train(training)
    with evaluating(network):
        assert not network[1].training
    assert network[1].training is training
    with pytest.raises(RuntimeError), evaluating(network):
        raise RuntimeError
    assert network[1].training is training


def test_evaluating_leaves_a_frozen_part_in_its_mode() -> None:
    network = nn.Sequential(nn.Linear(1, 1), nn.Dropout().eval())
    with evaluating(network):
        assert not network.training
    assert [part.training for part in network.modules()] == [True, True, False]
