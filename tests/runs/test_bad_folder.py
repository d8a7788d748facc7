"""Wrong experiment files, run folders and checkpoints: refused, and nothing is touched."""

import json
import pathlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from expect import Command, Refuses, refusals, refused, tree, words_of
from seqlab.runs.folder.checkpoint import checksum_file
from seqlab.runs.folder.run_folder import RunFolder

Experiment = Callable[[str], list[str]]


@pytest.fixture
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """Write experiment/mine.yaml into a folder of its own; return the words that choose it."""

    def write(content: str) -> list[str]:
        folder = tmp_path_factory.mktemp("conf")
        (folder / "experiment").mkdir()
        (folder / "experiment" / "mine.yaml").write_text(content, encoding="utf-8")
        return [f"--config-dir={folder}", "experiment=mine"]

    return write


@pytest.fixture
def copy(language_run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A copy of a finished run, to be damaged."""
    folder = tmp_path_factory.mktemp("copy") / "run"
    shutil.copytree(language_run.path, folder)
    return RunFolder(folder)


@refusals(
    ("defaults:\n  - override /modle: lstm\n", "experiment/mine.yaml overrides 'modle'"),
    ("defaults:\n  - override model: lstm\n", "mine.yaml overrides", "override /model: l"),
    (
        "trainer:\n  max_epoch: 3\n",
        "unknown key 'trainer.max_epoch' in experiment/mine.yaml",
        "'trainer.max_epochs'",
    ),
    ("sede: 3\n", "unknown key 'sede' in experiment/mine.yaml", "'seed'"),
    ("optimizer:\n  lr: fast\n", "optimizer.lr=fast in experiment/mine.yaml", "=0.01"),
    ("data:\n  num_steps: 3\n", "'data.num_steps' in experiment/mine.yaml", "data=text"),
    ("model:\n  hidden_size: 0\n", "model.hidden_size=0 in experiment/mine.yaml", "=10"),
    ("optimizer: {lr: 1\n", "mine.yaml"),
    ("defaults:\n  - override /model: lstmm\n", "model=lstmm", "model=lstm?"),
)
def test_mistake_in_an_experiment_file_is_named_with_the_file(
    refuses: Refuses, experiment: Experiment, asked: str, message: str, remedy: str
) -> None:
    refuses(experiment("# @package _global_\n" + asked), message, remedy)


def test_experiment_file_without_its_package_line_is_told_what_it_lacks(
    refuses: Refuses, experiment: Experiment
) -> None:
    refuses(experiment("optimizer:\n  lr: 0.1\n"), "mine", "# @package _global_")


def test_seed_zero_is_a_seed(train: Command, tmp_path: Path, experiment: Experiment) -> None:
    short = ["trainer.max_epochs=1", "callbacks=none", "logger=csv"]
    mine = experiment("# @package _global_\nseed: 5\n")
    assert train("seed=0", *short, "hydra.run.dir=zero").code == 0
    assert train(*mine, "seed=0", *short, "hydra.run.dir=same").code == 0
    assert train(*mine, *short, "hydra.run.dir=five").code == 0
    zero, same, five = (RunFolder(tmp_path / n).read_result() for n in ("zero", "same", "five"))
    assert (zero["seed"], same["seed"], five["seed"]) == (0, 0, 5)
    assert zero["metrics"]["train/loss"] == same["metrics"]["train/loss"]
    assert zero["metrics"]["train/loss"] != five["metrics"]["train/loss"]


def test_run_folder_that_holds_something_is_not_touched(train: Command, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    before = tree(tmp_path)
    refused(
        train("hydra.run.dir=run"),
        "the run folder run exists already; nothing in it was touched",
        "Choose another hydra.run.dir, or go on with it: python -m train resume=run",
    )
    assert tree(tmp_path) == before


def test_run_folder_that_is_empty_may_be_used(train: Command, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert train("hydra.run.dir=run", "trainer.max_epochs=1", "callbacks=none").code == 0


@pytest.mark.parametrize("place", ["file", "file/run"])
def test_run_folder_where_a_file_lies_cannot_be_made(
    train: Command, tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_text("mine")
    before = tree(tmp_path)
    refused(train(f"hydra.run.dir={place}"), f"the run folder {place}", "hydra.run.dir")
    assert tree(tmp_path) == before


def test_refusal_removes_no_folder_that_was_there_before(train: Command, tmp_path: Path) -> None:
    (tmp_path / "mine" / "empty").mkdir(parents=True)
    before = tree(tmp_path)
    for folder in ("mine/run", "mine/empty/a/b", str(tmp_path / "mine" / "empty" / "run")):
        refused(train("data.num_train=9999", f"hydra.run.dir={folder}"), "data.num_train=9999")
        assert (tmp_path / "mine" / "empty").is_dir()
        assert tree(tmp_path) == before


def test_refusal_after_the_folder_was_claimed_gives_it_back(train: Command, tmp_path: Path) -> None:
    refused(train("data.num_train=9999", "hydra.run.dir=a/b/c"), "data.num_train=9999")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [("data.tua=1,2",), ("data.tau=0,4",)])
def test_sweep_whose_every_job_is_refused_leaves_nothing(
    train: Command, tmp_path: Path, words: tuple[str, ...]
) -> None:
    refused(train("-m", *words), words[0].partition("=")[0])
    assert list(tmp_path.iterdir()) == []


def test_resume_of_a_folder_that_is_not_there(train: Command, tmp_path: Path) -> None:
    refused(train("resume=no/where"), "there is no run folder no/where", "outputs/")
    assert list(tmp_path.iterdir()) == []


def test_resume_of_a_folder_that_is_no_run(train: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(train("resume=empty"), "empty is not a run folder: it has no config.yaml")
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize("content", ["{{{", "x: 3\n", "", "- 1\n", "\xe9"])
def test_resume_with_a_damaged_configuration(train: Command, copy: RunFolder, content: str) -> None:
    copy.config.write_text(content, encoding="latin-1")
    before = tree(copy.path)
    refused(train(f"resume={copy.path}"), "config.yaml")
    assert tree(copy.path) == before


def test_checkpoint_with_a_pickled_callable_is_refused_and_not_run(
    train: Command, seqlab: Command, copy: RunFolder, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return pathlib.Path.touch, (mark,)

    torch.save(torch.load(copy.last, weights_only=True) | {"more": Bomb()}, copy.last)
    torch.load(copy.last, weights_only=False)
    assert mark.exists(), "the bomb does go off where nobody looks"
    mark.unlink()
    copy.best.unlink()
    copy.previous.unlink()
    for _ in range(2):
        outcome = seqlab("generate", str(copy.path), "--checkpoint", "last")
        refused(outcome, f"the checkpoint {copy.last} cannot be loaded")
        assert train(f"resume={copy.path}", "trainer.max_epochs=3").code == 2
        # Its checksum tells; without one it is read, and not run either.
        checksum_file(copy.last).unlink(missing_ok=True)
    assert not mark.exists()


@refusals(
    ("data.tua=3", "unknown key 'data.tua'"),
    ("optimizer.rl=3", "unknown key 'optimizer.rl'", "Did you mean 'optimizer.lr'"),
    ("data.tau=3", "unknown key 'data.tau'", "data.tau belongs to data=sine"),
    ("trainer.max_epochs=x", "trainer.max_epochs=x", "a whole number of at least 1"),
    ("+optimizer.lr=3", "'+optimizer.lr=3' cannot change an earlier run"),
    ("optimizer.lr=1,2", "'optimizer.lr=1,2' cannot change an earlier run"),
    ("optimizer.lr", "optimizer.lr", "Write key=value"),
    ("-m", "resume goes with key=value only, not with '-m'", "python -m train resume="),
    ("--multirun seed=1,2", "not with '--multirun'"),
    ("experiment=sine_mlp", "experiment"),
    ("model.hidden_size=17 trainer.max_epochs=3", "hidden_size"),
)
def test_resume_with_words_that_do_not_fit_is_refused_and_changes_nothing(
    train: Command, copy: RunFolder, asked: str, message: str, remedy: str
) -> None:
    before = tree(copy.path)
    refused(train(f"resume={copy.path}", *words_of(asked)), message, remedy)
    after = tree(copy.path)
    assert {n: c for n, (c, _) in after.items()} == {n: c for n, (c, _) in before.items()}
    assert json.loads(copy.result.read_text())["status"] == "completed"


def test_resume_with_another_option_of_a_group_says_more_than_the_same_word_again(
    train: Command, copy: RunFolder
) -> None:
    outcome = train(f"resume={copy.path}", "data=sine")
    refused(outcome, "data")
    assert "Did you mean 'data'?" not in outcome.err


def test_sweep_that_is_refused_leaves_an_earlier_one_as_it_was(
    train: Command, tmp_path: Path
) -> None:
    words = ["-m", "trainer.max_epochs=1", "callbacks=none", "logger=csv", "hydra.sweep.dir=sweep"]
    assert train(*words, "seed=1,2").code == 0
    before = tree(tmp_path)
    for again in ("optimizer.lr=-1,-2", "data.tua=1,2"):
        refused(train(*words, again), "")
        assert tree(tmp_path) == before


def test_job_takes_no_folder_that_is_there(train: Command, tmp_path: Path) -> None:
    job = tmp_path / "sweep" / "0000"
    job.mkdir(parents=True)
    (job / "run.log").write_text("mine")
    words = ["-m", "seed=1", "trainer.max_epochs=1", "callbacks=none", "logger=csv"]
    assert train(*words, "hydra.sweep.dir=sweep").code == 0
    assert (job / "run.log").read_text() == "mine"
    assert (tmp_path / "sweep" / "0001" / "result.json").is_file()
