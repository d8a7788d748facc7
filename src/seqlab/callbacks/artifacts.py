"""Figures and texts of a run: into its folder, and to every logger that can show them."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from lightning.pytorch import Trainer

from seqlab.figures import png_of
from seqlab.runs.folder.lock import check_there
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.errors import one_line
from seqlab.system.files import write_bytes
from seqlab.system.masking import masked

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Artifacts:
    """Where one run's figures and texts go.

    Args:
        folder: the run folder.
        loggers: those with `add_png` show figures, those with `add_text` texts; at the epoch where
            their `axis` is `epoch`, else at the step.
        step: the last optimizer step.
        epoch: number of epochs that are over; `None`: it is not known.
    """

    folder: RunFolder
    loggers: Iterable[Any]
    step: int
    epoch: int | None = None

    def show_figure(self, name: str, draw: Callable[..., Any], *given: Any, **named: Any) -> None:
        """Write `figures/NAME.png` and show it; what cannot be drawn is left out.

        Args:
            name: of the figure.
            draw: returns it, given the arguments that follow.
            given: arguments of `draw`.
            named: more of them.
        """
        try:
            # Packed as tightly as usual, figures are a seventh smaller and a short run 1 % longer.
            png = png_of(lambda: draw(*given, **named), compress_level=1)
        except Exception as error:  # a run is worth more than its picture
            logger.warning("the figure %s could not be drawn: %s", name, one_line(error))
            return
        assert png is not None
        write_bytes(self.folder.figure(name), png)
        for target in self.loggers:
            if hasattr(target, "add_png"):
                target.add_png(name, png, self._place(target))

    def show_text(self, tag: str, text: str) -> None:
        """Show a text under the tag."""
        for target in self.loggers:
            if hasattr(target, "add_text"):
                target.add_text(masked(tag), masked(text), self._place(target))

    def _place(self, target: Any) -> int:
        over_epochs = getattr(target, "axis", "step") == "epoch"
        return self.epoch if over_epochs and self.epoch is not None else self.step


def folder_of(trainer: Trainer) -> RunFolder:
    """Return the run folder that the trainer works in.

    Raises:
        FolderGone: it was deleted since the run began.
    """
    folder = RunFolder(trainer.default_root_dir)
    check_there(folder.path)
    return folder


def artifacts_of(trainer: Trainer) -> Artifacts:
    """Return where the figures and texts of the trainer's run go."""
    progress: Any = trainer.fit_loop.epoch_progress.current
    step = max(trainer.global_step - 1, 0)
    return Artifacts(folder_of(trainer), trainer.loggers, step, progress.processed)
