"""What the process of a job is given, and what it leaves: two small files and its output."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seqlab.system.files import json_text, write_text

JOBS = "jobs"
"""Folder of a sweep that holds the files of jobs at work, and the output of those that failed."""


@dataclass(frozen=True)
class Task:
    """One job, ready for any process that sees the same files.

    Attributes:
        number: the job's.
        folder: its run folder, an absolute path.
        overrides: the words that make it.
        config: the content of config.yaml.
        working_folder: where relative paths in the configuration lead from.
        files: path of the job's small files, without their endings.
        threads: number of threads to compute with; `None`: as many as PyTorch takes.
        pruning: what a search needs in order to end a bad trial early.
    """

    number: int
    folder: str
    overrides: list[str]
    config: str
    working_folder: str
    files: str
    threads: int | None = None
    pruning: dict[str, Any] | None = None

    @property
    def file(self) -> Path:
        """Where the task itself is written."""
        return Path(f"{self.files}.json")

    @property
    def outcome(self) -> Path:
        """Where the process writes how it ended."""
        return Path(f"{self.files}.outcome.json")

    @property
    def output(self) -> Path:
        """Where everything goes that the process prints."""
        return Path(f"{self.files}.log")

    def write(self) -> None:
        """Write the task for its process, what an earlier one left out of the way."""
        self.outcome.unlink(missing_ok=True)
        write_text(self.file, json_text(asdict(self)))

    def read_outcome(self) -> dict[str, Any] | None:
        """Return `code` and `error`; `None` where the process ended without a word."""
        with suppress(OSError, ValueError):
            outcome = json.loads(self.outcome.read_text(encoding="utf-8"))
            return outcome if isinstance(outcome, dict) else None
        return None

    def clear(self, *, keep_output: bool) -> None:
        """Remove the job's small files, and what it printed unless that is worth reading."""
        for file in (self.file, self.outcome):
            file.unlink(missing_ok=True)
        if not keep_output:
            self.output.unlink(missing_ok=True)


def read_task(file: Path) -> Task:
    """Return the task that a file holds."""
    return Task(**json.loads(file.read_text(encoding="utf-8")))
