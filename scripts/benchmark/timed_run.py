"""A run of seqlab in this process with everything on, and how long its training takes."""

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
    """Measures a run's training, in seconds.

    Attributes:
        epochs: each epoch, from its start to the end of its last batch.
        batches: number of batches per epoch.
        whole: all epochs, with validation, checkpoints, samples, tables and TensorBoard.
    """

    epochs: list[float] = field(default_factory=list)
    batches: int = 0
    whole: float = 0.0
    _began: float = 0.0
    _epoch_began: float = 0.0
    _last: float = 0.0

    def on_train_epoch_start(self, *_: Any) -> None:
        """Start timing the epoch, and with the first one the training."""
        self._epoch_began = time.perf_counter()
        self._began = self._began or self._epoch_began

    def on_train_batch_end(self, *_: Any) -> None:
        """Note when the batch ended."""
        self._last = time.perf_counter()

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        """Record the epoch's time."""
        self.epochs.append(self._last - self._epoch_began)
        self.batches = trainer.num_training_batches

    def on_train_end(self, *_: Any) -> None:
        """Record the training's time."""
        self.whole = time.perf_counter() - self._began

    @property
    def step_ms(self) -> float:
        """Milliseconds per step of the median epoch, excluding end-of-epoch work."""
        return 1000 * median(self.epochs) / self.batches

    @property
    def whole_step_ms(self) -> float:
        """Milliseconds per step of the whole training."""
        return 1000 * self.whole / (len(self.epochs) * self.batches)


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Discard everything printed, including progress bars."""
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


def timed_run(words: list[str]) -> Timing:
    """Run a configuration with progress bar, tables, TensorBoard and checkpoints.

    Raises:
        RuntimeError: the run failed.
    """
    register_resolvers()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("train", overrides=[*words, "trainer.enable_progress_bar=true"])
    timing = Timing()
    with tempfile.TemporaryDirectory() as folder, silenced():
        code = run(config, Path(folder), [], callbacks=[timing])
    if code:
        raise RuntimeError(f"the run with {' '.join(words)} exited with {code}")
    return timing
