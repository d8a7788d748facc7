"""Loss or perplexity by epoch, and how often each token comes, as figures."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_only

from seqlab import figures
from seqlab.callbacks.artifacts import Artifacts, artifacts_of

_MOST_COUNTED = 1 << 20
"""Tokens of a text that are counted; a large one is not read through for a figure."""


class Curves(Callback):
    """Draws perplexity by epoch, or the loss where there is no perplexity, from metrics.csv.

    Of a text it also draws the frequencies of its tokens, but not for each job of a sweep.
    """

    @rank_zero_only
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw how often each token of a text comes."""
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        artifacts = artifacts_of(trainer)
        if getattr(data, "vocabulary", None) is not None and not artifacts.folder.is_job:
            draw_frequencies(artifacts, data)

    @rank_zero_only
    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the curves of the whole run, its parts before an interruption included."""
        draw_curves(artifacts_of(trainer))


def draw_frequencies(artifacts: Artifacts, data: Any) -> None:
    """Draw the frequencies of the tokens that a text trains on.

    Args:
        artifacts: where the figure goes.
        data: a set-up data module of a text.
    """
    tokens = data.parts["train"]
    counted = tokens[:_MOST_COUNTED].long().cpu()
    part = "the training text"
    if len(counted) < len(tokens):
        part = f"the first {len(counted):,} tokens"
    counts = torch.bincount(counted, minlength=len(data.vocabulary))
    artifacts.show_figure("tokens", figures.frequencies, data.vocabulary.tokens, counts, part)


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
