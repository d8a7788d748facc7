"""How far ahead a forecaster sees: errors by horizon, and the chapter's figures."""

from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_only

from seqlab import figures
from seqlab.callbacks.artifacts import Artifacts, artifacts_of
from seqlab.models.evaluating import evaluating
from seqlab.prediction.forecasting import HORIZONS, errors_by_horizon, k_step, multi_step, one_step


class Forecasts(Callback):
    """Logs `val/rmse@k` and `val/rmse_multistep`, and draws the predictions at the end.

    Args:
        horizons: the k of the k-step predictions.
    """

    task = "forecasting"

    def __init__(self, horizons: Sequence[int] = HORIZONS) -> None:
        self.horizons = sorted(set(horizons))

    @rank_zero_only
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the data."""
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        show = artifacts_of(trainer).show_figure
        start = len(data.parts["train"])
        show("data", figures.series, data.series, data.clean_series(), start)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Log the errors by horizon; where there are several processes, each knows them all."""
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        history, part = (data.parts[name].to(pl_module.device) for name in ("train", "val"))
        network: Any = pl_module.network
        with evaluating(network):
            errors = errors_by_horizon(network, history, part, data.tau, self.horizons)
        pl_module.record({f"val/{name}": value for name, value in errors.items()})

    @rank_zero_only
    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw one-step, multi-step and k-step predictions over the whole series."""
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        draw_forecasts(artifacts_of(trainer), pl_module.network, data, self.horizons)


def draw_forecasts(
    artifacts: Artifacts, network: Any, data: Any, horizons: Sequence[int] = HORIZONS
) -> None:
    """Draw the chapter's figures: one-step, multi-step and k-step predictions.

    Args:
        artifacts: where the figures go.
        network: the forecaster.
        data: a set-up data module of a series.
        horizons: the k of the k-step predictions; those beyond the series are left out.
    """
    series = data.series.to(next(network.parameters()).device)
    start = len(data.parts["train"])
    horizons = [k for k in horizons if k <= len(series) - data.tau]
    with evaluating(network):
        ones = one_step(network, series, data.tau)
        rolled = multi_step(network, series[:start], len(series) - start, data.tau)
        ahead = k_step(network, series, data.tau, horizons)
    first = {"1-step predictions": (data.tau, ones)}
    drawn = {
        "one_step": (first, "One-step predictions"),
        "multi_step": (
            first | {"multi-step forecast": (start, rolled)},
            "Multi-step forecast, fed back as input",
        ),
        "k_step": (
            {f"{k}-step": (data.tau + k - 1, ahead[k]) for k in horizons},
            "k-step predictions",
        ),
    }
    for name, (lines, title) in drawn.items():
        given = (data.series, data.clean_series(), lines, start)
        artifacts.show_figure(name, figures.predictions, *given, title=title)
