"""Figures and texts of a run: into its folder, and to every logger that can show them."""

from typing import TYPE_CHECKING

from lightning.pytorch import Trainer

from seqlab.run_folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def folder_of(trainer: Trainer) -> RunFolder:
    """Return the run folder that the trainer works in."""
    return RunFolder(trainer.default_root_dir)


def show_figure(trainer: Trainer, name: str, figure: "Figure") -> None:
    """Write `figures/NAME.png` and show it as `figures/NAME`."""
    file = folder_of(trainer).figure(name)
    figure.savefig(file)
    for logger in trainer.loggers:
        if hasattr(logger, "add_png"):
            logger.add_png(f"figures/{name}", file.read_bytes(), trainer.global_step)


def show_text(trainer: Trainer, tag: str, text: str) -> None:
    """Show a text under the tag."""
    for logger in trainer.loggers:
        if hasattr(logger, "add_text"):
            logger.add_text(tag, text, trainer.global_step)
