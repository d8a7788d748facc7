"""Loss or perplexity by epoch, as a figure."""

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_only

from seqlab import figures
from seqlab.callbacks.artifacts import folder_of, show_figure


class Curves(Callback):
    """Draws perplexity by epoch, or the loss where there is no perplexity, from metrics.csv."""

    @rank_zero_only
    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the curves of the whole run, its parts before an interruption included."""
        table = folder_of(trainer).read_metrics()
        kind = "perplexity" if "train/perplexity" in table else "loss"
        curves = {
            name: table[f"{part}/{kind}"]
            for part, name in (("train", "training"), ("val", "held out"))
            if f"{part}/{kind}" in table
        }
        if curves:
            show_figure(trainer, kind, figures.curves(curves, kind))
