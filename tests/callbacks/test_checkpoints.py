"""best.ckpt is of the monitored metric alone, however rarely that is known."""

from typing import Any

import pytest
import torch

from expect import Command, refused, succeeded
from seqlab.models.forecaster import Forecaster
from seqlab.runs.folder.checkpoint import read_checkpoint
from seqlab.runs.folder.run_folder import RunFolder


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
