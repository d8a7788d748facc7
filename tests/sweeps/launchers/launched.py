"""Sweeps of small language models as processes of their own, to strike and to look at."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from conftest import SMALL_LM, trained
from processes import DEADLINE_S, Process, processes_where, started
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.sweeps.ledger import Row, read_ledger

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


class Swept:
    """The folder `sweep` in another folder, and the processes that work in it."""

    def __init__(self, folder: Path) -> None:
        self.above = folder
        self.folder = folder / "sweep"

    @contextmanager
    def running(self, *words: str, **environment: str) -> Iterator[Process]:
        """Run a sweep, and end it with the block."""
        with (self.above / "out").open("a") as out:
            process = started(
                self.above,
                *("-m", *words, "hydra.sweep.dir=sweep"),
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):
                    process.terminate()
                process.wait(DEADLINE_S)

    @property
    def printed(self) -> str:
        """All that was printed."""
        return (self.above / "out").read_text()

    def end_of(self, process: Process) -> int:
        """Wait for a process, and return its exit code."""
        code = process.wait(DEADLINE_S)
        print(self.printed)  # shown where a test fails
        return code

    @property
    def rows(self) -> dict[int, Row]:
        """What the ledger says."""
        return read_ledger(self.folder).rows

    def each(self, name: str) -> list[Any]:
        """Return this field of every row."""
        return [getattr(row, name) for _, row in sorted(self.rows.items())]

    def run(self, number: int) -> RunFolder:
        """Return the run folder of a job."""
        (found,) = self.folder.glob(f"{number:04d}_*")
        return RunFolder(found)

    def begun(self, *numbers: int, epochs: int = 3) -> Callable[[], bool]:
        """Return whether these jobs have trained for some epochs, and have a checkpoint."""

        def look() -> bool:
            with suppress(ValueError):
                runs = [self.run(number) for number in numbers]
                done = [len(run.read_metrics().get("step", [])) for run in runs]
                return min(done) > epochs and all(run.last.is_file() for run in runs)
            return False

        return look

    def alone(self, *words: str) -> RunFolder:
        """Return a run with these words that nothing disturbed."""
        return trained(self.above, *words)


def workers(task: Path) -> list[int]:
    """Return the processes that do the jobs of a folder, or of one file."""
    words = (b"seqlab.sweeps.worker", str(task).encode())
    return processes_where(
        lambda each: all(word in (each / "cmdline").read_bytes() for word in words)
    )


def strike(pids: list[int], signum: int = signal.SIGKILL) -> None:
    for pid in pids:
        os.kill(pid, signum)
