"""Whether a Trainer does nothing with a batch but what seqlab's own loops do."""

from typing import Any

from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.plugins import MixedPrecision, Precision
from lightning.pytorch.profilers import Profiler
from lightning.pytorch.strategies import SingleDeviceStrategy

from seqlab.data.loader import BatchLoader

_TRANSFERS = ("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer")


def is_plain(trainer: Trainer, loader: Any, profilers: tuple[type[Profiler], ...]) -> bool:
    """Return whether batches come as they are needed, on one device, unscaled, unwatched.

    Args:
        trainer: with a module attached.
        loader: where the batches come from.
        profilers: those that the loop serves.
    """
    module, data = trainer.lightning_module, trainer.datamodule  # type: ignore[attr-defined]
    precision = trainer.precision_plugin
    unscaled = type(precision) is MixedPrecision and precision.scaler is None
    return (
        isinstance(loader, BatchLoader)
        and type(trainer.strategy) is SingleDeviceStrategy
        and (type(precision) is Precision or unscaled)
        and isinstance(trainer.profiler, profilers)  # type: ignore[attr-defined]
        and not any(
            overrides(module, LightningModule, name)
            or (data is not None and overrides(data, LightningDataModule, name))
            for name in _TRANSFERS
        )
    )


def overrides(instance: Any, base: type, name: str) -> bool:
    """Return whether a method is not its base class's own."""
    own = getattr(type(instance), name, None) is not getattr(base, name, None)
    return own or name in vars(instance)
