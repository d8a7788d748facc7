"""One-step, multi-step and k-step predictions of a series (Dive into Deep Learning, 9.1)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from seqlab.metrics import rmse
from seqlab.models.mlp import MLP

HORIZONS = (1, 4, 16, 64)
"""The chapter's."""

Network = Callable[[Tensor], Tensor]
"""Windows `(B, tau)` to next values `(B,)`."""


@torch.no_grad()
def one_step(network: Network, series: Tensor, tau: int) -> Tensor:
    """Return the prediction after every true window: `(T,)` to `(T - tau,)`, from time tau on."""
    return network(series.unfold(0, tau, 1)[:-1])


@torch.no_grad()
def multi_step(network: Network, history: Tensor, steps: int, tau: int) -> Tensor:
    """Return `steps` predictions `(steps,)`, each fed back as input for the next.

    Args:
        network: predicts the next value.
        history: `(at least tau,)` true values; the last `tau` of them start it off.
        steps: how many values to predict.
        tau: the window's length.
    """
    return _unrolled(network, history[-tau:].unsqueeze(1), steps).squeeze(1)


@torch.no_grad()
def k_step(
    network: Network, series: Tensor, tau: int, horizons: Sequence[int]
) -> dict[int, Tensor]:
    """Return for each horizon k the predictions k steps ahead of the last true value used.

    As in the chapter every horizon is predicted from the same windows: those that have room for
    the longest. The first prediction for k belongs to index `tau + k - 1` of the series.

    Args:
        network: predicts the next value.
        series: `(T,)` true values.
        tau: the window's length.
        horizons: the k, each at least 1.

    Returns:
        For each k a tensor `(T - tau - max(horizons) + 1,)`; empty where the series is too short.
    """
    longest = max(horizons, default=0)
    rows = len(series) - tau - longest + 1
    if rows < 1:
        return {k: series.new_empty(0) for k in horizons}
    ahead = _unrolled(network, series.unfold(0, rows, 1)[:tau], longest)
    return {k: ahead[k - 1] for k in horizons}


def _unrolled(network: Network, start: Tensor, steps: int) -> Tensor:
    """Return `steps` predictions for each row, `(steps, rows)`, from values `(tau, rows)`."""
    # A class of one's own that builds on it may compute something else.
    if type(network) is MLP and start.dtype == network.layers[-1].weight.dtype:
        return network.unrolled(start, steps)
    tau, rows = start.shape
    values = torch.cat([start, start.new_empty(steps, rows)])
    for i in range(steps):
        values[tau + i] = network(values[i : i + tau].t().contiguous())
    return values[tau:]


def errors_by_horizon(
    network: Network, history: Tensor, part: Tensor, tau: int, horizons: Sequence[int]
) -> dict[str, Tensor]:
    """Return `rmse@k` for each horizon and `rmse_multistep`, in the unit of the series.

    Args:
        network: predicts the next value.
        history: `(at least tau,)` what came right before the part; starts the multi-step forecast.
        part: `(T,)` true values. The k-step predictions use no other values as input.
        tau: the window's length.
        horizons: the k; those that the part is too short for are left out.
    """
    errors = {}
    possible = [k for k in horizons if k <= len(part) - tau]
    if possible:
        for k, predicted in k_step(network, part, tau, possible).items():
            first = tau + k - 1
            errors[f"rmse@{k}"] = rmse(predicted, part[first : first + len(predicted)])
    errors["rmse_multistep"] = rmse(multi_step(network, history, len(part), tau), part)
    return errors
