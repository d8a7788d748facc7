"""Text that the language model makes while it learns."""

import logging
import os
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_only

from seqlab.callbacks.artifacts import folder_of, show_text
from seqlab.prediction import evaluating
from seqlab.prediction.generation import generate
from seqlab.runs.folder.run_folder import whole_lines
from seqlab.system.files import write_text
from seqlab.system.masking import masked

logger = logging.getLogger(__name__)

_KEPT_LINES = 100


class Samples(Callback):
    """Greedy continuations: of the untrained network, every so many epochs, and at the end.

    Each is one line of samples.txt, `epoch | prefix | continuation`, and a text in TensorBoard.
    Between beginning and end only the first prefix is continued, as in the chapter.

    Args:
        every_n_epochs: how often.
        num_tokens: length of the continuation.
        prefixes: texts to continue; `None`: those that the data suggest.
    """

    task = "language_model"

    def __init__(
        self, every_n_epochs: int = 10, num_tokens: int = 50, prefixes: list[str] | None = None
    ) -> None:
        self.every_n_epochs = every_n_epochs
        self.num_tokens = num_tokens
        self.prefixes = prefixes
        self._lines: list[str] = []

    @rank_zero_only
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with the untrained network."""
        if trainer.global_step == 0:
            folder_of(trainer).samples.unlink(missing_ok=True)
            self._lines = []
            self._write(trainer, pl_module, self._prefixes(trainer))

    @rank_zero_only
    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Take the file up as it was when the checkpoint was made."""
        state = checkpoint["callbacks"].get(self.state_key)
        if state is None:
            return
        file = folder_of(trainer).samples
        earlier = whole_lines(file)[: state["num_lines"] - len(state["lines"])]
        if len(earlier) + len(state["lines"]) < state["num_lines"]:
            logger.warning("%s had lost lines: they are missing", file)
        self._lines = earlier + state["lines"]
        write_text(file, "".join(self._lines))

    def state_dict(self) -> dict[str, Any]:
        """Return the last lines, since the end of a file may be lost, and how many there are."""
        return {"num_lines": len(self._lines), "lines": self._lines[-_KEPT_LINES:]}

    @rank_zero_only
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Continue the first prefix."""
        epoch = trainer.current_epoch + 1
        if epoch % self.every_n_epochs == 0:
            self._write(trainer, pl_module, self._prefixes(trainer)[:1], epoch)

    @rank_zero_only
    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Continue every prefix, but for the first where the last epoch's end has done so."""
        epoch = trainer.current_epoch
        done = bool(self._lines) and self._lines[-1].startswith(f"{epoch:5d} |")
        self._write(trainer, pl_module, self._prefixes(trainer)[int(done) :], epoch)

    def _prefixes(self, trainer: Trainer) -> list[str]:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        return self.prefixes or data.prefixes()

    def _write(
        self, trainer: Trainer, pl_module: LightningModule, prefixes: list[str], epoch: int = 0
    ) -> None:
        network: Any = pl_module.network
        if getattr(network, "sees_future", False):
            return
        vocabulary = trainer.datamodule.vocabulary  # type: ignore[attr-defined]
        with evaluating(network), folder_of(trainer).samples.open("a", encoding="utf-8") as file:
            for prefix in prefixes:
                start = vocabulary.encode(vocabulary.split(prefix))
                made = list(generate(network, start, self.num_tokens))
                gap = "" if vocabulary.level == "char" else " "
                text = gap + vocabulary.decode(made)
                shown = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
                self._lines.append(masked(f"{epoch:5d} | {prefix} |{shown}\n"))
                file.write(self._lines[-1])
                show_text(trainer, f"samples/{prefix}", prefix + text)
            file.flush()
            os.fsync(file.fileno())
