"""Schedules: their unit, their length, the metric they watch, and how they go on."""

import csv
import logging
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CyclicLR,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)

from conftest import SMALL_LM, Outcome
from seqlab.data.sine import SineData
from seqlab.models.forecaster import Forecaster
from seqlab.models.mlp import MLP
from seqlab.models.schedules import Schedule, SchedulePlan, WarmupCosine
from seqlab.runs.folder.checkpoint import read_checkpoint
from seqlab.runs.folder.run_folder import RunFolder, whole_lines
from seqlab.training.loop import use_training_loop

Train = Callable[..., Outcome]

COSINE = partial(CosineAnnealingLR, T_max=None)
ONE_CYCLE = partial(OneCycleLR, max_lr=1.0)
WARMUP = partial(WarmupCosine, warmup_steps=2)


def optimizer(lr: float = 1.0) -> SGD:
    return SGD([nn.Parameter(torch.zeros(1))], lr=lr, momentum=0.9)


def rates(schedule: Schedule, steps: int) -> list[float]:
    """Return the learning rates of the next optimizer steps."""
    found = []
    for _ in range(steps):
        found.append(schedule.rate)
        schedule.optimizer.step()
        schedule.step()
    return found


def test_warm_up_rises_to_the_rate_and_falls_along_a_half_cosine() -> None:
    schedule = SchedulePlan(WARMUP, "step", length=6).make(optimizer(0.8))
    cosine = [0.8 * (1 + math.cos(math.pi * k / 4)) / 2 for k in range(5)]
    assert rates(schedule, 8) == pytest.approx([0.4, 0.8, *cosine, 0.0], abs=1e-12)


def test_warm_up_as_long_as_the_whole_is_refused() -> None:
    with pytest.raises(ValueError, match="warmup_steps=9: the whole schedule has 9 steps"):
        WarmupCosine(optimizer(), total_steps=9, warmup_steps=9)


@pytest.mark.parametrize(
    ("factory", "expected"),
    [
        (COSINE, {"T_max": 7}),
        (partial(CosineAnnealingLR, T_max=3), {}),
        (ONE_CYCLE, {"total_steps": 7}),
        (partial(OneCycleLR, max_lr=1.0, total_steps=5), {}),
        (partial(OneCycleLR, max_lr=1.0, epochs=2, steps_per_epoch=3), {}),
        (WARMUP, {"total_steps": 7}),
        (partial(StepLR, step_size=2), {}),
        (lambda optimizer: StepLR(optimizer, 1), {}),
    ],
)
def test_length_is_the_run_s_where_nothing_else_says_it(factory: Any, expected: Any) -> None:
    assert SchedulePlan(factory, length=7).lengths() == expected
    if not expected:
        assert SchedulePlan(factory).lengths() == {}
        return
    with pytest.raises(ValueError, match=f"scheduler.{next(iter(expected))} is not set, and noth"):
        SchedulePlan(factory).lengths()


def test_metric_is_only_for_what_watches_one() -> None:
    with pytest.raises(ValueError, match=r"scheduler.monitor=val/loss: StepLR watches no metric"):
        SchedulePlan(partial(StepLR, step_size=2), monitor="val/loss").make(optimizer())


def test_one_cycle_stays_at_its_end() -> None:
    schedule = SchedulePlan(ONE_CYCLE, "step", length=4).make(optimizer())
    found = rates(schedule, 9)
    assert found[4:] == [found[4]] * 5


@pytest.mark.parametrize("factory", [COSINE, ONE_CYCLE, WARMUP], ids=["cosine", "cycle", "warmup"])
@pytest.mark.parametrize("done", [3, 6])
def test_stretched_schedule_is_that_of_a_run_of_the_new_length(
    factory: Any, done: int, caplog: pytest.LogCaptureFixture
) -> None:
    first = SchedulePlan(factory, "step", length=6).make(optimizer())
    rates(first, done)
    undisturbed = SchedulePlan(factory, "step", length=9).make(optimizer())
    rates(undisturbed, done)
    again = SchedulePlan(factory, "step", length=9).make(optimizer())
    again.optimizer.load_state_dict(first.optimizer.state_dict())
    with caplog.at_level(logging.INFO):
        again.load_state_dict(first.state_dict())
    groups = [each.optimizer.param_groups[0] for each in (again, undisturbed)]
    assert {k: v for k, v in groups[0].items() if k != "params"} == {
        k: v for k, v in groups[1].items() if k != "params"
    }
    assert rates(again, 9 - done) == rates(undisturbed, 9 - done)
    (text,) = caplog.messages
    assert text.startswith("the schedule is stretched from 6 to 9 steps: the learning rate goes on")


@pytest.mark.parametrize("factory", [COSINE, ONE_CYCLE, WARMUP], ids=["cosine", "cycle", "warmup"])
def test_held_schedule_stays_at_its_end(factory: Any, caplog: pytest.LogCaptureFixture) -> None:
    plan = SchedulePlan(factory, on_extension="hold", length=6)
    whole = rates(plan.make(optimizer()), 7)
    first = plan.make(optimizer())
    rates(first, 4)
    again = SchedulePlan(factory, on_extension="hold", length=9).make(optimizer())
    again.optimizer.load_state_dict(first.optimizer.state_dict())
    with caplog.at_level(logging.INFO):
        again.load_state_dict(first.state_dict())
    assert rates(again, 5) == [*whole[4:6], *[whole[6]] * 3]
    assert caplog.messages == [
        "the schedule keeps its length of 6 epochs, and stays at its end after them"
    ]


class Rates(Callback):
    """Notes the learning rate of each batch, and counts the optimizer steps."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self.seen.append(trainer.optimizers[0].param_groups[0]["lr"])


def fitted(plan: SchedulePlan, own: bool = True, **flags: Any) -> tuple[list[float], Trainer]:
    seen = Rates()
    flags = {"max_epochs": 2, "limit_train_batches": 5} | flags
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[seen],
        **flags,
    )
    if own:
        use_training_loop(trainer)
    data = SineData(length=100, num_train=50, batch_size=8)
    data.setup()
    trainer.fit(Forecaster(MLP(4), partial(SGD, lr=1e-3), plan), datamodule=data)
    return seen.seen, trainer


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("factory", [ONE_CYCLE, partial(CyclicLR, base_lr=1e-4, max_lr=1e-2)])
def test_every_optimizer_step_is_a_step_of_the_schedule(factory: Any, own: bool) -> None:
    plan = SchedulePlan(factory, "step", length=10)
    expected = rates(plan.make(optimizer(1e-3)), 10)
    assert fitted(plan, own)[0] == expected


@pytest.mark.parametrize("own", [True, False])
def test_accumulated_batches_are_one_step(own: bool) -> None:
    plan = SchedulePlan(partial(StepLR, step_size=1, gamma=0.5), "step")
    found, trainer = fitted(plan, own, accumulate_grad_batches=2)
    assert found == [1e-3 / 2**k for k in (0, 0, 1, 1, 2, 3, 3, 4, 4, 5)]
    assert trainer.global_step == 6
    assert trainer.callback_metrics["train/lr"].item() == pytest.approx(1e-3 / 2**5)


def test_without_a_schedule_there_is_no_curve_of_it() -> None:
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, max_epochs=1)
    data = SineData(length=100, num_train=50, batch_size=8)
    trainer.fit(Forecaster(MLP(4), partial(Adam, lr=1e-3)), datamodule=data)
    assert "train/lr" not in trainer.callback_metrics


def test_plateau_takes_each_measurement_once() -> None:
    plan = SchedulePlan(partial(ReduceLROnPlateau, patience=0, threshold=1e9, mode="max"))
    # Never better than the first: each further one reduces the rate.
    often = {"val_check_interval": 2, "num_sanity_val_steps": 2, "limit_train_batches": 4}
    found, _ = fitted(plan, **often)
    assert found == pytest.approx([1e-3, 1e-3, 1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5])
    found, _ = fitted(plan, max_epochs=5, check_val_every_n_epoch=2, limit_train_batches=1)
    assert found == pytest.approx([1e-3, 1e-3, 1e-3, 1e-3, 1e-4])
    by_training = SchedulePlan(plan.factory, monitor="train/loss")
    found, trainer = fitted(by_training, max_epochs=4, limit_train_batches=1)
    assert found == pytest.approx([1e-3, 1e-3, 1e-4, 1e-5])
    assert trainer.callback_metrics["train/lr"].item() == pytest.approx(1e-5)


def table(run: RunFolder) -> list[dict[str, str]]:
    rows = list(csv.DictReader(whole_lines(run.metrics)))
    return [{k: v for k, v in row.items() if not k.endswith("_per_second")} for row in rows]


@pytest.mark.parametrize(
    "words",
    [
        ["scheduler=one_cycle", "trainer.accumulate_grad_batches=2", "scheduler.pct_start=0.5"],
        ["scheduler=warmup_cosine", "scheduler.warmup_steps=3", "optimizer=adam"],
        ["scheduler=plateau", "scheduler.patience=0", "scheduler.threshold=0.9"],
        ["scheduler=cosine", "scheduler.interval=step", "trainer.max_steps=7"],
    ],
    ids=lambda words: words[0],
)
def test_run_resumed_within_an_epoch_ends_like_an_undisturbed_one(
    train: Train, words: list[str]
) -> None:
    from seqlab.callbacks.checkpoints import Checkpoints

    class Stop(Exception): ...

    words = [*SMALL_LM, *words, "trainer.limit_train_batches=5", "logger=csv"]
    words += ["trainer.checkpoint_every_n_steps=1", "callbacks.samples.every_n_epochs=9"]
    assert train(*words, "hydra.run.dir=whole").code == 0
    plain, saved = Checkpoints.save, []

    def stopping(self: Any, trainer: Trainer) -> None:
        plain(self, trainer)
        saved.append(trainer.global_step)
        if trainer.global_step == 4:
            raise Stop

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Checkpoints, "save", stopping)
        assert train(*words, "hydra.run.dir=run").code == 1
    assert saved[-1] == 4
    assert train("resume=run").code == 0
    run, whole = RunFolder("run"), RunFolder("whole")
    assert table(run) == table(whole)
    found, expected = (read_checkpoint(each.last) for each in (run, whole))
    assert found["lr_schedulers"] == expected["lr_schedulers"]
    for name, tensor in expected["state_dict"].items():
        assert torch.equal(found["state_dict"][name], tensor), name


def test_skipped_step_is_none_of_the_schedule(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, batches = Forecaster.step, []

    def broken(self: Forecaster, batch: Any, stage: str) -> Any:
        loss = plain(self, batch, stage)
        batches.append(stage)
        return loss * math.nan if len(batches) == 2 else loss

    monkeypatch.setattr(Forecaster, "step", broken)
    words = ["scheduler=step", "scheduler.interval=step", "scheduler.step_size=1"]
    words += ["trainer.limit_train_batches=4", "trainer.max_epochs=1", "on_nonfinite=skip"]
    assert train(*words, "optimizer.lr=0.8", "hydra.run.dir=run").code == 0
    # The rates of the four steps were 0.8, 0.4 (skipped), 0.4 and 0.2.
    assert RunFolder("run").read_metrics()["train/lr"] == [(1, pytest.approx(0.2))]


def test_rate_is_a_curve_within_an_epoch(train: Train) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    words = ["scheduler=warmup_cosine", "scheduler.warmup_steps=10", "optimizer.lr=1e-3"]
    words += ["trainer.limit_train_batches=12", "trainer.log_every_n_steps=5"]
    assert train(*words, "trainer.max_epochs=2", "hydra.run.dir=run").code == 0
    events = EventAccumulator(str(RunFolder("run").tensorboard))
    events.Reload()
    found = {event.step: event.value for event in events.Scalars("various_series/lr_by_step")}
    assert list(found) == [4, 9, 14, 19]
    assert [found[4], found[9]] == pytest.approx([5e-4, 1e-3])
    assert [event.step for event in events.Scalars("various_series/lr")] == [1, 2]
    assert len(RunFolder("run").read_metrics()["train/lr"]) == 2


def test_schedule_whose_warm_up_is_the_whole_run_is_refused_before_the_start(train: Train) -> None:
    outcome = train("scheduler=warmup_cosine", "trainer=debug", "hydra.run.dir=run")
    assert outcome.code == 2
    assert "scheduler.warmup_steps=100: the whole schedule has 3 steps" in outcome.err
    assert not Path("run", "result.json").exists()
