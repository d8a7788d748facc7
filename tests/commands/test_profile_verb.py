"""trainer.profiler=phases and `python -m seqlab profile`: what a run leaves, however it ends."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from conftest import SMALL_LM
from expect import Command, refused, rows_of, succeeded, tree
from seqlab.callbacks.throughput import Throughput
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.training.loop import TrainingLoop

PROFILED = [*SMALL_LM, "trainer.profiler=phases", "hydra.run.dir=run"]
PHASES = {
    *("start-up", "data", "batches", "forward", "backward", "gradients", "optimizer", "metrics"),
    *("validation", "the loop itself", "other callbacks", "logger.csv", "logger.tensorboard"),
    *(f"callbacks.{name}" for name in ("progress", "throughput", "samples", "checkpoints")),
    "callbacks.curves",
}


def rows(file: Path) -> dict[str, dict[str, str]]:
    return {row["phase"]: row for row in rows_of(file)}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


def test_finished_run_has_every_phase_and_all_of_its_time(
    train: Command, seqlab: Command, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    own = TrainingLoop._step

    def counted(self: TrainingLoop, batch: Any, index: int) -> dict[str, Any]:
        steps.append(index)
        return own(self, batch, index)

    monkeypatch.setattr(TrainingLoop, "_step", counted)
    outcome = succeeded(train(*PROFILED))
    table = rows(run.profile)
    result = run.read_result()
    assert set(table) == PHASES
    assert len(steps) == result["steps"], "it is not the run's own loop that was profiled"
    for phase in ("batches", "forward", "backward", "optimizer", "gradients"):
        assert int(table[phase]["calls"]) >= result["steps"], phase
    assert int(table["validation"]["calls"]) == result["epochs"]
    assert sum(float(row["share"]) for row in table.values()) == pytest.approx(1, abs=1e-4)
    assert sum(float(row["seconds"]) for row in table.values()) >= result["duration_s"] - 0.001
    shown = outcome.out[outcome.out.index("where the time went:") :]
    assert outcome.out.index("run folder") < outcome.out.index("where the time went:")
    assert all(f"\n  {phase} " in shown for phase in PHASES)
    page = run.profile.with_suffix(".md").read_text(encoding="utf-8")
    assert page.startswith("# Where the time of sample_story_rnn went\n")
    before = tree(run.path)
    again = seqlab("profile", str(run.path))
    assert (again.code, again.out, again.err) == (0, shown, "")
    assert tree(run.path) == before


def test_interrupted_and_resumed_run_profiles_each_part(
    train: Command, seqlab: Command, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(
            Throughput,
            "on_train_epoch_end",
            lambda *_: os.kill(os.getpid(), signal.SIGTERM),
        )
        assert train(*PROFILED).code == 143
    first = run.profile.read_bytes()
    steps = run.read_result()["steps"]
    assert int(rows(run.profile)["forward"]["calls"]) == steps
    assert train(f"resume={run.path}").code == 0
    assert run.profile.read_bytes() == first
    assert [file.name for file in run.profiles()] == ["profile.csv", "profile_2.csv"]
    second = rows(run.path / "profile_2.csv")
    assert int(second["forward"]["calls"]) == run.read_result()["steps"] - steps
    assert (run.path / "profile_2.md").is_file()
    shown = seqlab("profile", str(run.path)).out
    assert shown.startswith("profile.csv, where the time went:\n")
    assert "\nprofile_2.csv, where the time went:\n" in shown


def test_failed_run_writes_what_there_is(
    train: Command, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(Throughput, "on_train_epoch_end", fail)
    outcome = train(*PROFILED)
    assert outcome.code == 1
    assert "error: RuntimeError: broken" in outcome.err
    assert int(rows(run.profile)["forward"]["calls"]) > 0
    assert "where the time went:" in outcome.out


def test_profile_that_cannot_be_written_costs_nothing_else(
    train: Command, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("seqlab.profiling.output.write_text", full)
    outcome = succeeded(train(*PROFILED, "trainer.max_epochs=1"))
    assert "warning: the profile could not be written: No space left on device" in outcome.err
    assert run.read_result()["status"] == "completed"


def test_run_without_a_profile_is_told_how_to_get_one(
    seqlab: Command, language_run: RunFolder
) -> None:
    outcome = seqlab("profile", str(language_run.path))
    refused(
        outcome,
        f"{language_run.path} has no profile",
        "python -m train trainer.profiler=phases",
        f"python -m train resume={language_run.path} trainer.profiler=phases",
    )


def test_what_is_no_run_is_refused(seqlab: Command, tmp_path: Path) -> None:
    refused(seqlab("profile", str(tmp_path / "nowhere")), "there is no run folder")
    refused(seqlab("profile", str(tmp_path)), "is not a run folder")
    refused(seqlab("profile", "s3://bucket/run"), "is a URL, and nothing is loaded from one")
