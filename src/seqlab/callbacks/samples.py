"""Text that the language model makes while it learns."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from seqlab.callbacks.artifacts import folder_of, show_text
from seqlab.prediction import evaluating
from seqlab.prediction.generation import generate


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

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with the untrained network, or go on with an interrupted run's file."""
        file = folder_of(trainer).samples
        if trainer.current_epoch == 0 and trainer.global_step == 0:
            file.unlink(missing_ok=True)
            self._write(trainer, pl_module, self._prefixes(trainer))
        elif file.is_file():
            lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [ln for ln in lines if int(ln.split("|")[0]) <= trainer.current_epoch]
            folder_of(trainer).write_text(file, "".join(kept))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Continue the first prefix."""
        epoch = trainer.current_epoch + 1
        if epoch % self.every_n_epochs == 0 and epoch != trainer.max_epochs:
            self._write(trainer, pl_module, self._prefixes(trainer)[:1], epoch)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Continue every prefix."""
        self._write(trainer, pl_module, self._prefixes(trainer), trainer.current_epoch)

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
                file.write(f"{epoch:5d} | {prefix} |{shown}\n")
                show_text(trainer, f"samples/{prefix}", prefix + text)
