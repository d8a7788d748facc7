"""TensorBoard: scalars, figures, sample text, and hyperparameters with their final metrics."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from seqlab.runs.folder.run_folder import RunFolder


class TensorBoard(TensorBoardLogger):
    """Writes event files into the run folder's `tensorboard` folder.

    Args:
        save_dir: the run folder.
    """

    def __init__(self, save_dir: str | Path) -> None:
        folder = RunFolder(save_dir).tensorboard
        super().__init__(folder.parent, name=folder.name, version="", default_hp_metric=False)
        self._hyperparameters: dict[str, Any] = {}
        self._metric_names: dict[str, None] = {}
        self._complete: tuple[int | None, set[str]] = (None, set())

    def state(self) -> dict[str, Any]:
        """Return the metrics' names for a checkpoint; what was logged is in the file by then."""
        self.experiment.flush()
        return {"metrics": list(self._metric_names)}

    def continue_from(self, state: dict[str, Any], num_steps: int) -> None:
        """Hide what an interrupted run wrote from that step on, so that no curve doubles back."""
        self._kwargs["purge_step"] = num_steps
        self._metric_names = dict.fromkeys(state.get("metrics", []))

    @rank_zero_only
    def complete_epoch(self, metrics: Mapping[str, float], epoch: int, step: int) -> None:
        """Write an epoch's metrics now; the Trainer hands them in once more, later."""
        self.log_metrics(metrics, step)
        self._complete = (step, set(metrics))

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Keep the hyperparameters; they are written once, when all metrics have names."""
        self._hyperparameters = {
            key: value if isinstance(value, bool | int | float | str) else str(value)
            for key, value in dict(params).items()
        }

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write scalars at that step, without Lightning's `epoch`, which is no metric."""
        complete, written = self._complete
        known = written if step == complete else set()
        values = {name: value for name, value in metrics.items() if name not in {"epoch", *known}}
        super().log_metrics(values, step)
        self._metric_names.update(dict.fromkeys(values))

    @rank_zero_only
    def add_text(self, tag: str, text: str, step: int) -> None:
        """Show a text; it appears as it is, not as Markdown."""
        self.experiment.add_text(tag, "\n".join(f"    {line}" for line in text.split("\n")), step)

    @rank_zero_only
    def add_png(self, tag: str, png: bytes, step: int) -> None:
        """Show a figure that is a PNG file already."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        width, height = struct.unpack(">II", png[16:24])
        image = Summary.Image(height=height, width=width, colorspace=4, encoded_image_string=png)
        summary = Summary(value=[Summary.Value(tag=tag, image=image)])
        self.experiment._get_file_writer().add_summary(summary, step)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write the hyperparameters with the names of all metrics, and close the file."""
        if self._hyperparameters and self._metric_names:
            from torch.utils.tensorboard.summary import hparams

            # The page shows the first five columns of the table unless asked for more.
            metrics = dict.fromkeys(sorted(self._metric_names, key=_importance), 0.0)
            for summary in hparams(self._hyperparameters, metrics):
                self.experiment._get_file_writer().add_summary(summary)
            self._hyperparameters = {}
        super().finalize(status)

    def save(self) -> None:
        """Write no hparams.yaml: config.yaml holds the hyperparameters."""


def _importance(name: str) -> tuple[int, bool]:
    part, _, quantity = name.partition("/")
    order = ("perplexity", "loss", "bits_per_token")
    return order.index(quantity) if quantity in order else len(order), part == "train"
