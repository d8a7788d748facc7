"""Sweeps of small language models as processes of their own, to strike and to look at."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, suppress
from pathlib import Path
from typing import Any

import torch

from conftest import SMALL_LM
from seqlab.commands.train import main as train_main
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.sweeps.ledger import Row, read_ledger

DEADLINE_S = 180
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
WORDS = [
    *(word for word in SMALL_LM if "samples" not in word),
    "trainer.check_val_every_n_epoch=5",
    "callbacks.samples.every_n_epochs=50",
    "callbacks.checkpoints.every_n_epochs=7",
    "logger=csv",
]
LONG = [*WORDS, "trainer.max_epochs=120"]
"""Trains for some seconds, so that it can be struck in the middle."""
SHORT = [*WORDS, "trainer.max_epochs=1"]


@contextmanager
def sweep(folder: Path, *words: str, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a sweep into `folder/sweep`, and end it with the block. What it prints goes into out."""
    with (folder / "out").open("a") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "train", "-m", *words, "hydra.sweep.dir=sweep"],
            cwd=folder,
            env=os.environ | ONE_THREAD | environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            text=True,
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            process.wait(DEADLINE_S)


def ended(folder: Path, process: "subprocess.Popen[str]") -> int:
    code = process.wait(DEADLINE_S)
    print((folder / "out").read_text())  # shown where a test fails
    return code


def until(condition: Callable[[], Any], process: "subprocess.Popen[str] | None" = None) -> Any:
    """Wait until the condition gives something true, and return that."""
    end = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        assert process is None or process.poll() is None, "the sweep ended too early"
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)
    return value


def rows(folder: Path) -> dict[int, Row]:
    return read_ledger(folder / "sweep").rows


def run_of(folder: Path, number: int) -> RunFolder:
    (found,) = (folder / "sweep").glob(f"{number:04d}_*")
    return RunFolder(found)


def begun(folder: Path, number: int, epochs: int = 3) -> Callable[[], bool]:
    """Return whether a job has trained for some epochs, and has a checkpoint."""

    def look() -> bool:
        with suppress(ValueError):
            run = run_of(folder, number)
            return len(run.read_metrics().get("step", [])) > epochs and run.last.is_file()
        return False

    return look


def workers(folder: Path) -> list[int]:
    """Return the processes that do the jobs of a sweep."""
    found = []
    for each in Path("/proc").iterdir():
        with suppress(OSError):
            words = (each / "cmdline").read_bytes() if each.name.isdigit() else b""
            if b"seqlab.sweeps.worker" in words and str(folder).encode() in words:
                found.append(int(each.name))
    return found


def undisturbed(folder: Path, *words: str) -> RunFolder:
    with chdir(folder):
        assert train_main([*words, "hydra.run.dir=undisturbed"]) == 0
    return RunFolder(folder / "undisturbed")


def assert_same(found: RunFolder, wanted: RunFolder) -> None:
    """Assert that two runs ended with the same metrics, of every epoch, and the same weights."""
    assert table(found) == table(wanted)
    mine, theirs = (weights(run) for run in (found, wanted))
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def weights(run: RunFolder) -> dict[str, torch.Tensor]:
    return torch.load(run.last, weights_only=True)["state_dict"]


def table(run: RunFolder) -> list[dict[str, str]]:
    """Return the metrics without speeds, which no two runs share."""
    with run.metrics.open(newline="", encoding="utf-8") as file:
        return [
            {name: value for name, value in row.items() if not name.endswith("_per_second")}
            for row in csv.DictReader(file)
        ]


def strike(pids: list[int], signum: int = signal.SIGKILL) -> None:
    for pid in pids:
        os.kill(pid, signum)


def parent(pid: int) -> int:
    """Return the process that started a process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
