"""A Trainer that computes, and neither shows nor writes anything."""

from typing import Any

from lightning.pytorch import Callback, Trainer


def quiet_trainer(*callbacks: Callback, **flags: Any) -> Trainer:
    """Return a Trainer on the CPU; flags may ask for more."""
    unasked = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    settings = {"accelerator": "cpu", **dict.fromkeys(unasked, False)}
    return Trainer(**settings | flags, callbacks=list(callbacks))
