"""`seqlab train` is `python -m train`, also where the working folder has a train.py of its own."""

from pathlib import Path

import pytest

from conftest import QUICK, forked
from expect import Command, refused, succeeded
from seqlab.runs.folder.run_folder import RunFolder

OWN = "raise SystemExit('a file of the working folder was run')\n"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with modules whose names seqlab and its processes import."""
    for module in ("train", "random"):
        (tmp_path / f"{module}.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_verb_trains(seqlab: Command, desk: Path) -> None:
    outcome = succeeded(seqlab("train", *QUICK, "hydra.run.dir=run"))
    assert RunFolder(desk / "run").read_result()["status"] == "completed"
    assert "sine_mlp: 1 epoch in" in outcome.out


def test_verb_is_the_same_run(seqlab: Command, train: Command, tmp_path: Path) -> None:
    succeeded(seqlab("train", *QUICK, "hydra.run.dir=a"))
    succeeded(train(*QUICK, "hydra.run.dir=b"))
    one, other = (RunFolder(tmp_path / name) for name in "ab")
    assert one.config.read_text() == other.config.read_text()
    assert one.read_result()["metrics"]["val/loss"] == other.read_result()["metrics"]["val/loss"]


def test_verb_refuses_like_train_and_names_commands_that_work(seqlab: Command, desk: Path) -> None:
    refused(seqlab("train", "data.tua=3"), "Did you mean 'data.tau'")
    refused(seqlab("train", "--resolve"), "Type: python -m seqlab train --cfg job --resolve")
    succeeded(seqlab("train", *QUICK, "hydra.run.dir=run"))
    (desk / "run" / "profile.csv").unlink(missing_ok=True)
    refused(seqlab("profile", "run"), ": python -m seqlab train trainer.profiler=phases")


def test_sweep_goes_on_under_either_name(seqlab: Command, train: Command, desk: Path) -> None:
    words = ("-m", "seed=1,2", *QUICK, "name=twice")
    first = succeeded(seqlab("train", *words))
    assert "twice: 2 jobs: 2 completed" in first.out
    assert "  python -m seqlab train -m trainer.max_epochs=1" in first.out
    again = succeeded(train(*words))
    assert "twice: 2 jobs: 2 completed, 2 of them before" in again.out


def test_help_of_the_verb_is_that_of_train(seqlab: Command, train: Command) -> None:
    expected = train("--help").out.replace("python -m train", "python -m seqlab train")
    assert "".join(seqlab("train", "--help").out.split()) == "".join(expected.split())


def test_process_of_its_own_ends_with_the_exit_code(desk: Path) -> None:
    assert forked("-m", "seqlab", "train", "data.tua=3", cwd=desk).returncode == 2
