"""SIGTERM and Ctrl-C: the batch in hand is finished and saved, then the run stops."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from seqlab.callbacks.checkpoints import Checkpoints
from seqlab.parallel.group import agreed
from seqlab.system.signals import FirstSignal, Handlers, in_words


class Interrupted(BaseException):
    """The run was asked to stop; as with KeyboardInterrupt, what catches errors lets it through.

    Args:
        signum: the signal.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.signum = signum
        self.exit_code = 128 + signum
        self.hint = ""

    def told(self, num_epochs: int, max_epochs: int | None) -> str:
        """Return what a person reads of it, with the number of epochs done and planned."""
        return f"stopped by {in_words(self.signum)} after {num_epochs} of {max_epochs} epochs"


class StopOnSignal(Callback):
    """The first signal stops the run in good order, the second at once.

    While batches are trained on, a signal only leaves a note, since a checkpoint taken in the
    middle of an update would be worthless; anywhere else it raises `Interrupted` where it strikes.

    Args:
        earlier: tells of a signal that came before this began to listen.
        answers: whether a signal stops this process by itself; where there are several, all but
            the first only tell the others, and stop with them.
    """

    def __init__(
        self, earlier: Callable[[], int | None] = lambda: None, *, answers: bool = True
    ) -> None:
        self._earlier = earlier
        self._answers = answers
        self._training = False
        self._first = FirstSignal()
        self._handlers = Handlers()

    def __enter__(self) -> "StopOnSignal":
        self._handlers.install(self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        self._handlers.restore()

    def interruption(self) -> Interrupted | None:
        """Return what a signal has to lead to, one that came before this listened included.

        Compiled code may answer the exception that a signal raises with one of its own.
        """
        signum = self._earlier() if self._first.number is None else self._first.number
        return None if signum is None else Interrupted(signum)

    def check(self) -> None:
        """Raise `Interrupted` where a signal came."""
        if (interrupted := self.interruption()) is not None:
            raise interrupted

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals back from Lightning, which answers SIGTERM with exit status 0."""
        self._handlers.install(self._handle)
        self._training = True

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Have the run saved and stopped, where a signal came, at the next place that allows it."""
        self._ask(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Have the end of the epoch saved, and stop, where a signal came."""
        self._ask(trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop where a signal came and the end of the epoch before is saved."""
        saved = all(each.saved_step == trainer.global_step for each in _savers(trainer))
        if self._agreed() and saved:
            self._stop()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """From here on a signal strikes at once: everything is saved."""
        self._training = False
        if self._agreed():
            self._stop()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals back once more."""
        self._handlers.install(self._handle)

    def _agreed(self) -> bool:
        """Return whether a signal has come, to whichever process of the run."""
        signum = agreed(self._first.number or 0)
        if signum:
            self._first.note(signum)  # a scheduler may send it to this process as well
        return signum > 0

    def _ask(self, trainer: Trainer) -> None:
        if not self._agreed():
            return
        stop_once_saved(trainer, self._stop)

    def _stop(self) -> None:
        assert self._first.number is not None
        self._training = False
        raise Interrupted(self._first.number)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if not self._answers:
            self._first.number = signum
        elif self._first.receive(signum) and not self._training:
            raise Interrupted(signum)


def stop_once_saved(trainer: Trainer, stop: Callable[[], None]) -> None:
    """Have the run saved at the next place that allows it, and end right after; or at once.

    Args:
        trainer: the run's.
        stop: ends the run.
    """
    # They come last, when every other callback has seen the batch.
    savers = _savers(trainer)
    for callback in savers:
        callback.stop = stop
    if not savers:
        stop()


def _savers(trainer: Trainer) -> list[Checkpoints]:
    return [each for each in trainer.checkpoint_callbacks if isinstance(each, Checkpoints)]
