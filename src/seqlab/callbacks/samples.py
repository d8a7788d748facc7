"""Text that the language model makes while it learns."""

import logging
import os
import re
from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_only

from seqlab.callbacks.artifacts import Artifacts, artifacts_of, folder_of
from seqlab.data.tokens.vocabulary import UNKNOWN_INDEX
from seqlab.models.evaluating import evaluating
from seqlab.prediction.generation import Sampling, generate
from seqlab.runs.folder.run_folder import RunFolder, whole_lines
from seqlab.system.files import write_text
from seqlab.system.masking import masked
from seqlab.system.terminal import as_field

logger = logging.getLogger(__name__)

TEMPERATURE = 0.8
"""Of the sampled text, unless another is asked for."""
_KEPT_LINES = 100
_BEGINS = re.compile(r" *\d+ \| ")
_SEED = 0
"""Of sampled text, anew for each: what changes from epoch to epoch is the network alone."""


class SampleLines:
    """The lines of samples.txt, each `epoch | prefix | continuation`, as far as a run has come.

    Behind the prefix of a sampled text stands its temperature. Prefix and continuation are escaped,
    so that neither ends a line, nor the prefix itself.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []

    def begin(self, folder: RunFolder) -> None:
        """Start a new file."""
        folder.samples.unlink(missing_ok=True)
        self._lines = []

    def state(self) -> dict[str, Any]:
        """Return the last lines, since the end of a file may be lost, and how many there are."""
        return {"num_lines": len(self._lines), "lines": self._lines[-_KEPT_LINES:]}

    def continue_from(self, state: dict[str, Any], folder: RunFolder) -> None:
        """Take the file up as it was when a checkpoint was made."""
        kept = [_one_line(line) for line in state["lines"]]
        earlier = _records(whole_lines(folder.samples))[: state["num_lines"] - len(kept)]
        if len(earlier) + len(kept) < state["num_lines"]:
            logger.warning("%s had lost lines: they are missing", folder.samples)
        self._lines = earlier + kept
        write_text(folder.samples, "".join(self._lines))

    def ends_with(self, epoch: int) -> bool:
        """Whether the last line is of this epoch."""
        return bool(self._lines) and self._lines[-1].startswith(f"{epoch:5d} |")

    def write(
        self,
        artifacts: Artifacts,
        network: Any,
        vocabulary: Any,
        prefixes: Sequence[str],
        num_tokens: int,
        epoch: int,
        temperature: float | None = TEMPERATURE,
    ) -> None:
        """Let the network continue each prefix, greedily and sampled; append and show the texts."""
        samples = artifacts.folder.samples
        gap = "" if vocabulary.level == "char" else " "
        ways = {"": Sampling(never=UNKNOWN_INDEX)}
        if temperature is not None:
            name = f" (temperature {temperature:g})"
            ways[name] = Sampling(greedy=False, temperature=temperature, never=UNKNOWN_INDEX)
        with evaluating(network), samples.open("a", encoding="utf-8") as file:
            for prefix in prefixes:
                start = vocabulary.encode(vocabulary.split(prefix))
                for how, sampling in ways.items():
                    # Of its own, so that the training draws what it would without samples.
                    generator = torch.Generator().manual_seed(_SEED)
                    made = list(generate(network, start, num_tokens, sampling, generator))
                    text = gap + vocabulary.decode(made)
                    begin, rest = as_field(masked(prefix), "|"), as_field(masked(text))
                    self._lines.append(f"{epoch:5d} | {begin}{how} |{rest}\n")
                    file.write(self._lines[-1])
                    artifacts.show_text(f"samples/{prefix}{how}", prefix + text)
            file.flush()
            os.fsync(file.fileno())


def _records(lines: list[str]) -> list[str]:
    """Return the records of a file; earlier versions left newlines of a prefix as they were."""
    found: list[str] = []
    for line in lines:
        if found and not _BEGINS.match(line):
            found[-1] += line
        else:
            found.append(line)
    return [_one_line(record) for record in found]


def _one_line(record: str) -> str:
    return record.removesuffix("\n").replace("\n", "\\n") + "\n"


class Samples(Callback):
    """Continuations of a text: by the untrained network, every so many epochs, and at the end.

    One is greedy, which soon repeats itself, and one is sampled. Each is a line of samples.txt and
    a text in TensorBoard; neither has an unknown token. Between beginning and end only the first
    prefix is continued, as in the chapter.

    Args:
        every_n_epochs: how often.
        num_tokens: length of the continuation.
        prefixes: texts to continue; `None`: those that the data suggest.
        temperature: of the sampled text; `None`: there is none.
    """

    task = "language_model"

    def __init__(
        self,
        every_n_epochs: int = 10,
        num_tokens: int = 50,
        prefixes: list[str] | None = None,
        temperature: float | None = TEMPERATURE,
    ) -> None:
        self.every_n_epochs = every_n_epochs
        self.num_tokens = num_tokens
        self.prefixes = prefixes
        self.temperature = temperature
        self._lines = SampleLines()

    @rank_zero_only
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with the untrained network."""
        if trainer.global_step == 0:
            self._lines.begin(folder_of(trainer))
            self._write(trainer, pl_module, slice(None), 0)

    @rank_zero_only
    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Take the file up as it was when the checkpoint was made."""
        state = checkpoint["callbacks"].get(self.state_key)
        if state is not None:
            self._lines.continue_from(state, folder_of(trainer))

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of the file."""
        return self._lines.state()

    @rank_zero_only
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Continue the first prefix."""
        epoch = trainer.current_epoch + 1
        if epoch % self.every_n_epochs == 0:
            self._write(trainer, pl_module, slice(1), epoch)

    @rank_zero_only
    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Continue every prefix, but for the first where the last epoch's end has done so."""
        epoch = trainer.current_epoch
        self._write(trainer, pl_module, slice(int(self._lines.ends_with(epoch)), None), epoch)

    def _write(
        self, trainer: Trainer, pl_module: LightningModule, which: slice, epoch: int
    ) -> None:
        network: Any = pl_module.network
        if getattr(network, "sees_future", False):
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        prefixes = (self.prefixes or data.prefixes())[which]
        where = artifacts_of(trainer)
        how = self.num_tokens, epoch, self.temperature
        self._lines.write(where, network, data.vocabulary, prefixes, *how)
