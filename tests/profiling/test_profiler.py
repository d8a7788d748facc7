"""Lightning's actions by phase, and a Trainer that is profiled: it trains as any other."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping

from quiet import quiet_trainer
from seqlab.callbacks.throughput import Throughput
from seqlab.profiling.profiler import PhaseProfiler


class Time:
    """Goes on by one second whenever it is asked."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.mark.parametrize(
    ("action", "phase"),
    [
        ("[_TrainingEpochLoop].train_dataloader_next", "batches"),
        ("[ProfiledLoop].train_dataloader_next", "batches"),
        ("[_EvaluationLoop].val_next", None),
        ("[Strategy]SingleDeviceStrategy.training_step", "forward"),
        ("[Strategy]SingleDeviceStrategy.validation_step", None),
        ("[Strategy]SingleDeviceStrategy.backward", "backward"),
        ("[LightningModule]Forecaster.backward", "backward"),
        ("[LightningModule]Forecaster.optimizer_step", "optimizer"),
        ("[LightningModule]Forecaster.configure_gradient_clipping", "gradients"),
        ("[LightningModule]Forecaster.on_train_epoch_end", "metrics"),
        ("[LightningModule]Forecaster.setup", None),
        ("[LightningDataModule]SineData.setup", "data"),
        ("[Callback]Throughput.on_train_batch_end", "callbacks.speed"),
        ("[Callback]Throughput.on_before_backward", None),  # does nothing
        ("[Callback]EarlyStopping{'monitor': 'val/a.b'}.on_validation_end", "callbacks.early"),
        ("[Callback]StopOnSignal.on_train_batch_end", "other callbacks"),
        ("run_training_epoch", None),
        ("save_checkpoint", None),
        ("", None),
    ],
)
def test_each_of_lightning_s_actions_has_its_phase(action: str, phase: str | None) -> None:
    profiler = PhaseProfiler()
    trainer = quiet_trainer()
    early = EarlyStopping("val/a.b")
    assert early.state_key.startswith("EarlyStopping{'monitor': 'val/a.b'")
    action = action.replace("EarlyStopping{'monitor': 'val/a.b'}", early.state_key)
    profiler.watch(trainer, {"callbacks.speed": Throughput(), "callbacks.early": early}, {})
    assert profiler.phase_of(action) == phase


def test_actions_are_timed_and_the_rest_is_the_loop_s() -> None:
    profiler = PhaseProfiler(since=0.0, now=Time())
    profiler.setup("fit")  # 1
    with profiler.profile("run_training_batch"), profiler.profile("[Strategy]S.training_step"):  # 2
        pass  # 3
    rows = {row.phase: (row.calls, row.seconds) for row in profiler.clock.rows()}  # 4
    assert rows == {"start-up": (1, 1.0), "the loop itself": (1, 2.0), "forward": (1, 1.0)}
    assert "\n  forward              1    1.000   20.0%       1 s\n" in profiler.summary()  # 5


def test_loggers_and_whole_validations_are_timed() -> None:
    class Log:
        def log_metrics(self, metrics: dict[str, float]) -> dict[str, float]:
            return metrics

    profiler = PhaseProfiler(since=0.0, now=Time())
    trainer = quiet_trainer()
    log: Any = Log()
    trainer.fit_loop.epoch_loop.val_loop.run = lambda: log.log_metrics({})  # type: ignore[method-assign, assignment, return-value]
    trainer.test_loop.run = lambda: []  # type: ignore[method-assign]
    profiler.watch(trainer, {}, {"logger.mine": log})
    assert trainer.fit_loop.epoch_loop.val_loop.run() == {}  # type: ignore[comparison-overlap]
    assert trainer.test_loop.run() == []
    rows = {row.phase: row.seconds for row in profiler.clock.rows()}
    assert rows == {"start-up": 3.0, "validation": 2.0, "logger.mine": 1.0, "test": 1.0}


@pytest.mark.parametrize(("device", "capturing", "waits"), [
    ("cuda", False, 1),
    ("cuda", True, 0),  # a graph that is being recorded may not wait
    ("cpu", False, 0),
])  # fmt: skip
def test_on_a_gpu_a_change_of_phase_waits_for_the_kernels(
    device: str, capturing: bool, waits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[None] = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: waited.append(None))
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: capturing)
    loop = SimpleNamespace(run=list)
    trainer: Any = SimpleNamespace(
        fit_loop=SimpleNamespace(epoch_loop=SimpleNamespace(val_loop=loop)),
        test_loop=loop,
        strategy=SimpleNamespace(root_device=torch.device(device)),
    )
    profiler = PhaseProfiler()
    profiler.watch(trainer, {}, {})
    profiler.start("[Strategy]SingleDeviceStrategy.training_step")
    assert len(waited) == waits
