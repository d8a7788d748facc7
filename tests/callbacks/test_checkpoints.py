"""best.ckpt is of the monitored metric alone, however rarely that is known."""

import csv
import json
from typing import Any

import pytest
import torch

from expect import Command, refused, succeeded
from seqlab.callbacks.checkpoints import Checkpoints
from seqlab.models.forecaster import Forecaster
from seqlab.runs.folder.checkpoint import read_checkpoint, write_checkpoint
from seqlab.runs.folder.run_folder import RunFolder, whole_lines


def test_default_monitor_never_compares_validation_with_training(
    train: Command,
) -> None:
    # The noise is held out only: validation is always far worse than training.
    words = ["trainer.max_epochs=6", "trainer.check_val_every_n_epoch=3", "logger=csv"]
    few = ["data.num_train=40", "data.batch_size=8", "data.seed=1", "optimizer.lr=0.05"]
    assert train(*words, *few, "hydra.run.dir=run").code == 0
    run = RunFolder("run")
    table = run.read_metrics()
    validated = dict(table["val/loss"])
    assert set(validated) == {3, 6}
    assert min(validated.values()) > min(value for _, value in table["train/loss"][:2])
    assert run.read_result()["best_epoch"] == min(validated, key=validated.__getitem__)


def test_steps_that_end_a_run_within_an_epoch_complete_it(train: Command) -> None:
    words = ["trainer.max_steps=50", "trainer.min_epochs=4", "trainer.max_epochs=5"]
    assert train(*words, "hydra.run.dir=run").code == 0
    run = RunFolder("run")
    result = run.read_result()
    assert (result["steps"], result["epochs"]) == (50, 2)
    assert [epoch for epoch, _ in run.read_metrics()["train/loss"]] == [1, 2]
    outcome = train("resume=run")
    assert "run is complete after 2 epochs" in outcome.out
    assert train("resume=run", "trainer.max_steps=90").code == 0
    assert run.read_result()["steps"] == 90


def test_run_that_stopped_early_is_complete(train: Command) -> None:
    early = "+callbacks.early={_target_: lightning.pytorch.callbacks.EarlyStopping, patience: 1, "
    words = [early + "monitor: val/loss, min_delta: 9}", "trainer.max_epochs=9"]
    assert train(*words, "hydra.run.dir=run").code == 0
    assert RunFolder("run").read_result()["epochs"] == 2
    assert "run is complete after 2 epochs" in train("resume=run").out


def test_double_precision_goes_on_exactly(train: Command) -> None:
    words = ["trainer.precision=64-true", "callbacks.forecasts.horizons=[1]"]
    assert train(*words, "trainer.max_epochs=4", "hydra.run.dir=whole").code == 0
    assert train(*words, "trainer.max_epochs=2", "hydra.run.dir=run").code == 0
    assert train("resume=run", "trainer.max_epochs=4").code == 0
    found, expected = (
        read_checkpoint(RunFolder(name).last)["state_dict"] for name in ("run", "whole")
    )
    assert found["network.layers.0.weight"].dtype == torch.float64
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_resume_with_fewer_epochs_than_were_done_is_refused(train: Command) -> None:
    assert train("trainer.max_epochs=3", "hydra.run.dir=run").code == 0
    run = RunFolder("run")
    run.write_result(run.read_result() | {"status": "interrupted"})
    outcome = train("resume=run", "trainer.max_epochs=2")
    refused(outcome, "trainer.max_epochs=2: the run has done 3 epochs already", "max_epochs=3")
    assert run.read_result()["status"] == "interrupted"


def test_horizons_that_never_fit_are_left_out(train: Command) -> None:
    words = ["callbacks.forecasts.horizons=[2000]", "trainer.max_epochs=1", "hydra.run.dir=run"]
    succeeded(train(*words))
    names = RunFolder("run").read_result()["metrics"]
    assert "val/rmse_multistep" in names
    assert not [name for name in names if "@" in name]


def test_tables_have_what_a_module_logs_itself_before_the_checkpoint_says_so(
    train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run killed right after a save would go on with the next epoch and never write it."""
    plain = Forecaster.training_step

    def logging(self: Forecaster, *arguments: Any) -> Any:
        self.log("train/own", 2.0, on_step=False, on_epoch=True)
        return plain(self, *arguments)

    monkeypatch.setattr(Forecaster, "training_step", logging)
    assert train("trainer.max_epochs=2", "logger=csv", "hydra.run.dir=run").code == 0
    run = RunFolder("run")
    (table,) = read_checkpoint(run.last)["loggers"].values()
    assert [row["train/own"] for row in table["rows"]] == ["2.0", "2.0"]
    assert run.read_metrics()["train/own"] == [(1, 2.0), (2, 2.0)]


WITHIN = ["trainer.val_check_interval=3", "trainer.max_epochs=2", "trainer.limit_train_batches=8"]
WITHIN += ["data.num_train=120", "data.batch_size=8", "logger=csv", "hydra.run.dir=run"]


@pytest.mark.parametrize("accumulated", [1, 2])
@pytest.mark.parametrize("seed", [0, 1])
def test_lowest_value_of_a_validation_within_an_epoch_is_kept(
    train: Command, seqlab: Command, accumulated: int, seed: int
) -> None:
    # So high a rate that the loss goes up and down.
    words = [f"trainer.accumulate_grad_batches={accumulated}", "optimizer.lr=0.3", f"seed={seed}"]
    assert train(*WITHIN, *words).code == 0
    run = RunFolder("run")
    rows = list(csv.DictReader(whole_lines(run.metrics)))
    assert [row["epoch"] for row in rows] == ["1", "1", "1", "2", "2", "2"]
    batches = [3, 6, 8] if accumulated == 1 else [1, 3, 4]
    in_all = batches[-1]
    assert [int(row["step"]) for row in rows] == [*batches, *(in_all + step for step in batches)]
    assert [bool(row["train/loss"]) for row in rows] == [False, False, True] * 2
    validated = [row for row in rows if row["val/loss"]]
    assert len(validated) == 4
    lowest = min(validated, key=lambda row: float(row["val/loss"]))
    best = read_checkpoint(run.best)
    assert best["global_step"] == int(lowest["step"])
    assert run.read_result()["best_epoch"] == int(lowest["epoch"])
    done = seqlab("evaluate", "run", "--json")
    assert json.loads(done.out)["metrics"]["val/loss"] == pytest.approx(float(lowest["val/loss"]))


def test_run_goes_on_exactly_from_the_best_validation_within_an_epoch(
    train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stop(Exception): ...

    plain = Checkpoints.save

    def stopping(self: Checkpoints, trainer: Any) -> None:
        plain(self, trainer)
        if trainer.global_step == 6:
            raise Stop

    assert train(*WITHIN[:-1], "hydra.run.dir=whole", "scheduler=one_cycle").code == 0
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "save", stopping)
        assert train(*WITHIN, "scheduler=one_cycle").code == 1
    assert read_checkpoint(RunFolder("run").last)["callbacks"]["Checkpoints"]["is_best"]
    assert train("resume=run").code == 0
    run, whole = RunFolder("run"), RunFolder("whole")
    tables = [
        [{k: v for k, v in row.items() if "per_second" not in k} for row in csv.DictReader(lines)]
        for lines in (whole_lines(run.metrics), whole_lines(whole.metrics))
    ]
    assert tables[0] == tables[1]
    for name in ("last", "best"):
        found, wanted = (read_checkpoint(getattr(each, name)) for each in (run, whole))
        assert all(torch.equal(found["state_dict"][k], v) for k, v in wanted["state_dict"].items())


def test_best_weights_amid_accumulated_gradients_are_none_to_go_on_from(
    train: Command,
) -> None:
    words = ["trainer.accumulate_grad_batches=2", "trainer.max_epochs=1"]
    assert train(*WITHIN, *words, "trainer.limit_train_batches=4", "optimizer.lr=1e-9").code == 0
    run = RunFolder("run")
    content = read_checkpoint(run.last) | {"resumable": False}
    write_checkpoint(content, run.best)
    for file in (run.last, run.previous):
        file.unlink(missing_ok=True)
    run.write_result(run.read_result() | {"status": "interrupted"})
    outcome = train("resume=run")
    assert outcome.code == 0
    assert "it begins again" in outcome.err
