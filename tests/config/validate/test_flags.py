"""Every flag of the Trainer that is accepted has its effect; others are refused with the reason."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer

from conftest import SMALL_LM, Outcome
from expect import refusals, refused
from seqlab.config.validate.flags import check_flags
from seqlab.data.sine import SineData
from seqlab.runs.experiment import build_experiment
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.runs.length import run_length
from seqlab.runs.run import run as run_it

Train = Callable[..., Outcome]

SMALL = ["data.length=100", "data.num_train=50", "callbacks.forecasts.horizons=[1]", "logger=csv"]


@refusals(
    ("trainer.use_distributed_sampler=true", "each device takes its part of every batch"),
    ("trainer.enable_autolog_hparams=true", "seqlab's loggers write the configuration"),
    ("trainer.limit_predict_batches=3", "a run trains, validates and tests", "seqlab forecast"),
    ("trainer.reload_dataloaders_every_n_epochs=1", "the same in every epoch"),
    ("trainer.gradient_clip_algorithm=value", "nothing is clipped", "gradient_clip_val=0.5"),
    ("trainer.sync_batchnorm=true", "one device", "trainer=ddp"),
    (
        "trainer.checkpoint_every_n_steps=3 callbacks=none",
        "trainer.checkpoint_every_n_steps=3 in 'trainer.checkpoint_every_n_steps=3' on the command "
        "line would do nothing: the run writes no checkpoints",
        "callbacks=default",
    ),
    (
        "trainer.checkpoint_every_n_seconds=3 trainer.enable_checkpointing=false",
        "the run writes no checkpoints",
    ),
    ("trainer.enable_progress_bar=true callbacks=none", "callbacks.progress draws the bar"),
    (
        "trainer.overfit_batches=2 trainer.limit_train_batches=3",
        "trainer.limit_train_batches=3 in",
        "Leave one of them out",
    ),
    (
        "trainer.overfit_batches=0.001",
        "trainer.overfit_batches=0.001 comes to less than one of the 38 batches to train",
        "at least 0.027, or a whole number of batches: trainer.overfit_batches=1",
    ),
    ("trainer.limit_train_batches=0.02", "trainer.limit_train_batches=0.02 comes to less than one"),
    (
        "trainer.limit_val_batches=0.01",
        "trainer.limit_val_batches=0.01 comes to less than one of the 25 batches to validate",
    ),
    ("trainer.val_check_interval=39", "an epoch has 38 batches", "Use 38 or less"),
)
def test_flag_without_effect_is_refused(
    train: Train, asked: str, message: str, remedy: str
) -> None:
    refused(train(*asked.split(), "hydra.run.dir=run"), message, remedy)
    assert not Path("run", "result.json").exists()


def test_flag_without_effect_is_refused_on_resume_too_but_one_of_old_is_not(train: Train) -> None:
    assert train(*SMALL, "trainer.max_epochs=1", "hydra.run.dir=run").code == 0
    text = "trainer.limit_predict_batches=3 in 'trainer.limit_predict_batches=3' on the command"
    refused(train("resume=run", "trainer.limit_predict_batches=3"), text)
    config = Path("run/config.yaml")
    old = config.read_text().replace("limit_predict_batches: null", "limit_predict_batches: 3")
    config.write_text(old)
    assert train("resume=run", "trainer.max_epochs=2").code == 0


def test_own_data_can_be_loaded_anew() -> None:
    flags = {"reload_dataloaders_every_n_epochs": 1, "enable_checkpointing": True}
    check_flags({"trainer": flags, "data": {"_target_": "mine.Data"}}, str)


@pytest.mark.parametrize("name", ["simple", "advanced"])
def test_profiler_writes_into_the_run_folder_and_says_where(train: Train, name: str) -> None:
    words = [f"trainer.profiler={name}", "trainer.max_epochs=1", "hydra.run.dir=run"]
    outcome = train(*SMALL, *words)
    assert outcome.code == 0, outcome.err
    (file,) = RunFolder("run").lightning_profiles()
    assert "training_step" in file.read_text()
    assert f"where the time went: run/{file.name}\n" in outcome.out


def test_model_summary_is_shown(train: Train) -> None:
    words = ["trainer.enable_model_summary=true", "trainer.max_epochs=1", "hydra.run.dir=run"]
    outcome = train(*SMALL, *words)
    assert "network.layers.0" in outcome.err
    assert "network.layers.0" in RunFolder("run").log.read_text()


def test_overfitting_takes_the_same_batches_in_every_epoch() -> None:
    orders: dict[int, list[list[float]]] = {}
    for overfit in (0, 2):
        data = SineData(length=100, num_train=50, batch_size=8)
        data.setup()
        flags: dict[str, Any] = {"overfit_batches": overfit, "max_epochs": 2}
        data.trainer = Trainer(accelerator="cpu", logger=False, **flags)
        loader = data.train_dataloader()
        orders[overfit] = [[batch.targets[0].item() for batch in loader] for _ in range(2)]
    assert orders[2][0] == orders[2][1] == orders[0][0]
    assert orders[0][0] != orders[0][1]


@pytest.mark.parametrize(
    ("more", "steps", "epochs"),
    [
        ({}, 21, 3),
        ({"accumulate_grad_batches": 2}, 12, 3),
        ({"limit_train_batches": 5}, 15, 3),
        ({"limit_train_batches": 0.5}, 9, 3),
        ({"overfit_batches": 2}, 6, 3),
        ({"max_steps": 8}, 8, 2),
        ({"max_steps": 50}, 21, 3),
        ({"fast_dev_run": 2}, 2, 1),
        ({"fast_dev_run": True}, 1, 1),
    ],
    ids=str,
)
def test_length_of_a_run(more: dict[str, Any], steps: int, epochs: int) -> None:
    data = SineData(length=100, num_train=50, batch_size=8)
    data.setup()
    flags = {"max_epochs": 3, "max_steps": -1, "overfit_batches": 0.0, "limit_train_batches": None}
    flags |= {"accumulate_grad_batches": 1, "fast_dev_run": False}
    config = {"trainer": flags | more}
    assert run_length(config, data, "step") == steps
    assert run_length(config, data, "epoch") == epochs


def test_length_of_data_that_do_not_tell_theirs_is_unknown() -> None:
    class Endless:
        def train_dataloader(self) -> Any:
            return iter([])

    flags = {"max_epochs": 3, "max_steps": 9, "overfit_batches": 0.0, "limit_train_batches": None}
    assert run_length({"trainer": flags | {"fast_dev_run": False}}, Endless(), "step") is None


class Seen(Callback):
    """Notes what the Trainer was told, and what came of it."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(("train", "val", "test", "sanity"), 0)
        self.modes: set[Any] = set()

    def on_train_batch_start(self, *_: Any) -> None:
        self.counts["train"] += 1
        self.modes |= {torch.is_anomaly_enabled(), torch.are_deterministic_algorithms_enabled()}

    def on_validation_batch_start(self, trainer: Trainer, *_: Any) -> None:
        self.counts["sanity" if trainer.sanity_checking else "val"] += 1

    def on_test_batch_start(self, *_: Any) -> None:
        self.counts["test"] += 1
        self.modes.add(f"inference {torch.is_inference_mode_enabled()}")


@pytest.mark.parametrize(
    ("words", "counts"),
    [
        ([], {"train": 36, "val": 36, "test": 18, "sanity": 0}),
        (["trainer.limit_val_batches=2"], {"val": 4}),
        (["trainer.limit_test_batches=3"], {"test": 3}),
        (["trainer.num_sanity_val_steps=4"], {"sanity": 4}),
        (["trainer.check_val_every_n_epoch=2"], {"val": 18}),
        (["trainer.val_check_interval=6"], {"val": 108}),
        (["trainer.min_epochs=3", "trainer.max_epochs=3"], {"train": 54}),
        (["trainer.max_time=00:00:00:00"], {"train": 0}),
        (["trainer.overfit_batches=3"], {"train": 6, "val": 6}),
    ],
    ids=str,
)
def test_limits_are_kept(
    train: Train, monkeypatch: pytest.MonkeyPatch, words: list[str], counts: dict[str, int]
) -> None:
    seen = watched(monkeypatch)
    outcome = train(*SMALL_LM, "data.test_fraction=0.1", *words, "logger=csv", "hydra.run.dir=run")
    assert outcome.code == 0, outcome.err
    assert {name: seen.counts[name] for name in counts} == counts


@pytest.mark.parametrize(
    ("words", "expected", "absent"),
    [
        (["trainer.detect_anomaly=true"], True, None),
        (["trainer.inference_mode=false"], "inference False", "inference True"),
        (["trainer.deterministic=true"], True, None),
        ([], "inference True", True),
    ],
    ids=str,
)
def test_modes_are_set(
    train: Train, monkeypatch: pytest.MonkeyPatch, words: list[str], expected: Any, absent: Any
) -> None:
    seen = watched(monkeypatch)
    try:
        train(*SMALL_LM, "data.test_fraction=0.1", *words, "logger=csv", "trainer.max_epochs=1")
    finally:
        torch.use_deterministic_algorithms(False)
    assert expected in seen.modes
    assert absent not in seen.modes


def watched(monkeypatch: pytest.MonkeyPatch) -> Seen:
    seen = Seen()

    def building(*arguments: Any, **named: Any) -> Any:
        experiment = build_experiment(*arguments, **named)
        experiment.trainer.callbacks.insert(0, seen)  # type: ignore[attr-defined]
        return experiment

    monkeypatch.setattr(f"{run_it.__module__}.build_experiment", building)
    return seen
