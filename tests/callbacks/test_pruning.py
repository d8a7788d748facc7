"""A run that a search ends: which epochs are reported, and what is left behind."""

import shutil
from pathlib import Path

import pytest

from conftest import trained
from expect import Command
from same_runs import table
from seqlab.callbacks.pruning import Pruning
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.runs.folder.saved_config import load_config
from seqlab.runs.resumption import find_resume_point
from seqlab.runs.run import run as run_folder

SMALL = ["logger=csv", "~callbacks.forecasts", "~callbacks.curves"]


class Reports:
    """Takes note of what is reported, and ends the run at one epoch."""

    def __init__(self, end_at: int = 0) -> None:
        self.values: dict[int, float] = {}
        self.end_at = end_at

    def __call__(self, epoch: int, value: float) -> bool:
        """Return whether the run is to end."""
        assert epoch not in self.values
        self.values[epoch] = value
        return epoch == self.end_at


@pytest.fixture(scope="module")
def one_epoch(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of one epoch; tests do not change it."""
    return trained(tmp_path_factory.mktemp("one"), *SMALL, "trainer.max_epochs=1")


@pytest.fixture
def begun(one_epoch: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run of one epoch, to go on with."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(one_epoch.path, "run")
    return RunFolder("run")


def gone_on(folder: RunFolder, words: list[str], *callbacks: Pruning) -> int:
    config = load_config(folder.path, words)
    return run_folder(config, folder.path, words, callbacks=callbacks, resumed=True)


def test_a_pruned_run_is_saved_and_says_so(begun: RunFolder, train: Command) -> None:
    reports = Reports(end_at=3)
    code = gone_on(begun, ["trainer.max_epochs=5"], Pruning(["nothing", "val/loss"], reports))
    assert code == 0
    losses = begun.read_metrics()["val/loss"]
    assert [epoch for epoch, _ in losses] == [1, 2, 3]
    assert reports.values == dict(losses[1:])
    result = begun.read_result()
    assert (result["status"], result["epochs"]) == ("interrupted", 3)
    assert result["error"]["type"] == "Pruned"
    assert result["error"]["message"] == (
        f"pruned after epoch 3: val/loss {losses[-1][1]:.4g} is not promising"
    )
    assert "python -m train resume=run" in result["error"]["hint"]
    assert result["metrics"]["val/loss"] == losses[-1][1]
    point = find_resume_point(begun)
    assert point is not None
    assert point.epochs == 3

    assert train("resume=run").code == 0  # it can be gone on with, exactly
    pruned = table(begun)
    assert train(*SMALL, "trainer.max_epochs=5", "hydra.run.dir=whole").code == 0
    assert pruned == table(RunFolder("whole"))


def test_the_last_epoch_is_never_cut_off(begun: RunFolder) -> None:
    reports = Reports(end_at=2)
    assert gone_on(begun, ["trainer.max_epochs=2"], Pruning(["val/loss"], reports)) == 0
    assert list(reports.values) == [2]
    assert begun.read_result()["status"] == "completed"


def test_only_fresh_values_are_reported(begun: RunFolder) -> None:
    words = ["trainer.max_epochs=5", "trainer.check_val_every_n_epoch=2"]
    reports = Reports()
    assert gone_on(begun, words, Pruning(["val/loss"], reports)) == 0
    assert list(reports.values) == [2, 4]


def test_metrics_of_training_are_those_of_the_epoch(begun: RunFolder) -> None:
    reports = Reports()
    assert gone_on(begun, ["trainer.max_epochs=3"], Pruning(["train/loss"], reports)) == 0
    assert reports.values == dict(begun.read_metrics()["train/loss"][1:])


def test_a_metric_that_is_not_there_ends_the_run(
    begun: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gone_on(begun, ["trainer.max_epochs=2"], Pruning(["val/los"], Reports())) == 1
    assert "error: a search by val/los: there is no such metric" in capsys.readouterr().err


def test_a_run_without_checkpoints_is_pruned_too(train: Command) -> None:
    words = ["callbacks=none", "logger=csv", "trainer.max_epochs=1", "hydra.run.dir=bare"]
    assert train(*words).code == 0
    bare = RunFolder("bare")
    bare.result.unlink()  # as if it had been killed
    reports = Reports(end_at=2)
    assert gone_on(bare, ["trainer.max_epochs=4"], Pruning(["val/loss"], reports)) == 0
    assert list(reports.values) == [1, 2]
    assert bare.read_result()["error"]["type"] == "Pruned"
