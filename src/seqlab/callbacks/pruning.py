"""The end of a trial that a search does not expect anything of any more."""

from collections.abc import Callable, Sequence
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping

from seqlab.callbacks.checkpoints import is_over
from seqlab.callbacks.stop_on_signal import Interrupted, stop_once_saved
from seqlab.system.errors import EXIT_DONE, UserError


class Pruned(Interrupted):
    """The search has ended the run; it can be resumed all the same.

    Args:
        message: after which epoch, and with which value.
    """

    def __init__(self, message: str) -> None:
        BaseException.__init__(self, message)
        self.exit_code = EXIT_DONE
        self.hint = ""

    def told(self, num_epochs: int, max_epochs: int | None) -> str:
        """Return the message, which names the epoch."""
        return str(self)


class Pruning(EarlyStopping):
    """Reports a metric at the end of each epoch, and ends the run, saved, where that is the answer.

    Lightning asks callbacks of this kind once the model has logged the epoch's own metrics, and
    before checkpoints are written.

    Args:
        metrics: the name to report; of several the first that the run has.
        report: takes epoch, counted from 1, and value; returns whether the run is to end.
    """

    def __init__(self, metrics: Sequence[str], report: Callable[[int, float], bool]) -> None:
        super().__init__(monitor=metrics[0])
        self._metrics = metrics
        self._report = report
        self._validated = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Do nothing: there is one way to use it."""

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note that validation metrics are fresh."""
        self._validated = not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report the epoch's value, unless it is an earlier one's."""
        validated, self._validated = self._validated, False
        known = trainer.callback_metrics
        name = next((each for each in self._metrics if each in known), None)
        if name is None:
            if trainer.num_val_batches != [0] and not validated:
                return  # its validation is still to come
            raise UserError(
                f"a search by {self._metrics[0]}: there is no such metric",
                f"hydra.sweeper.metric=NAME chooses another. There are: {', '.join(known)}.",
            )
        if name.startswith("val/") and not validated:
            return
        epoch, value = trainer.current_epoch + 1, float(known[name])
        if not self._report(epoch, value) or is_over(trainer):
            return

        def stop() -> None:
            raise Pruned(f"pruned after epoch {epoch}: {name} {value:.4g} is not promising")

        stop_once_saved(trainer, stop)

    def state_dict(self) -> dict[str, Any]:
        """Return nothing: the search keeps what was reported."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Do nothing."""
