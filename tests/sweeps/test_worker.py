"""Jobs that a launcher runs in the sweep's own process, one after the other."""

from pathlib import Path

import pytest

from conftest import QUICK
from expect import Command, succeeded
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.sweeps.launchers.base import Ending
from seqlab.sweeps.ledger import read_ledger
from seqlab.sweeps.task import Task
from seqlab.sweeps.worker import do_task


class InProcessLauncher:
    """Does every job while it is waited for."""

    slots, threads = 1, None

    def __init__(self) -> None:
        self._tasks: list[Task] = []

    def describe(self) -> str:
        return "in this process"

    def start(self, task: Task) -> None:
        self._tasks.append(task)

    def submit(self) -> dict[int, str]:
        return {}

    def wait(self, timeout_s: float) -> list[Ending]:
        tasks, self._tasks = self._tasks, []
        return [Ending(task.number, do_task(task, lambda: None)) for task in tasks]

    def stop(self, signum: int) -> None:
        self._tasks = []

    def close(self) -> None:
        self._tasks = []


def test_a_launcher_may_run_jobs_in_the_process_of_the_sweep(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqlab.commands.sweep.build_launcher", lambda *_: InProcessLauncher())
    succeeded(train("-m", "name=s", "data.num_train=100,200", *QUICK))
    rows = read_ledger(tmp_path / "outputs" / "s").current
    assert [row.status for row in rows] == ["completed", "completed"]
    succeeded(train("data.num_train=200", "hydra.run.dir=alone", *QUICK))
    job = RunFolder(tmp_path / "outputs" / "s" / rows[1].folder)
    assert _losses(job) == _losses(RunFolder(tmp_path / "alone"))


def _losses(folder: RunFolder) -> list[tuple[int, float]]:
    return folder.read_metrics()["train/loss"]
