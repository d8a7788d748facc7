"""How far ahead a forecaster sees: errors by horizon, and the chapter's figures."""

from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_only

from seqlab import figures
from seqlab.callbacks.artifacts import show_figure
from seqlab.prediction import evaluating
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
        show_figure(trainer, "data", figures.series(data.series, data.clean_series()))

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
        network: Any = pl_module.network
        series = data.series.to(pl_module.device)
        start = len(data.parts["train"])
        clean = data.clean_series()
        horizons = [k for k in self.horizons if k <= len(series) - data.tau]
        with evaluating(network):
            ones = one_step(network, series, data.tau)
            rolled = multi_step(network, series[:start], len(series) - start, data.tau)
            ahead = k_step(network, series, data.tau, horizons)
        show_figure(
            trainer,
            "one_step",
            figures.predictions(
                data.series,
                clean,
                {"1-step predictions": (data.tau, ones)},
                start,
                title="One-step predictions",
            ),
        )
        show_figure(
            trainer,
            "multi_step",
            figures.predictions(
                data.series,
                clean,
                {"1-step predictions": (data.tau, ones), "multi-step forecast": (start, rolled)},
                start,
                title="Multi-step forecast: predictions fed back as input",
            ),
        )
        show_figure(
            trainer,
            "k_step",
            figures.predictions(
                data.series,
                clean,
                {f"{k}-step": (data.tau + k - 1, ahead[k]) for k in horizons},
                start,
                title="k-step predictions",
            ),
        )
