"""TensorBoard: curves, figures, sample text, and hyperparameters with the latest metrics."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from seqlab.loggers.charts import FIGURES, layout, tag_of, without_repeated_loss
from seqlab.loggers.event_files import (
    begin_again,
    cut_back,
    session_end,
    sizes,
    write_hyperparameters,
)
from seqlab.runs.folder.run_folder import RunFolder


class TensorBoard(TensorBoardLogger):
    """Writes event files into the run folder's `tensorboard` folder.

    Args:
        save_dir: the run folder.
        axis: what curves are drawn over: `epoch`, `step` (of the optimizer), or `auto`: epochs,
            but steps where the run validates within epochs. What a step measures is over steps.
        figures: whether figures are shown; `auto`: unless the run is a job of a sweep.
    """

    def __init__(
        self, save_dir: str | Path, axis: str = "auto", figures: bool | str = "auto"
    ) -> None:
        self._folder = RunFolder(save_dir)
        folder = self._folder.tensorboard
        super().__init__(folder.parent, name=folder.name, version="", default_hp_metric=False)
        self.axis = "epoch" if axis == "auto" else axis
        self._axis_follows = axis == "auto"
        self._shows_figures = not self._folder.is_job if figures == "auto" else bool(figures)
        self._task = ""
        self._is_earlier = False
        self._tags: set[str] = set()
        self._has_layout = False
        self._has_hyperparameters = False
        self._complete: tuple[int | None, set[str]] = (None, set())

    def state(self) -> dict[str, Any]:
        """Return how long the event files are: what was logged is in them by now."""
        self.experiment.flush()
        return {"axis": self.axis, "sizes": sizes(self._folder.tensorboard)}

    def continue_from(self, state: dict[str, Any], num_steps: int) -> None:
        """Drop what an interrupted run wrote after its checkpoint, so that no curve doubles back.

        A checkpoint of an earlier version has no sizes: TensorBoard hides what came after it, and
        curves go on as they were.
        """
        if "sizes" in state:
            self.axis = state["axis"]
            cut_back(self._folder.tensorboard, state["sizes"])
        elif num_steps:
            self._is_earlier = self._has_layout = bool(state)
            self.axis = "step" if state else self.axis
            self._kwargs["purge_step"] = num_steps
        else:
            begin_again(self._folder.tensorboard)

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Write the hyperparameters; a resumed run's take the place of the earlier ones."""
        values = dict(params)
        interval = values.get("trainer.val_check_interval")
        if self._axis_follows and interval is not None and repr(interval) != "1.0":
            self.axis = "step"
        self._task = values.pop("model.task", "")  # no key that a person varies
        write_hyperparameters(self._folder.tensorboard, values)
        self._has_hyperparameters = True

    @rank_zero_only
    def log_epoch(self, metrics: Mapping[str, float], step: int) -> None:
        """Write what an epoch, or a validation within it, has measured.

        Args:
            metrics: by name; `epoch` counts from 0. A test comes after the last epoch.
            step: the last optimizer step, counted from 0.
        """
        values = dict(metrics) if self._is_earlier else without_repeated_loss(metrics)
        values.pop("epoch", None)
        is_test = any(name.startswith("test/") for name in values)
        epoch = int(metrics["epoch"]) + (not is_test)
        self._write(values, epoch if self.axis == "epoch" else step)
        # Only now it is known which charts the run has curves for.
        if not self._has_layout and any(name.startswith("train/") for name in values):
            self._has_layout = True
            self.experiment._get_file_writer().add_summary(layout(self._tags))

    @rank_zero_only
    def complete_epoch(self, metrics: Mapping[str, float], epoch: int, step: int) -> None:
        """Write what the person's own code logged for an epoch; the Trainer repeats it later."""
        if metrics:
            self.log_epoch({**metrics, "epoch": epoch}, step)
        self._complete = (step, set(metrics))

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write what a step has measured, without Lightning's `epoch`, which is no metric."""
        complete, written = self._complete
        known = written if step == complete else set()
        values = {name: value for name, value in metrics.items() if name not in {"epoch", *known}}
        self._write(values, step, by_step=self.axis == "epoch")

    def _write(
        self, values: Mapping[str, float], place: int | None, *, by_step: bool = False
    ) -> None:
        tags = dict(values)
        if not self._is_earlier:
            tags = {
                tag_of(name, self._task, by_step=by_step): value for name, value in values.items()
            }
        super().log_metrics(tags, place)
        self._tags.update(tags)

    @rank_zero_only
    def add_text(self, tag: str, text: str, step: int) -> None:
        """Show a text; it appears as it is, not as Markdown."""
        self.experiment.add_text(tag, "\n".join(f"    {line}" for line in text.split("\n")), step)

    @rank_zero_only
    def add_png(self, name: str, png: bytes, step: int) -> None:
        """Show a figure that is a PNG file already."""
        if not self._shows_figures:
            return
        from tensorboard.compat.proto.summary_pb2 import Summary

        width, height = struct.unpack(">II", png[16:24])
        image = Summary.Image(height=height, width=width, colorspace=4, encoded_image_string=png)
        summary = Summary(value=[Summary.Value(tag=f"{FIGURES}/{name}", image=image)])
        self.experiment._get_file_writer().add_summary(summary, step)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write how the training has ended, and close the file."""
        if self._has_hyperparameters:
            self._has_hyperparameters = False
            summary = session_end(succeeded=status == "success")
            self.experiment._get_file_writer().add_summary(summary)
        super().finalize(status)

    def save(self) -> None:
        """Write no hparams.yaml: config.yaml holds the hyperparameters."""
