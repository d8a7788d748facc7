"""Settings that change when a run goes on: a checkpoint brings back a callback's state alone."""

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason


class NewSettings(Callback):
    """Lets the settings that were changed since a checkpoint hold, whatever its state brings back.

    An early stopping whose patience was at its end counts anew: it would stop the run that goes on
    at once.

    Args:
        named: the callbacks of the configuration, by `callbacks.NAME`.
        nodes: their nodes there, by name. A checkpoint holds them: whoever saves one replaces them
            by what has nothing secret in it.
    """

    def __init__(self, named: Mapping[str, Callback], nodes: dict[str, Any]) -> None:
        self.named = named
        self.nodes = nodes
        self._changed: list[tuple[Callback, str, Any]] = []

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the settings, to be compared."""
        checkpoint["callback_settings"] = self.nodes

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Note what was set anew, before the state of any callback is loaded."""
        limits = checkpoint["limits"] or {}  # all that earlier versions kept
        earlier = checkpoint.get("callback_settings", limits.get("callbacks")) or {}
        for path, callback in self.named.items():
            name = path.partition(".")[2]
            before = earlier.get(name)
            for key, value in (self.nodes.get(name) or {}).items():
                if before is not None and before.get(key) != value and hasattr(callback, key):
                    self._changed.append((callback, key, getattr(callback, key)))

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set it anew, after the state was loaded."""
        for callback, key, value in self._changed:
            setattr(callback, key, value)
        self._changed = []
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, EarlyStopping):
                callback.stopping_reason = EarlyStoppingReason.NOT_STOPPED
                if callback.wait_count >= callback.patience:
                    callback.wait_count = 0
