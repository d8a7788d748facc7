"""A training step never makes the program wait for the device."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Callback, LightningModule, Trainer
from test_training import language_model, text_data
from torch.optim import Adam
from torch.utils._python_dispatch import TorchDispatchMode

from quiet import quiet_trainer
from seqlab.data.sine import SineData
from seqlab.models import guarded_module as guarded
from seqlab.models.forecaster import Forecaster
from seqlab.models.mlp import MLP
from seqlab.models.nonfinite import READ_EVERY
from seqlab.training.loop import use_training_loop

WAITING = {"aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero", "aten::equal"}
"""What a GPU has to finish its work for, since the program goes on with the number."""


class Operations(TorchDispatchMode):
    """Notes the name of every operation."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(func._schema.name)
        return func(*args, **(kwargs or {}))


class Steps(Callback):
    """Watches from the end of one batch to the end of the next."""

    def __init__(self) -> None:
        self.operations = Operations()
        self.steps = 0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.operations.__enter__()

    def on_train_batch_end(self, *_: Any) -> None:
        self.steps += 1

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.operations.__exit__(None, None, None)


def watched(module: LightningModule, data: Any) -> Steps:
    steps = Steps()
    trainer = quiet_trainer(steps, max_epochs=1, limit_val_batches=0, gradient_clip_val=1.0)
    use_training_loop(trainer)
    trainer.fit(module, datamodule=data)
    return steps


@pytest.mark.parametrize("sampling", ["sequential", "random"])
def test_language_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sampling: str) -> None:
    monkeypatch.setattr(guarded, "costs_a_wait", lambda _: True)
    data = text_data(tmp_path, sampling=sampling, max_tokens=None)
    steps = watched(language_model(data), data)
    assert 10 < steps.steps < READ_EVERY / 2
    assert waits_before_the_end(steps) == []


def test_forecaster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "costs_a_wait", lambda _: True)
    steps = watched(Forecaster(MLP(4), partial(Adam, lr=0.01)), SineData())
    assert 10 < steps.steps < READ_EVERY / 2
    assert waits_before_the_end(steps) == []


def test_reading_at_every_step_would_be_noticed() -> None:
    steps = watched(Forecaster(MLP(4), partial(Adam, lr=0.01)), SineData())
    assert len(waits_before_the_end(steps)) >= 2 * (steps.steps - 1)


def waits_before_the_end(steps: Steps) -> list[str]:
    """Return the waiting operations of all steps but what follows the last one's update."""
    seen = steps.operations.seen
    last_update = max(i for i, name in enumerate(seen) if name.startswith("aten::_fused_"))
    return [name for name in seen[:last_update] if name in WAITING]
