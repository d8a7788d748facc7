"""Callbacks chosen by name: early stopping, averaged weights, and what is said of them."""

import csv
import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn

from conftest import SMALL_LM, Outcome
from seqlab.callbacks.checkpoints import Checkpoints
from seqlab.callbacks.weight_averaging import WeightAveraging
from seqlab.runs.folder.checkpoint import read_checkpoint
from seqlab.runs.folder.run_folder import RunFolder, whole_lines

Command = Callable[..., Outcome]

SMALL = ["data.length=100", "data.num_train=50", "callbacks.forecasts.horizons=[1]"]
AVERAGED = ["callbacks=[default,weight_averaging]", "callbacks.weight_averaging.decay=0.5"]
EARLY = ["callbacks=[default,early_stopping]", "callbacks.early_stopping.min_delta=9"]


def ran(command: Command, *words: str) -> Outcome:
    outcome = command(*words)
    assert outcome.code == 0, outcome.err
    return outcome


@pytest.mark.parametrize("monitor", ["null", "train/loss"])
def test_run_that_stopped_early_says_so_everywhere(train: Command, monitor: str) -> None:
    words = ["callbacks.early_stopping.patience=2", f"callbacks.early_stopping.monitor={monitor}"]
    words += ["trainer.check_val_every_n_epoch=3"] if monitor == "train/loss" else []
    outcome = ran(train, *SMALL, *EARLY, *words, "trainer.max_epochs=9", "hydra.run.dir=run")
    run = RunFolder("run")
    result = run.read_result()
    reason = result["stopped_early"]
    name = "val/loss" if monitor == "null" else monitor
    assert reason.startswith(f"{name} did not improve in 2 measurements, and was 0.")
    assert result["epochs"] == 3
    text = f"stopped early after epoch 3: {reason}; the best epoch was {result['best_epoch']}"
    assert text in run.log.read_text()
    assert f"\n  stopped early  {reason}\n" in outcome.out
    assert f"\n  best epoch     {result['best_epoch']}\n" in outcome.out
    assert "stopped early" not in outcome.err, "it is said twice"


def test_run_that_ends_with_its_last_epoch_did_not_stop_early(train: Command) -> None:
    words = ["callbacks.early_stopping.patience=2", "trainer.max_epochs=3", "hydra.run.dir=run"]
    ran(train, *SMALL, *EARLY, *words)
    assert "stopped_early" not in RunFolder("run").read_result()


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        (
            "callbacks=early_stopping",
            ["checkpoints, progress and figures", "callbacks=[default,early_stopping]"],
        ),
        ("+callbacks=early_stopping", ["has an option already", "[default,early_stopping]"]),
        ("callbacks=[default,early_stoping]", ["Did you mean callbacks=early_stopping"]),
        (
            "callbacks=[default,early_stopping] callbacks.early_stopping.patiense=3",
            ["Did you mean 'callbacks.early_stopping.patience'"],
        ),
        (
            "callbacks=[default,early_stopping] callbacks.early_stopping.patience=0",
            ["must be a whole number of at least 1"],
        ),
        (
            "callbacks=[default,early_stopping] callbacks.early_stopping.monitor=val/los",
            ["callbacks.early_stopping.monitor=val/los", "Did you mean val/loss?"],
        ),
        (
            "callbacks=[default,weight_averaging] callbacks.weight_averaging.decay=1",
            ["must be a number above 0 and below 1"],
        ),
    ],
)
def test_wrong_choice_is_refused(
    refuses: Callable[..., None], words: str, texts: list[str]
) -> None:
    refuses(words, *texts)


class Still(LightningModule):
    """A network of one weight, which moves when it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Linear(1, 1, bias=False)
        self.skipped_last = False

    def set(self, value: float) -> None:
        self.network.weight.data.fill_(value)

    @property
    def value(self) -> float:
        return self.network.weight.item()


class Steps:
    """Of the Trainer what the callback looks at."""

    global_step = 0
    current_epoch = 0
    max_epochs = 9


def moved(callback: WeightAveraging, values: list[float], **options: Any) -> tuple[Still, Steps]:
    module, trainer = Still(), Steps()
    for value in values:
        module.set(value)
        trainer.global_step += 1
        callback.on_train_batch_end(trainer, module, None, None, 0)  # type: ignore[arg-type]
    return module, trainer


def averaged(callback: WeightAveraging, module: Still) -> float:
    trainer: Any = None
    callback.on_validation_start(trainer, module)
    value = module.value
    callback.on_validation_end(trainer, module)
    return value


@pytest.mark.parametrize(
    ("decay", "expected"),
    [
        # d is 2/11, then 3/12, then 4/13.
        (0.999, (1 * 2 / 11 + 2 * 9 / 11) * 3 / 12 + 4 * 9 / 12),
        (0.2, (1 * 2 / 11 + 2 * 9 / 11) * 0.2 + 4 * 0.8),
        (None, 7 / 3),
    ],
)
def test_average_is_validated_and_the_training_goes_on_with_its_own(
    decay: float | None, expected: float
) -> None:
    callback = WeightAveraging(decay)
    module, _ = moved(callback, [1.0, 2.0, 4.0])
    assert averaged(callback, module) == pytest.approx(expected)
    assert module.value == 4.0


def test_accumulated_batch_and_skipped_step_are_not_averaged() -> None:
    callback = WeightAveraging(None)
    module, trainer = moved(callback, [1.0, 3.0])
    callback.on_train_batch_end(trainer, module, None, None, 0)  # type: ignore[arg-type]
    module.skipped_last = True
    trainer.global_step += 1
    callback.on_train_batch_end(trainer, module, None, None, 0)  # type: ignore[arg-type]
    assert averaged(callback, module) == 2.0


def test_before_its_first_epoch_there_is_no_average() -> None:
    callback = WeightAveraging(None, start_epoch=1)
    module, trainer = moved(callback, [1.0, 3.0])
    assert averaged(callback, module) == 3.0
    trainer.current_epoch, trainer.global_step = 1, 3
    module.set(5.0)
    callback.on_train_batch_end(trainer, module, None, None, 0)  # type: ignore[arg-type]
    module.set(6.0)
    assert averaged(callback, module) == 5.0


def test_shared_weight_is_averaged_under_all_its_names() -> None:
    class Shared(Still):
        def __init__(self) -> None:
            super().__init__()
            self.network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
            self.network[1].weight = self.network[0].weight  # type: ignore[operator]

    callback, module, trainer = WeightAveraging(None), Shared(), Steps()
    for value in (1.0, 3.0):
        module.network[0].weight.data.fill_(value)  # type: ignore[operator]
        trainer.global_step += 1
        callback.on_train_batch_end(trainer, module, None, None, 0)  # type: ignore[arg-type]
    checkpoint: dict[str, Any] = {"state_dict": module.state_dict()}
    callback.on_save_checkpoint(trainer, module, checkpoint)  # type: ignore[arg-type]
    assert [each.item() for each in checkpoint["state_dict"].values()] == [2.0, 2.0]
    callback.on_validation_start(trainer, module)  # type: ignore[arg-type]
    callback.on_validation_end(trainer, module)  # type: ignore[arg-type]
    assert module.network[1].weight.item() == 3.0  # type: ignore[operator]


def test_best_checkpoint_has_the_average_that_was_validated(
    train: Command, seqlab: Command
) -> None:
    ran(train, *SMALL, *AVERAGED, "trainer.max_epochs=3", "hydra.run.dir=run")
    run = RunFolder("run")
    values = dict(run.read_metrics()["val/loss"])
    content = read_checkpoint(run.best)
    trained = content["averaging"]["trained"]
    assert not torch.equal(
        trained["layers.0.weight"], content["state_dict"]["network.layers.0.weight"]
    )
    found = json.loads(ran(seqlab, "evaluate", "run", "--json").out)["metrics"]
    assert found["val/loss"] == pytest.approx(values[run.read_result()["best_epoch"]], rel=1e-6)


def test_averaging_run_goes_on_exactly(train: Command) -> None:
    class Stop(Exception): ...

    plain = Checkpoints.save

    def stopping(self: Any, trainer: Trainer) -> None:
        plain(self, trainer)
        if trainer.global_step in (3, 7):
            raise Stop

    words = [*SMALL_LM, *AVERAGED, "trainer.limit_train_batches=4", "logger=csv"]
    words += ["trainer.checkpoint_every_n_steps=1", "data.test_fraction=0.1"]
    ran(train, *words, "hydra.run.dir=whole")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Checkpoints, "save", stopping)
        assert train(*words, "hydra.run.dir=run").code == 1
        assert train("resume=run").code == 1
    ran(train, "resume=run")
    run, whole = RunFolder("run"), RunFolder("whole")
    for name in ("last", "best"):
        found, expected = (read_checkpoint(getattr(each, name)) for each in (run, whole))
        for key in ("state_dict", "averaging"):
            tensors = [
                each[key] if key == "state_dict" else each[key]["trained"]
                for each in (found, expected)
            ]
            assert all(torch.equal(tensors[0][k], v) for k, v in tensors[1].items())
    assert whole_lines(run.samples) == whole_lines(whole.samples)
    tables = [
        [{k: v for k, v in row.items() if "per_second" not in k} for row in csv.DictReader(lines)]
        for lines in (whole_lines(run.metrics), whole_lines(whole.metrics))
    ]
    assert tables[0] == tables[1]
    metrics = [each.read_result()["metrics"]["test/loss"] for each in (run, whole)]
    assert metrics[0] == metrics[1]
    # Killed when nothing was left but the end: the average is what is tested.
    run.write_result(run.read_result() | {"status": "running", "metrics": {}})
    ran(train, "resume=run")
    assert run.read_result()["metrics"]["test/loss"] == metrics[1]
