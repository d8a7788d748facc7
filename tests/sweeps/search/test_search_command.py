"""Whole searches: `python -m train -m hydra/sweeper=optuna_search`, also killed and resumed."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf
from searching import trials

from conftest import spawn, trained_here
from expect import Refuses, refusals, succeeded, words_of
from processes import DEADLINE_S, Process, parent, processes_where, started, until
from seqlab.config.compose.naming import _sweep_folder
from seqlab.runs.folder.run_folder import RunFolder, whole_lines
from seqlab.sweeps.ledger import Row, read_ledger

SEARCH = ["-m", "hydra/sweeper=optuna_search"]
WORDS = [
    *SEARCH,
    "name=mine",
    "hydra.sweeper.n_trials=5",
    "hydra.sweeper.pruner=median",
    "hydra.sweeper.pruner_options.n_startup_trials=2",
    "optimizer.lr=tag(log,interval(0.00001,10))",
    "model.hidden_size=tag(log,int(interval(4,64)))",
    "trainer.max_epochs=6",
    "logger=csv",
    "~callbacks.forecasts",
    "~callbacks.curves",
]


def searched(folder: Path, *more: str) -> str:
    """Search to the end, and return what that printed."""
    done = succeeded(trained_here(folder, *WORDS, *more))
    return done.out


def known(folder: Path) -> list[tuple[Any, ...]]:
    """Return what a study has, but for times."""
    return [(t.state, t.params, t.value, t.intermediate_values) for t in trials(folder)]


def rows(folder: Path) -> list[Row]:
    try:
        return read_ledger(folder).current
    except ValueError:
        return []


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a search that nothing disturbed, and what it printed."""
    folder = tmp_path_factory.mktemp("whole")
    printed = searched(folder)
    return folder / "outputs" / "mine", printed


@pytest.mark.slow
def test_a_search_trains_prunes_and_draws(whole: tuple[Path, str]) -> None:
    folder, printed = whole
    found = rows(folder)
    counts = [row.status for row in found]
    assert set(counts) == {"completed", "pruned"}
    completed, pruned = counts.count("completed"), counts.count("pruned")
    assert f"mine: 5 jobs: {completed} completed, {pruned} pruned" in printed
    assert [row.trial for row in found] == list(range(5))
    for row, trial in zip(found, trials(folder), strict=True):
        metrics = RunFolder(folder / row.folder).read_metrics()
        assert trial.params["optimizer.lr"] == row.parameters["optimizer.lr"]
        assert trial.state.name == {"completed": "COMPLETE"}.get(row.status, "PRUNED")
        assert trial.value == row.metrics["val/loss"]
        assert trial.intermediate_values == dict(metrics["val/loss"])
        assert row.epochs == len(metrics["val/loss"])
        assert row.checkpoint
        assert (folder / row.checkpoint).is_file()
        assert (row.error or {}).get("type") == (None if row.status == "completed" else "Pruned")
    assert (folder / "figures" / "search_history.png").is_file()


@pytest.mark.slow
def test_the_same_command_has_nothing_left_and_more_trials_go_on(
    whole: tuple[Path, str], tmp_path: Path
) -> None:
    folder, _ = whole
    before = known(folder)
    printed = searched(folder.parents[1], "hydra.sweeper.n_trials=6")
    assert "mine: 6 jobs: " in printed
    assert "5 of them before" in printed
    assert known(folder)[:5] == before
    assert len(known(folder)) == 6


def in_mid_trial(folder: Path, process: Process, number: int) -> None:
    """Wait until a trial is at work and has reported an epoch."""

    def reported() -> bool:
        at_work = [row for row in rows(folder) if (row.number, row.status) == (number, "running")]
        files = [RunFolder(folder / row.folder).metrics for row in at_work]
        return any(len(whole_lines(file)) > 1 for file in files)

    until(reported, process)


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[Process]:
    """A search at work."""
    process = started(tmp_path, *WORDS)
    yield process
    process.kill()
    process.communicate()


@pytest.mark.slow
def test_a_search_killed_in_mid_trial_goes_on_as_if_nothing_had_been(
    whole: tuple[Path, str], tmp_path: Path, begun: Process
) -> None:
    folder = tmp_path / "outputs" / "mine"
    in_mid_trial(folder, begun, 1)
    begun.send_signal(signal.SIGKILL)
    begun.wait()
    searched(tmp_path)
    assert known(folder) == known(whole[0])[:5]
    assert sum(row.attempts for row in rows(folder)) == 6


@pytest.mark.slow
def test_a_job_that_is_killed_is_a_failed_trial_until_it_is_tried_again(
    tmp_path: Path, begun: Process, whole: tuple[Path, str]
) -> None:
    folder = tmp_path / "outputs" / "mine"
    in_mid_trial(folder, begun, 0)
    os.kill(worker_of(begun.pid), signal.SIGKILL)
    printed, _ = begun.communicate(timeout=DEADLINE_S)
    assert begun.returncode == 1
    assert "1 failed" in printed
    assert trials(folder)[0].state == optuna.trial.TrialState.FAIL
    assert rows(folder)[0].status == "failed"
    searched(tmp_path, "hydra.launcher.retry_failed=true")
    added = trials(folder)[5]
    assert (added.params, added.value) == (trials(folder)[0].params, trials(whole[0])[0].value)


def worker_of(pid: int) -> int:
    """Return the process that trains: the youngest of those below a sweep's."""
    below = {pid}
    for child in sorted(processes_where(Path.exists)):
        with suppress(OSError):
            if parent(child) in below:
                below.add(child)
    return max(below)


@refusals(
    ("optimizer.lr=1", "there is nothing to search over", "interval"),
    (
        "optimizer.lr=interval(1,0.1)",
        "optimizer.lr=interval(1,0.1): low 1.0 is above high 0.1",
        "Exchange them.",
    ),
    (
        "optimizer.lr=interval(0,1) hydra.sweeper.sampler=tep",
        "hydra.sweeper.sampler=tep: there is no such sampler",
        "Did you mean tpe?",
    ),
    ("optimizer.lr=interval(0,1) hydra.sweeper.n_trials=many", "n_trials"),
    (
        "optimizer.lr=interval(0,1) hydra.sweeper.pruner_options.n_warmup_step=1",
        "unknown key 'hydra.sweeper.pruner_options.n_warmup_step'",
        "n_warmup_steps",
    ),
    ("model=mlp,rnn", ""),
    ("optimizer.lr=interval(-1,1)", "optimizer.lr=-1.0"),
    (
        "optimizer.lr=interval(0,1) seed=interval(0,1)",
        "the seed is nothing to search over",
        "seed=0,1,2",
    ),
)
def test_what_cannot_be_searched_is_refused_before_anything_is_written(
    refuses: Refuses, asked: str, message: str, remedy: str
) -> None:
    refuses((*SEARCH, *words_of(asked)), message, remedy)


def test_a_file_chooses_the_search_and_the_command_line_its_options(refuses: Refuses) -> None:
    refuses("sweep=search_lr_hidden hydra.sweeper.n_trials=2 data.tau=-1", "data.tau=-1")


@pytest.mark.parametrize(
    ("words", "folder"),
    [
        (["optimizer.lr=interval(0,1)"], "outputs/sine_mlp/search_lr"),
        (["a.b=int(interval(1,2))", "a.c=tag(log, interval(1,2))"], "outputs/sine_mlp/search_b_c"),
        (["name=mine", "optimizer.lr=interval(0,1)"], "outputs/mine"),
    ],
)
def test_a_search_has_a_folder_of_its_own(words: list[str], folder: str) -> None:
    choices = {"hydra/sweeper": "optuna_search", "experiment": "sine_mlp"}
    name = "mine" if "name=mine" in words else None
    assert _sweep_folder(name, choices, OmegaConf.create(words), None) == folder
    described = OmegaConf.create({"optimizer.lr": {"type": "float", "low": 0, "high": 1}})
    expected = "outputs/mine" if name else "outputs/sine_mlp/search_lr"
    assert _sweep_folder(name, choices, OmegaConf.create([]), described) == expected


def test_without_optuna_the_message_says_what_to_install(
    refuses: Refuses, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib.metadata import PackageNotFoundError

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    needs = "hydra/sweeper=optuna_search needs optuna 5"
    refuses((*SEARCH, "optimizer.lr=interval(0,1)"), needs, 'pip install "seqlab[sweep]"')


def test_nothing_but_a_search_imports_optuna(tmp_path: Path) -> None:
    code = (
        "import sys; from seqlab.commands.train import main; "
        "import seqlab.commands.sweep, seqlab.sweeps.worker; "
        "code = main(['--cfg', 'hydra', 'hydra/sweeper=optuna_search']); "
        "assert code == 0; assert 'optuna' not in sys.modules"
    )
    done = spawn("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "OptunaSearch" in done.stdout
