"""Wrong experiment files, run folders and checkpoints: refused, and nothing is touched."""

import json
import pathlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from conftest import QUICK
from expect import Command, Refuses, refusals, refused, tree, words_of
from seqlab.runs.folder.checkpoint import checksum_file
from seqlab.runs.folder.run_folder import RunFolder

Own = Callable[..., list[str]]


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Own:
    """Write GROUP/mine.yaml into a folder of its own; return the words that choose it."""

    def write(content: str, group: str = "experiment", **others: str) -> list[str]:
        folder = tmp_path_factory.mktemp("conf")
        (folder / group).mkdir()
        for name, text in (others | {"mine": content}).items():
            (folder / group / f"{name}.yaml").write_text(text, encoding="utf-8")
        return [f"--config-dir={folder}", f"{group}=mine"]

    return write


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
    (
        "defaults: [time_machine_rnn]\ndata:\n  num_step: 3\n",
        "unknown key 'data.num_step' in experiment/mine.yaml",
    ),
    (
        "defaults:\n  - override /model: rnn\n",
        "the data are for forecasting a series, the model is for modelling a language",
    ),
    (
        "callbacks:\n  samples:\n    num_token: 3\n",
        "unknown key 'callbacks.samples.num_token' in experiment/mine.yaml",
    ),
    ("logger:\n  csv:\n    every: 3\n", "unknown key 'logger.csv.every' in experiment/mine.yaml"),
    ("monitor: val/los\n", "monitor=val/los in experiment/mine.yaml: there is no such metric"),
    ("trainer: null\n", "trainer"),
    ("hydra:\n  job:\n    chdir: true\n", "hydra.job.chdir=true"),
)
def test_mistake_in_an_experiment_file_is_named_with_the_file(
    refuses: Refuses, own: Own, asked: str, message: str, remedy: str
) -> None:
    refuses(own("# @package _global_\n" + asked), message, remedy)


def test_mistake_in_a_file_that_an_experiment_begins_with(refuses: Refuses, own: Own) -> None:
    base = "# @package _global_\nmodel:\n  size: 3\n"
    words = own("# @package _global_\ndefaults: [base]\n", base=base)
    refuses(words, "unknown key 'model.size' in experiment/base.yaml")


def test_mistake_in_a_model_file_is_named_with_the_file(refuses: Refuses, own: Own) -> None:
    words = own("task: forecasting\n_target_: a.B\nhidden_size: none\n", "model")
    refuses(words, "model.hidden_size=none in model/mine.yaml: must be a whole number")


def test_experiment_file_without_its_package_line_is_told_what_it_lacks(
    refuses: Refuses, own: Own
) -> None:
    refuses(own("optimizer:\n  lr: 0.1\n"), "mine", "# @package _global_")


def test_seed_zero_is_a_seed(train: Command, tmp_path: Path, own: Own) -> None:
    mine = own("# @package _global_\nseed: 5\n")
    assert train("seed=0", *QUICK, "hydra.run.dir=zero").code == 0
    assert train(*mine, "seed=0", *QUICK, "hydra.run.dir=same").code == 0
    assert train(*mine, *QUICK, "hydra.run.dir=five").code == 0
    zero, same, five = (RunFolder(tmp_path / n).read_result() for n in ("zero", "same", "five"))
    assert (zero["seed"], same["seed"], five["seed"]) == (0, 0, 5)
    assert zero["metrics"]["train/loss"] == same["metrics"]["train/loss"]
    assert zero["metrics"]["train/loss"] != five["metrics"]["train/loss"]


def test_run_folder_that_holds_something_is_not_touched(refuses: Refuses, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    what = "the run folder run exists already; nothing in it was touched"
    remedy = "Choose another hydra.run.dir, or resume it: python -m train resume=run"
    refuses("hydra.run.dir=run", what, remedy)


def test_run_folder_that_is_empty_may_be_used(train: Command, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert train("hydra.run.dir=run", *QUICK).code == 0


@pytest.mark.parametrize("place", ["file", "file/run"])
def test_run_folder_where_a_file_lies_cannot_be_made(
    refuses: Refuses, tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_text("mine")
    refuses(f"hydra.run.dir={place}", f"the run folder {place}", "hydra.run.dir")


def test_refusal_removes_no_folder_that_was_there_before(refuses: Refuses, tmp_path: Path) -> None:
    (tmp_path / "mine" / "empty").mkdir(parents=True)
    for folder in ("mine/run", "mine/empty/a/b", str(tmp_path / "mine" / "empty" / "run")):
        refuses(f"data.num_train=9999 hydra.run.dir={folder}", "data.num_train=9999")


def test_refusal_after_the_folder_was_claimed_gives_it_back(refuses: Refuses) -> None:
    refuses("data.num_train=9999 hydra.run.dir=a/b/c", "data.num_train=9999")


@pytest.mark.parametrize("word", ["data.tua=1,2", "data.tau=0,4"])
def test_sweep_whose_every_job_is_refused_leaves_nothing(refuses: Refuses, word: str) -> None:
    refuses(f"-m {word}", word.partition("=")[0])


def test_resume_of_a_folder_that_is_not_there(refuses: Refuses) -> None:
    refuses("resume=no/where", "there is no run folder no/where", "outputs/")


def test_resume_of_a_folder_that_is_no_run(refuses: Refuses, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refuses("resume=empty", "empty is not a run folder: it has no config.yaml")


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
    train: Command, refuses: Refuses
) -> None:
    words = ["-m", *QUICK, "hydra.sweep.dir=sweep"]
    assert train(*words, "seed=1,2").code == 0
    for again in ("optimizer.lr=-1,-2", "data.tua=1,2"):
        refuses((*words, again))


def test_job_takes_no_folder_that_is_there(train: Command, tmp_path: Path) -> None:
    job = tmp_path / "sweep" / "0000"
    job.mkdir(parents=True)
    (job / "run.log").write_text("mine")
    assert train("-m", "seed=1", *QUICK, "hydra.sweep.dir=sweep").code == 0
    assert (job / "run.log").read_text() == "mine"
    assert (tmp_path / "sweep" / "0001" / "result.json").is_file()
