"""Processes of jobs begin apart from the working folder and the script that began the sweep."""

import os
import subprocess
import sys
from multiprocessing.spawn import get_preparation_data
from pathlib import Path
from types import ModuleType

import pytest

from seqlab.sweeps.launchers.base import libraries_first
from seqlab.sweeps.launchers.local import _on_their_own
from seqlab.sweeps.launchers.remote import RemoteTask
from seqlab.sweeps.task import Task

OWN = "raise SystemExit('a file of the working folder was run')\n"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with modules that go by the names of libraries."""
    for module in ("random", "seqlab", "train"):
        (tmp_path / f"{module}.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("before", [None, "", "1"])
def test_libraries_come_before_the_working_folder(
    desk: Path, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    command = [sys.executable, "-c", "import random, seqlab.sweeps.task"]
    if before is None:
        monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    else:
        monkeypatch.setenv("PYTHONSAFEPATH", before)
    with libraries_first():
        assert subprocess.run(command, timeout=60).returncode == 0
    assert os.environ.get("PYTHONSAFEPATH") == before
    if not before:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.stderr == OWN.split("'")[1] + "\n"


def test_forked_job_does_not_run_the_script_that_began_the_sweep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = ModuleType("__main__")
    script.__file__ = "/bin/seqlab"
    monkeypatch.setitem(sys.modules, "__main__", script)
    assert get_preparation_data("job")["init_main_from_path"] == "/bin/seqlab"
    with _on_their_own():
        assert not [name for name in get_preparation_data("job") if name.startswith("init_main")]
        assert os.environ["PYTHONSAFEPATH"] == "1"
    assert sys.modules["__main__"] is script


def test_job_of_a_cluster_begins_where_modules_of_the_folder_are_in_the_way(desk: Path) -> None:
    task = Task(0, str(desk / "run"), [], "not: [yaml", str(desk), str(desk / "jobs" / "0000"))
    task.file.parent.mkdir()
    task.write()
    RemoteTask(str(task.file))()
    outcome = task.read_outcome()  # none where the process could not even begin
    assert outcome is not None
    assert outcome["error"] is not None
