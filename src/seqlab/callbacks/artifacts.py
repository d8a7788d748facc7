"""Figures and texts of a run: into its folder, and to every logger that can show them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lightning.pytorch import Trainer

from seqlab.runs.folder.lock import check_there
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.files import replacing
from seqlab.system.masking import masked

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Artifacts:
    """Where one run's figures and texts go.

    Args:
        folder: the run folder.
        loggers: those with `add_png` show figures, those with `add_text` texts.
        step: the last optimizer step; a resumed run hides what came after its checkpoint.
    """

    folder: RunFolder
    loggers: Iterable[Any]
    step: int

    def show_figure(self, name: str, figure: "Figure") -> None:
        """Write `figures/NAME.png` and show it as `figures/NAME`."""
        file = self.folder.figure(name)
        with replacing(file) as partial:
            # Packed as tightly as usual, figures are a seventh smaller and a short run 1 % longer.
            figure.savefig(partial, format="png", pil_kwargs={"compress_level": 1})
        for logger in self.loggers:
            if hasattr(logger, "add_png"):
                logger.add_png(f"figures/{name}", file.read_bytes(), self.step)

    def show_text(self, tag: str, text: str) -> None:
        """Show a text under the tag."""
        for logger in self.loggers:
            if hasattr(logger, "add_text"):
                logger.add_text(masked(tag), masked(text), self.step)


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
    return Artifacts(folder_of(trainer), trainer.loggers, max(trainer.global_step - 1, 0))
