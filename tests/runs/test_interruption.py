"""Runs that are stopped, fail or go on: exit codes, what result.json says, and exact resumption."""

import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import QUICK, SMALL_LM, spawn, trained
from expect import Command, succeeded, tree
from processes import DEADLINE_S, started, until
from same_runs import assert_same, ends_like, table
from seqlab.callbacks.checkpoints import Checkpoints
from seqlab.callbacks.progress import Progress
from seqlab.models.language_model import LanguageModel
from seqlab.runs.folder.run_folder import RunFolder

# Long enough to be struck in the middle, wherever in an epoch that may be.
LONG = [
    *SMALL_LM,
    "trainer.max_epochs=100",
    "trainer.check_val_every_n_epoch=5",
    "callbacks.checkpoints.every_n_epochs=7",
    "callbacks.samples.every_n_epochs=10",
]


def interrupted(folder: Path, signum: signal.Signals) -> tuple[int, str, str]:
    """Start the long run, stop it once the table of metrics has rows; return how it ended."""
    process = started(folder, *LONG, "hydra.run.dir=run")
    try:
        until(lambda: len(RunFolder(folder / "run").read_metrics().get("step", [])) > 2, process)
        process.send_signal(signum)
        out, err = process.communicate(timeout=DEADLINE_S)
    finally:
        process.kill()
    return process.returncode, out, err


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The long run from beginning to end."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return trained(folder, *LONG)


@pytest.mark.parametrize(
    ("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)
def test_stopped_run_says_so_and_goes_on_exactly_where_it_was(
    undisturbed: RunFolder, train: Command, tmp_path: Path, signum: signal.Signals, code: int
) -> None:
    returned, out, err = interrupted(tmp_path, signum)
    assert returned == code, err
    assert "Traceback" not in err
    said = "Ctrl-C" if signum == signal.SIGINT else "SIGTERM"
    text = rf"stopped by {said} after (\d+) of 100 epochs; resume with:\n  python -m train (.*)\n"
    ((epochs, command),) = re.findall(text, err)
    assert command == "resume=run"
    assert (err.count("stopped"), out) == (1, ""), "it is said twice"
    run = RunFolder(tmp_path / "run")
    result = run.read_result()
    assert result["status"] == "interrupted"
    assert result["error"]["type"] == "Interrupted"
    assert signum.name in result["error"]["message"]
    assert 0 < result["epochs"] < 100
    assert int(epochs) == result["epochs"]
    assert f"  python -m train resume={run.path}\n" in run.log.read_text()

    done = succeeded(train(command))
    assert "going on after epoch" in done.err
    ends_like(run, undisturbed)
    after = run.read_result()
    assert after["epochs"] == 100
    assert after["duration_s"] > result["duration_s"]


@pytest.mark.parametrize(
    "hook", ["on_train_epoch_end", "on_train_epoch_start", "on_validation_end"]
)
@pytest.mark.parametrize("position", ["first", "last"])
def test_signal_between_two_epochs_loses_neither(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hook: str, position: str
) -> None:
    owner = Progress if position == "first" else Checkpoints
    plain = getattr(owner, hook)

    def struck(self: Any, trainer: Any, *arguments: Any) -> None:
        plain(self, trainer, *arguments)
        if trainer.current_epoch == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(owner, hook, struck)
        words = [*SMALL_LM, "trainer.max_epochs=4", "callbacks.checkpoints.every_n_epochs=9"]
        assert train(*words, "monitor=val/loss", "hydra.run.dir=run").code == 143
    run = RunFolder(tmp_path / "run")
    assert run.read_result()["status"] == "interrupted"
    outcome = succeeded(train("resume=run"))
    assert re.search(r"going on after epoch [23], step", outcome.err), outcome.err


def test_signal_whose_exception_is_replaced_still_stops_the_run(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def struck(*_: Any) -> Any:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except BaseException:
            raise ValueError("could not determine the shape of object type 'list'") from None

    for place, status in (
        ("seqlab.data.text.TextData.summary", "interrupted"),
        ("seqlab.callbacks.curves.Curves.on_fit_end", "interrupted"),
        ("seqlab.runs.run.write_profile", "completed"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(place, struck)
            outcome = train(*SMALL_LM, f"hydra.run.dir={status}")
        assert (outcome.code, "error" in outcome.err) == (143, False)
        assert RunFolder(tmp_path / status).read_result()["status"] == status
        shutil.rmtree(tmp_path / status)
    monkeypatch.setattr("seqlab.runs.experiment.build_data", struck)
    outcome = train(*SMALL_LM, "hydra.run.dir=run")
    assert outcome.code == 143
    assert "error" not in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_second_signal_ends_at_once(train: Command, tmp_path: Path) -> None:
    program = """
import os, signal, sys, time
from seqlab.callbacks.progress import Progress
def stuck(self, trainer, *arguments):
    os.kill(os.getpid(), signal.SIGTERM)
    print("noted", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)  # at once: an echo of the first, as `timeout` sends two
    time.sleep(0.6)
    print("echo", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(100)
Progress.on_train_batch_end = stuck
from seqlab.commands.train import main
sys.exit(main(sys.argv[1:]))
"""
    done = spawn("-c", program, *SMALL_LM, "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 143
    assert done.stdout == "noted\necho\n"
    assert RunFolder(tmp_path / "run").read_result()["status"] == "running"
    assert train("resume=run").code == 0


def test_signal_before_training_ends_the_run(
    tmp_path: Path,
) -> None:
    process = started(tmp_path, *LONG, "hydra.run.dir=run")
    try:
        until((tmp_path / "run" / "run.log").exists, process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=DEADLINE_S)
    finally:
        process.kill()
    assert process.returncode == 143
    run = RunFolder(tmp_path / "run")
    if run.result.exists():
        assert run.read_result()["status"] == "interrupted"


# Going on


def test_resume_of_a_completed_run_says_so_and_changes_nothing(
    train: Command, copy: RunFolder
) -> None:
    before = {name: content for name, (content, _) in tree(copy.path).items()}
    outcome = succeeded(train(f"resume={copy.path}"))
    assert "run is complete after 2 epochs" in outcome.out
    assert "python -m train resume=run trainer.max_epochs=4" in outcome.out
    assert {name: content for name, (content, _) in tree(copy.path).items()} == before


def test_completed_run_goes_on_with_more_epochs(
    train: Command, copy: RunFolder, tmp_path: Path
) -> None:
    assert train(f"resume={copy.path}", "trainer.max_epochs=4").code == 0
    assert train(*SMALL_LM, "trainer.max_epochs=4", "hydra.run.dir=whole").code == 0
    whole = RunFolder(tmp_path / "whole")
    result = copy.read_result()
    assert result["status"] == "completed"
    assert result["epochs"] == 4
    assert result["overrides"] == [*SMALL_LM, "trainer.max_epochs=4"]
    assert yaml.safe_load(copy.config.read_text())["trainer"]["max_epochs"] == 4
    assert_same(copy, whole)


def test_run_stopped_after_its_last_epoch_keeps_its_metrics(
    train: Command, copy: RunFolder
) -> None:
    before = copy.read_result()
    copy.write_result(before | {"status": "interrupted"})
    assert train(f"resume={copy.path}").code == 0
    after = copy.read_result()
    assert after["status"] == "completed"
    assert after["metrics"] == before["metrics"]
    assert after["throughput"] == before["throughput"]


def test_run_that_died_goes_on_from_its_last_checkpoint(
    train: Command, copy: RunFolder, tmp_path: Path
) -> None:
    earlier = copy.last.read_bytes()
    assert train(f"resume={copy.path}", "trainer.max_epochs=4").code == 0
    expected = RunFolder(shutil.copytree(copy.path, tmp_path / "expected"))
    copy.last.write_bytes(earlier)  # later rows and samples lie in the folder all the same
    copy.write_result(copy.read_result() | {"status": "running"})
    assert train(f"resume={copy.path}").code == 0
    assert copy.read_result()["status"] == "completed"
    assert_same(copy, expected)
    assert copy.samples.read_text() == expected.samples.read_text()


def test_best_checkpoint_stays_the_best_when_a_run_goes_on(train: Command, tmp_path: Path) -> None:
    # Fed with its own forecasts, the network is at its best while it knows little.
    words = ["monitor=val/rmse_multistep", "trainer.max_epochs=2", "hydra.run.dir=run"]
    assert train(*words).code == 0
    run = RunFolder(tmp_path / "run")
    best = run.best.read_bytes()
    assert train("resume=run", "trainer.max_epochs=3").code == 0
    values = [float(row["val/rmse_multistep"]) for row in table(run)]
    assert values.index(min(values)) == 0
    assert run.read_result()["best_epoch"] == 1
    assert run.best.read_bytes() == best


# Failing


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Let every language model fail in its second training batch; count the runs that did."""
    step = LanguageModel.step
    failed: list[int] = []

    def fails(self: LanguageModel, batch: Any, stage: str) -> Any:
        if stage == "train" and self.global_step == 1:
            failed.append(1)
            raise RuntimeError("the weights have melted")
        return step(self, batch, stage)

    monkeypatch.setattr(LanguageModel, "step", fails)
    return failed


def test_failing_run_says_what_happened_and_where_the_traceback_is(
    train: Command, tmp_path: Path, broken: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEQLAB_TRACEBACK", raising=False)
    outcome = train(*SMALL_LM, "hydra.run.dir=run")
    run = RunFolder(tmp_path / "run")
    assert outcome.code == 1
    assert "error: RuntimeError: the weights have melted" in outcome.err
    assert "Traceback" not in outcome.err
    assert "Traceback" not in outcome.out
    result = run.read_result()
    assert result["status"] == "failed"
    assert result["error"]["type"] == "RuntimeError"
    assert result["error"]["message"] == "the weights have melted"
    place, rest = result["error"]["hint"].split(", line ")
    assert place == f"Raised in {__file__}"
    assert rest.endswith(", in fails. run.log has the traceback.")
    assert f"\n  {place}, line " in outcome.err
    log = run.log.read_text(encoding="utf-8")
    assert "Traceback (most recent call last)" in log
    assert "RuntimeError: the weights have melted" in log


def test_traceback_is_shown_where_it_is_asked_for(
    train: Command, broken: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLAB_TRACEBACK", "1")
    outcome = train(*SMALL_LM)
    assert outcome.code == 1
    assert "Traceback (most recent call last)" in outcome.err
    assert "RuntimeError: the weights have melted" in outcome.err


def test_metric_to_watch_that_does_not_exist_ends_the_run(train: Command, tmp_path: Path) -> None:
    for name in ("train/how_well", "train/of_my_own"):
        outcome = train(f"monitor={name}", f"hydra.run.dir={name}")
        assert outcome.code == 1, f"{name} went unnoticed"
        assert f"monitor={name}: there is no such metric" in outcome.err
        assert "val/loss" in outcome.err
        assert RunFolder(tmp_path / name).read_result()["error"]["hint"].startswith("There are: ")


# Sweeps


def test_sweep_leaves_a_whole_run_folder_for_every_job(train: Command, tmp_path: Path) -> None:
    succeeded(train("-m", "seed=1,2", "trainer.max_epochs=1", "hydra.sweep.dir=sweep"))
    runs = [RunFolder(tmp_path / "sweep" / name) for name in ("0000_seed=1", "0001_seed=2")]
    for run, seed in zip(runs, (1, 2), strict=True):
        result = run.read_result()
        assert (result["status"], result["seed"]) == ("completed", seed)
        assert f"seed={seed}" in result["overrides"]
        assert run.best.is_file()
        assert len(table(run)) == 1
    first, second = (run.read_result() for run in runs)
    assert first["metrics"]["train/loss"] != second["metrics"]["train/loss"]
    assert first["fingerprint"] != second["fingerprint"]


def test_job_of_a_sweep_computes_what_it_would_alone(train: Command, tmp_path: Path) -> None:
    assert train("-m", "seed=1,2", *QUICK, "hydra.sweep.dir=sweep").code == 0
    assert train("seed=2", *QUICK, "hydra.run.dir=alone").code == 0
    alone, job = RunFolder(tmp_path / "alone"), RunFolder(tmp_path / "sweep" / "0001_seed=2")
    assert table(job) == table(alone)
    assert job.read_result()["fingerprint"] == alone.read_result()["fingerprint"]


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_while_libraries_load_stops_without_a_trace(
    tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    process = started(tmp_path, "hydra.run.dir=run")
    until((tmp_path / "run" / "run.log").exists, process)
    process.send_signal(sent)
    _, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == code, err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
