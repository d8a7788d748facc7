"""Loss or perplexity by epoch, as a figure."""

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_only

from seqlab import figures
from seqlab.callbacks.artifacts import Artifacts, artifacts_of


class Curves(Callback):
    """Draws perplexity by epoch, or the loss where there is no perplexity, from metrics.csv."""

    @rank_zero_only
    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the curves of the whole run, its parts before an interruption included."""
        draw_curves(artifacts_of(trainer))


def draw_curves(artifacts: Artifacts) -> None:
    """Draw the curves of the run's metrics.csv, if there are any."""
    table = artifacts.folder.read_metrics()
    kind = "perplexity" if "train/perplexity" in table else "loss"
    curves = {
        name: table[f"{part}/{kind}"]
        for part, name in (("train", "training"), ("val", "held out"))
        if f"{part}/{kind}" in table
    }
    if curves:
        artifacts.show_figure(kind, figures.curves, curves, kind)
