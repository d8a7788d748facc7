"""SIGTERM and Ctrl-C: the batch in hand is finished and saved, then the run stops."""

import os
import signal
import threading
from types import FrameType
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from seqlab.callbacks.checkpoints import Checkpoints

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """The run was asked to stop.

    Args:
        signum: the signal.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.exit_code = 128 + signum


class StopOnSignal(Callback):
    """The first signal stops the run in good order, the second at once.

    Between batches a signal only leaves a note, since a checkpoint taken in the middle of an
    update would be worthless; anywhere else it raises `Interrupted` where it strikes.
    """

    def __init__(self) -> None:
        self._training = False
        self._received: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopOnSignal":
        self._install()
        return self

    def __exit__(self, *exception: object) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals back from Lightning, which answers SIGTERM with exit status 0."""
        self._install()
        self._training = True

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save and stop, where a signal came."""
        # After an epoch's last batch its metrics are still to come: stop within the next one.
        if self._received is None or trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            return
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, Checkpoints):
                callback.save(trainer)
        self._training = False
        raise Interrupted(self._received)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """From here on a signal strikes at once: everything is saved."""
        self._training = False

    def _install(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # only the main thread is told of signals
        for signum in _SIGNALS:
            handler = signal.signal(signum, self._handle)
            self._before.setdefault(signum, handler)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self._received is not None:
            os._exit(128 + signum)
        self._received = signum
        if not self._training:
            raise Interrupted(signum)
