"""A live bar on a terminal, and a line in the log at every tenth of the run."""

import logging
import sys
import time
from typing import Any

from lightning.pytorch import Callback, Trainer
from tqdm import tqdm

from seqlab.callbacks.limits import MaxSteps

logger = logging.getLogger(__name__)

_REFRESH_S = 0.2
_LINES = 10


class Progress(Callback):
    """Shows epoch, loss or perplexity, and speed.

    Args:
        bar: draw the bar; `None`: where standard error is a terminal.
    """

    def __init__(self, bar: bool | None = None) -> None:
        self.bar = sys.stderr.isatty() if bar is None else bar
        self._tqdm: Any = None
        self._shown_at = 0.0
        self._size = 0
        self._logged_part = 0
        self._validated_at = 0

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Draw the bar."""
        callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
        limits = [each.max_steps for each in callbacks if isinstance(each, MaxSteps)]
        total = min([trainer.estimated_stepping_batches, *limits])
        self._tqdm = tqdm(
            total=None if total == float("inf") else int(total),
            initial=trainer.global_step,
            disable=not self.bar,
            bar_format="{desc} |{bar}| {percentage:3.0f}% {elapsed}<{remaining}{postfix}",
            dynamic_ncols=True,
            leave=False,
            desc=f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}",
        )
        self._shown_at = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar, a few times a second."""
        if not self.bar:
            return
        self._size += batch.size
        now = time.perf_counter()
        if now - self._shown_at < _REFRESH_S:
            return
        name, value = pl_module.progress()
        speed = self._size / (now - self._shown_at)
        unit = pl_module.sample_unit
        self._tqdm.set_description_str(
            f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}", refresh=False
        )
        self._tqdm.set_postfix_str(f"{name} {value:.4g}, {speed:,.0f} {unit}/s", refresh=False)
        self._tqdm.n = trainer.global_step
        self._tqdm.refresh()
        self._shown_at, self._size = now, 0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Log the epoch before, whose metrics are complete only now."""
        done = trainer.current_epoch
        part = done * _LINES // max(trainer.max_epochs or 1, 1)
        if done and part > self._logged_part:
            self._logged_part = part
            self._log(trainer, done)

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Note which epoch the validation metrics are of."""
        self._validated_at = trainer.current_epoch + 1

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Log the last epoch."""
        self._log(trainer, trainer.current_epoch)

    def teardown(self, trainer: Trainer, pl_module: Any, stage: str) -> None:
        """Take the bar away, also after a failure."""
        if self._tqdm is not None:
            self._tqdm.close()
            self._tqdm = None

    def _log(self, trainer: Trainer, epoch: int) -> None:
        metrics = trainer.callback_metrics
        kind = "perplexity" if "train/perplexity" in metrics else "loss"
        shown = [
            f"{name} {float(metrics[name]):.4g}"
            for name in (f"train/{kind}", f"val/{kind}")
            if name in metrics and (name.startswith("train/") or self._validated_at == epoch)
        ]
        shown += [
            f"{float(value):,.0f} {name[6:].removesuffix('_per_second')}/s"
            for name, value in metrics.items()
            if name.endswith("_per_second")
        ]
        if self.bar and self._tqdm is not None:
            self._tqdm.n = trainer.global_step  # the log line makes the bar redraw itself
            self._tqdm.set_description_str(f"epoch {epoch}/{trainer.max_epochs}", refresh=False)
        if shown:
            logger.info("epoch %d/%s: %s", epoch, trainer.max_epochs, ", ".join(shown))
