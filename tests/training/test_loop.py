"""The loop over batches does what Lightning's own does: the same hooks, metrics and weights."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.loggers import CSVLogger
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader

from quiet import quiet_trainer
from seqlab.data.sine import SineData
from seqlab.models.forecaster import Forecaster
from seqlab.models.mlp import MLP
from seqlab.models.schedules import SchedulePlan
from seqlab.profiling.profiled_loop import ProfiledLoop
from seqlab.profiling.profiler import PhaseProfiler
from seqlab.training.loop import TrainingLoop, use_training_loop

HALVED = partial(StepLR, step_size=1, gamma=0.5)
HOOKS = [
    *("on_train_epoch_start", "on_train_batch_start", "on_before_zero_grad"),
    *("on_before_backward", "on_after_backward", "on_before_optimizer_step"),
    *("on_train_batch_end", "on_validation_start", "on_validation_end", "on_train_epoch_end"),
]


class Recorder(Callback):
    """Notes every hook, its plain arguments, and the counters at that time; logs at every step."""

    def __init__(self, *, logs: bool = False) -> None:
        self.seen: list[Any] = []
        self.logs = logs

    def note(self, name: str, trainer: Trainer, module: LightningModule, *arguments: Any) -> None:
        plain = [each for each in arguments if isinstance(each, int)]
        outputs = [each["loss"].item() for each in arguments if isinstance(each, dict)]
        loop = trainer.fit_loop.epoch_loop
        counters = loop.batch_progress.state_dict(), loop.automatic_optimization.state_dict()
        self.seen.append((name, plain, outputs, trainer.global_step, module.training, counters))
        if self.logs and name == "on_train_batch_end":
            module.log("seen", float(len(self.seen)), on_step=True, on_epoch=True)


for hook in HOOKS:
    setattr(Recorder, hook, lambda self, *args, _name=hook: self.note(_name, *args))


def trained(
    folder: Path,
    own: bool,
    *further: Callback,
    scheduler: Any = None,
    kind: type[Forecaster] = Forecaster,
    **flags: Any,
) -> tuple[Recorder, Trainer, torch.Tensor, str]:
    seed_everything(3, verbose=False)
    recorder = Recorder(logs="logs" in flags)
    flags.pop("logs", None)
    profiled = flags.get("profiler") == "phases"
    if profiled:
        flags["profiler"] = PhaseProfiler()
    settings: dict[str, Any] = {"max_epochs": 3, "log_every_n_steps": 2} | flags
    logger = CSVLogger(folder, name="", version="own" if own else "given")
    trainer = quiet_trainer(recorder, *further, logger=logger, num_sanity_val_steps=0, **settings)
    if own:
        use_training_loop(trainer, ProfiledLoop if profiled else TrainingLoop)
    data = SineData(length=100, num_train=50, batch_size=8)
    data.setup()
    module = kind(MLP(4), partial(SGD, lr=0.05), scheduler)
    trainer.fit(module, datamodule=data)
    weights = torch.cat([each.detach().flatten() for each in module.parameters()])
    table = folder / ("own" if own else "given") / "metrics.csv"
    return recorder, trainer, weights, table.read_text()


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"gradient_clip_val": 0.1},
        {"val_check_interval": 2},
        {"check_val_every_n_epoch": 2, "limit_train_batches": 3},
        {"max_steps": 9},
        {"limit_val_batches": 0},
        {"scheduler": SchedulePlan(HALVED)},
        {"scheduler": SchedulePlan(HALVED, interval="step")},
        {"logs": True},
        {"precision": "bf16-mixed"},
        {"profiler": "phases", "gradient_clip_val": 0.1},
    ],
    ids=lambda flags: "_".join(flags) or "plain",
)
def test_hooks_counters_tables_and_weights_are_lightning_s(
    tmp_path: Path, flags: dict[str, Any]
) -> None:
    ours, trainer, weights, table = trained(tmp_path, True, **flags)
    loop = trainer.fit_loop.epoch_loop
    assert loop._hooks is not None, "the own loop was not in use"
    assert loop.val_loop._is_plain or flags.get("limit_val_batches") == 0
    theirs, other, expected, expected_table = trained(tmp_path, False, **flags)
    assert ours.seen == theirs.seen
    assert progress_of(trainer) == progress_of(other)
    assert torch.equal(weights, expected)
    assert table == expected_table


def progress_of(trainer: Trainer) -> Any:
    loop = trainer.fit_loop.epoch_loop.val_loop
    return loop.batch_progress.state_dict(), loop._seen_batches_per_dataloader, loop._has_run


def test_who_watches_each_batch_of_a_validation_is_asked(tmp_path: Path) -> None:
    class Watches(Callback):
        def __init__(self) -> None:
            self.seen: list[tuple[int, int]] = []

        def on_validation_batch_end(self, *given: Any) -> None:
            self.seen.append((len(given[3].inputs), given[4]))

    runs = []
    for own in (True, False):
        watching = Watches()
        _, trainer, _, table = trained(tmp_path, own, watching)
        runs.append((watching.seen, table, progress_of(trainer)))
    assert runs[0] == runs[1]
    assert runs[0][0][:6] == [*((8, place) for place in range(5)), (2, 5)]
    assert len(runs[0][0]) == 18


def test_what_a_module_logs_of_a_validation_batch_is_in_the_table(tmp_path: Path) -> None:
    class Logs(Forecaster):
        def validation_step(self, batch: Any, batch_idx: int) -> None:
            super().validation_step(batch, batch_idx)
            self.log("val/first", batch.inputs[0, 0], on_step=True, on_epoch=True)

    tables = [trained(tmp_path, own, kind=Logs)[3] for own in (True, False)]
    assert tables[0] == tables[1]
    assert "val/first_step" in tables[0]
    assert "val/first_epoch" in tables[0]


def test_a_callback_that_stops_the_training_is_heard(tmp_path: Path) -> None:
    runs = [
        trained(tmp_path, own, EarlyStopping("val/loss", patience=1, min_delta=9.0), max_epochs=9)
        for own in (True, False)
    ]
    assert [trainer.current_epoch for _, trainer, _, _ in runs] == [2, 2]
    assert runs[0][0].seen == runs[1][0].seen


@pytest.mark.parametrize(
    "flags",
    [
        {"profiler": "simple"},
        {"accumulate_grad_batches": 2},
        {"precision": "64-true"},
    ],
    ids=str,
)
def test_what_it_does_not_know_is_left_to_lightning(tmp_path: Path, flags: dict[str, Any]) -> None:
    ours, trainer, weights, _ = trained(tmp_path, True, **flags)
    assert isinstance(trainer.fit_loop.epoch_loop, TrainingLoop)
    assert trainer.fit_loop.epoch_loop._hooks is None
    theirs, _, expected, _ = trained(tmp_path, False, **flags)
    assert ours.seen == theirs.seen
    assert torch.equal(weights, expected)


def test_data_of_another_loader_are_left_to_lightning() -> None:
    class OwnData(SineData):
        def train_dataloader(self) -> Any:
            return DataLoader([self.loader("train", training=True)], batch_size=None)

    class OwnTransfer(SineData):
        def transfer_batch_to_device(self, batch: Any, device: Any, dataloader_idx: int) -> Any:
            return batch

    for kind, plain in ((SineData, True), (OwnData, False), (OwnTransfer, False)):
        trainer = quiet_trainer()
        use_training_loop(trainer)
        loop: Any = trainer.fit_loop.epoch_loop
        trainer.datamodule = data = kind(length=100, num_train=50)  # type: ignore[attr-defined]
        data.setup()
        module = Forecaster(MLP(4), partial(Adam, lr=0.01))
        trainer.strategy.connect(module)
        trainer.strategy._lightning_module = module
        trainer.strategy.optimizers = [Adam(module.parameters())]
        trainer.fit_loop._combined_loader = type(
            "Loaders", (), {"iterables": data.train_dataloader()}
        )()
        assert loop._is_plain() is plain, kind
