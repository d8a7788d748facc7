"""A live bar on a terminal, and a line in the log for each epoch, or each tenth of a long run."""

import logging
import sys
import time
from typing import Any

from lightning.pytorch import Callback, Trainer

from seqlab.callbacks.limits import MaxSteps
from seqlab.system.bars import Bar

logger = logging.getLogger(__name__)

_REFRESH_S = 0.2
_LINES = 10
_FORMATS = (
    "{desc} |{bar}| {percentage:3.0f}% {elapsed}<{remaining}{value}{speed}",
    "{desc} |{bar}| {percentage:3.0f}% {remaining} left{value}{speed_in_short}",
    "{desc} |{bar}| {percentage:3.0f}% {remaining} left{value}",
    "{desc} |{bar}|{value}",
    "{desc}{value}",
)


class Progress(Callback):
    """Shows epoch, loss or perplexity, and speed.

    Args:
        bar: draw the bar; `None`: where standard error is a terminal.
    """

    def __init__(self, bar: bool | None = None) -> None:
        self.bar = sys.stderr.isatty() if bar is None else bar
        self._drawn: Bar | None = None
        self._shown_at = 0.0
        self._size = 0
        self._validated_at = 0

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Draw the bar."""
        callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
        limits = [each.max_steps for each in callbacks if isinstance(each, MaxSteps)]
        total = min([trainer.estimated_stepping_batches, *limits])
        if self.bar:
            self._drawn = Bar(
                _FORMATS,
                sys.stderr,
                texts=dict.fromkeys(("value", "speed", "speed_in_short"), ""),
                total=None if total == float("inf") else int(total),
                initial=trainer.global_step,
                position=0,
                desc=_of_all(trainer, trainer.current_epoch + 1),
            )
        self._shown_at = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar, a few times a second."""
        if self._drawn is None:
            return
        self._size += batch.size
        now = time.perf_counter()
        if now - self._shown_at < _REFRESH_S:
            return
        name, value = pl_module.progress()
        speed = self._size / (now - self._shown_at)
        self._drawn.texts = {
            "value": f"  {name} {_digits(value)}",
            "speed": f"  {speed:,.0f} {pl_module.sample_unit}/s",
            "speed_in_short": f"  {_in_short(speed)}/s",
        }
        self._move(trainer, trainer.current_epoch + 1)
        self._drawn.refresh()
        self._shown_at, self._size = now, 0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Log the epoch before, whose metrics are complete only now."""
        done, step = trainer.current_epoch, max(round((trainer.max_epochs or 1) / _LINES), 1)
        if done and done % step == 0:
            self._log(trainer, done)

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Note which epoch the validation metrics are of."""
        self._validated_at = trainer.current_epoch + 1

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Log the last epoch."""
        self._log(trainer, trainer.current_epoch)

    def on_exception(self, trainer: Trainer, pl_module: Any, exception: BaseException) -> None:
        """Take the bar away before anything is said of the exception."""
        self.teardown(trainer, pl_module, "fit")

    def teardown(self, trainer: Trainer, pl_module: Any, stage: str) -> None:
        """Take the bar away."""
        if self._drawn is not None:
            self._drawn.close()
            self._drawn = None

    def _move(self, trainer: Trainer, epoch: int) -> None:
        if self._drawn is not None:
            self._drawn.n = trainer.global_step
            self._drawn.set_description_str(_of_all(trainer, epoch), refresh=False)

    def _log(self, trainer: Trainer, epoch: int) -> None:
        metrics = trainer.callback_metrics
        kind = "perplexity" if "train/perplexity" in metrics else "loss"
        values = {
            name: _digits(float(metrics[name]))
            for name in (f"train/{kind}", f"val/{kind}")
            if name in metrics and (name.startswith("train/") or self._validated_at == epoch)
        }
        speeds = {
            name[6:].removesuffix("_per_second"): float(value)
            for name, value in metrics.items()
            if name.endswith("_per_second")
        }
        self._move(trainer, epoch)  # the log line makes the bar redraw itself
        if not values and not speeds:
            return
        head = f"{_of_all(trainer, epoch)}: "  # numbers below each other, where it is seen at once
        whole = [f"{name} {value}" for name, value in values.items()]
        short = [each.removeprefix("train/").replace(f"val/{kind}", "val") for each in whole]
        line = ", ".join([*whole, *(f"{speed:,.0f} {of}/s" for of, speed in speeds.items())])
        forms = [
            head + line,
            head + ", ".join([*short, *(f"{_in_short(v)} {of}/s" for of, v in speeds.items())]),
            head.removeprefix("epoch ") + ", ".join(short),
        ]
        logger.info("epoch %d/%s: %s", epoch, trainer.max_epochs, line, extra={"forms": forms})


def _of_all(trainer: Trainer, epoch: int) -> str:
    last = str(trainer.max_epochs)
    return f"epoch {epoch:>{len(last)}}/{last}"


def _digits(value: float) -> str:
    """Return four digits of a number, zeros at the end included."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e6 else f"{value:#.4g}"


def _in_short(value: float) -> str:
    """Return three digits of a number, with `k` for thousands and so on."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
