"""One process a run folder: claimed at once, held while it is at work, given back."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import seqlab.runs.run  # once, and not in each of the processes
from conftest import SMALL_LM
from expect import Command, refusal, refused, tree
from processes import running, started
from seqlab.commands.train import main
from seqlab.config.compose import naming
from seqlab.runs.folder.lock import claim, give_up, hold, release
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.errors import UserError

HOLD = """
import sys, time
from pathlib import Path
from seqlab.runs.folder.lock import claim
claim(Path(sys.argv[1]), "a: 1\\n")
print("claimed", flush=True)
time.sleep(60)
"""


def started_together(
    count: int, target: Callable[..., None], *arguments: object
) -> list[int | None]:
    """Start so many processes, let all begin at one moment, and return their exit codes."""
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(count)
    processes = [context.Process(target=target, args=(barrier, *arguments)) for _ in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    return [process.exitcode for process in processes]


def _claims(barrier: object, folder: Path) -> None:
    barrier.wait()  # type: ignore[attr-defined]
    try:
        claim(folder, "a: 1\n")
    except UserError:
        sys.exit(2)


def _trains(barrier: object, folder: Path) -> None:
    os.chdir(folder)
    naming.run_id.cache_clear()  # every process has its own
    seqlab.runs.run.run = lambda config, path, *_, **__: (
        (path / "result.json").write_text("{}") and 0
    )
    barrier.wait()  # type: ignore[attr-defined]
    sys.exit(main(["trainer.max_epochs=1"]))


def test_fifty_runs_started_together_get_fifty_folders(tmp_path: Path) -> None:
    assert started_together(50, _trains, tmp_path) == [0] * 50
    made = list((tmp_path / "outputs" / "sine_mlp").iterdir())
    assert len(made) == 50
    assert all((folder / "config.yaml").is_file() for folder in made)


def test_of_many_that_want_one_folder_one_gets_it(tmp_path: Path) -> None:
    codes = started_together(20, _claims, tmp_path / "run")
    assert sorted(codes) == [0] + [2] * 19
    assert (tmp_path / "run" / "config.yaml").read_text() == "a: 1\n"


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """A folder that another process is at work in."""
    folder = tmp_path / "run"
    with running(HOLD, str(folder), until="claimed"):
        yield folder


def test_folder_at_work_is_not_taken(held: Path) -> None:
    before = tree(held)
    with refusal("is at work in another process", "Ctrl-C leaves it resumable"):
        hold(held)
    with refusal("exists already"):
        claim(held, "b: 2\n")
    assert tree(held) == before


def test_folder_of_a_killed_process_can_be_taken(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with running(HOLD, str(folder), until="claimed") as process:
        process.send_signal(signal.SIGKILL)
    (folder / ".result.json.5.partial").write_text("half")
    hold(folder)
    give_up(folder)
    assert {file.name for file in folder.iterdir()} == {"config.yaml", "run.log"}


def test_resume_of_a_run_that_is_still_running_is_refused(train: Command, tmp_path: Path) -> None:
    process = started(tmp_path, *SMALL_LM, "trainer.max_epochs=500", "hydra.run.dir=run")
    try:
        assert process.stderr is not None
        while "epoch 50/" not in process.stderr.readline():
            assert process.poll() is None
        refused(train("resume=run"), "error: the run run is at work in another process")
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


def test_folder_left_before_anything_was_written_can_be_claimed(
    train: Command, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.log").touch()
    (run / ".config.yaml.77.partial").write_text("half a conf")
    assert train("hydra.run.dir=run", "trainer.max_epochs=1", "callbacks=none").code == 0
    assert RunFolder(run).read_result()["status"] == "completed"
    assert not list(run.glob(".*"))


@pytest.mark.parametrize("name", ["run.log", "notes.txt", "config.yaml"])
def test_folder_with_anything_in_it_is_not_claimed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    before = tree(tmp_path)
    with refusal("exists already; nothing in it was touched"):
        claim(tmp_path, "a: 1\n")
    assert tree(tmp_path) == before


def test_claimed_folder_that_is_given_back_is_empty(tmp_path: Path) -> None:
    run = tmp_path / "run"
    claim(run, "a: 1\n")
    release(run)
    assert list(tmp_path.iterdir()) == []


def test_folder_without_a_configuration_cannot_be_resumed(train: Command, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.log").touch()
    refused(train("resume=run"), "run is not a run folder: it has no config.yaml")
