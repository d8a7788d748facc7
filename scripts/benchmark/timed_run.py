"""A run of seqlab in this process, everything on, and how long its training took."""

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from hydra import compose, initialize_config_dir
from lightning.pytorch import Callback

from seqlab.config.compose.naming import register_resolvers
from seqlab.config.folders import conf_dir
from seqlab.runs.run import run


@dataclass
class Timing(Callback):
    """Seconds of a run's training.

    Attributes:
        epochs: from each epoch's start to the end of its last batch.
        batches: of an epoch.
        whole: from the start of the training to its end: also validation, checkpoints, samples,
            tables and TensorBoard.
    """

    epochs: list[float] = field(default_factory=list)
    batches: int = 0
    whole: float = 0.0
    _began: float = 0.0
    _epoch_began: float = 0.0
    _last: float = 0.0

    def on_train_start(self, *_: Any) -> None:
        """Start the clock of all."""
        self._began = time.perf_counter()

    def on_train_epoch_start(self, *_: Any) -> None:
        """Start the clock of the epoch."""
        self._epoch_began = time.perf_counter()

    def on_train_batch_end(self, trainer: Any, module: Any, *_: Any) -> None:
        """Note when the last batch ended."""
        self._last = time.perf_counter()

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        """Keep the epoch's time."""
        self.epochs.append(self._last - self._epoch_began)
        self.batches = trainer.num_training_batches

    def on_train_end(self, *_: Any) -> None:
        """Stop the clock of all."""
        self.whole = time.perf_counter() - self._began

    @property
    def step(self) -> float:
        """Seconds of a step: of the median epoch, so that what is done once does not count."""
        return median(self.epochs) / self.batches

    @property
    def step_of_all(self) -> float:
        """The whole training's seconds over its steps."""
        return self.whole / (len(self.epochs) * self.batches)


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Send everything printed, progress bars among it, nowhere."""
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


def timed_run(words: list[str]) -> Timing:
    """Run what the words configure, with progress bar, tables, TensorBoard and checkpoints.

    Raises:
        RuntimeError: the run failed.
    """
    register_resolvers()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("train", overrides=[*words, "trainer.enable_progress_bar=true"])
    timing = Timing()
    with (
        tempfile.TemporaryDirectory() as folder,
        unheard(),
    ):
        code = run(config, Path(folder), [], callbacks=[timing])
    if code:
        raise RuntimeError(f"the run with {' '.join(words)} ended with {code}")
    return timing
