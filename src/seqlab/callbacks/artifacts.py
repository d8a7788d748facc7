"""Figures and texts of a run: into its folder, and to every logger that can show them."""

from typing import TYPE_CHECKING

from lightning.pytorch import Trainer

from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.files import replacing
from seqlab.system.masking import masked

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def folder_of(trainer: Trainer) -> RunFolder:
    """Return the run folder that the trainer works in."""
    return RunFolder(trainer.default_root_dir)


def show_figure(trainer: Trainer, name: str, figure: "Figure") -> None:
    """Write `figures/NAME.png` and show it as `figures/NAME`."""
    file = folder_of(trainer).figure(name)
    with replacing(file) as partial:
        # Packed as tightly as usual, figures are a seventh smaller and a short run 1 % longer.
        figure.savefig(partial, format="png", pil_kwargs={"compress_level": 1})
    for logger in trainer.loggers:
        if hasattr(logger, "add_png"):
            logger.add_png(f"figures/{name}", file.read_bytes(), _step(trainer))


def show_text(trainer: Trainer, tag: str, text: str) -> None:
    """Show a text under the tag."""
    for logger in trainer.loggers:
        if hasattr(logger, "add_text"):
            logger.add_text(masked(tag), masked(text), _step(trainer))


def _step(trainer: Trainer) -> int:
    """Return the last step, as for scalars: a resumed run hides what came after its checkpoint."""
    return max(trainer.global_step - 1, 0)
