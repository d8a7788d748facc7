"""A full disk: a clear end, nothing written before is lost, and the run goes on afterwards."""

import errno
import logging
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import SMALL_LM, Outcome, trained
from expect import Command, refused, succeeded
from same_runs import ends_like
from seqlab.runs.folder.checkpoint import read_checkpoint
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.messages import recording
from seqlab.system.terminal import relative

# Few logs, so that it is a checkpoint that finds the disk full.
WORDS = [*SMALL_LM, "trainer.max_epochs=4", "model.hidden_size=64"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The run that had room enough."""
    return trained(tmp_path_factory.mktemp("whole"), *WORDS)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with room for two checkpoints and a half."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=260k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk needs more rights than these")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def failing(name: str, kind: int) -> Callable[[Path, Path], Any]:
    """Return a `Path.replace` that fails for a file of that name."""
    real = Path.replace

    def replace(self: Path, target: Path) -> Any:
        if target.name == name:
            raise OSError(kind, os.strerror(kind), str(self))
        return real(self, target)

    return replace


def ends_in_good_order(outcome: Outcome, run: RunFolder) -> None:
    assert outcome.code == 1
    assert "error: the run could not be written any further: No space left on device" in outcome.err
    command = relative(f"python -m train resume={run.path}")
    assert f"Make room, then resume with: {command}\n" in outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.err.count("error: ") == 1
    assert not [file for file in run.path.rglob(".*") if file.name.endswith(".partial")]


def test_full_disk_ends_the_run_and_it_goes_on_when_there_is_room(
    train: Command, whole: RunFolder, small_disk: Path
) -> None:
    run = RunFolder(small_disk / "run")
    outcome = train(*WORDS, f"hydra.run.dir={run.path}")
    ends_in_good_order(outcome, run)
    assert read_checkpoint(run.last)["epoch"] >= 0
    subprocess.run(["mount", "-o", "remount,size=50m", str(small_disk)], check=True)
    outcome = succeeded(train(f"resume={run.path}"))
    assert "warning" not in outcome.err
    ends_like(run, whole)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_log_without_room_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with recording(Path("/dev/full")) as warnings:
        logging.getLogger("seqlab").warning("something")
    assert capsys.readouterr().err == "warning: something\n"
    assert warnings == ["something"]


@pytest.mark.parametrize("write", [1, 2, 3, 5, 8])
def test_write_that_finds_no_room_ends_the_run_and_it_goes_on(
    train: Command,
    whole: RunFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: int,
) -> None:
    real = Path.replace
    left = [write]

    def full(self: Path, target: Path) -> Any:
        if "checkpoints" in str(target):
            left[0] -= 1
            if left[0] == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", full)
    run = RunFolder(tmp_path / "run")
    outcome = train(*WORDS, "hydra.run.dir=run")
    ends_in_good_order(outcome, run)
    result = run.read_result()
    assert result["status"] == "failed"
    assert result["error"]["type"] == "UserError"
    assert train("resume=run").code == 0
    ends_like(run, whole)


@pytest.mark.parametrize("kind", [errno.EROFS, errno.EACCES, errno.EIO, errno.ESTALE])
def test_run_folder_that_cannot_be_written_any_more_ends_the_run_with_the_way_on(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: int
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", failing("last.ckpt", kind))
        outcome = train(*WORDS, "trainer.max_epochs=1", "hydra.run.dir=run")
    run = RunFolder(tmp_path / "run")
    assert outcome.code == 1
    assert outcome.err.endswith(
        f"error: the run could not be written any further: {os.strerror(kind)}\n"
        "  What was written before is whole. Make it possible to write there, then resume with: "
        "python -m train resume=run\n  run/run.log has the details.\n"
    )
    assert run.read_result()["status"] == "failed"


def test_disk_that_is_full_from_the_start_leaves_nothing_to_go_on_with(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "replace", failing("result.json", errno.ENOSPC))
    refused(
        train(*WORDS, "hydra.run.dir=run"),
        "the run could not be written any further: No space left on device",
        "Make room, then type the same command again: nothing was started.",
    )
    assert list(tmp_path.iterdir()) == []
