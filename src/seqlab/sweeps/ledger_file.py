"""Writing a sweep's ledger: one process at a time, and every line on the disk before it counts."""

import os
from pathlib import Path
from typing import Any

from seqlab.runs.folder.lock import FolderGone, is_same
from seqlab.sweeps.ledger import LEDGER, Ledger, Row, Started, read_ledger, row_line, start_line
from seqlab.system.errors import UserError
from seqlab.system.files import sync_folder
from seqlab.system.locks import AFTER_A_KILL_S, lock
from seqlab.system.terminal import as_word


class LedgerFile:
    """The ledger, held by this process.

    Args:
        folder: the sweep's folder; it is made where it is missing.

    Attributes:
        ledger: what it says; kept up to date.

    Raises:
        UserError: another process is at work on the sweep, or the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file: Any = (folder / LEDGER).open("a+b")
        except OSError as error:
            raise UserError(
                f"the sweep folder {folder} cannot be written: {error.strerror}",
                "Choose another with hydra.sweep.dir=FOLDER.",
            ) from error
        _lock(self._file, folder)
        drop_half_a_line(self._file)
        sync_folder(folder)
        self.ledger: Ledger = read_ledger(folder)

    def add_row(self, row: Row) -> None:
        """Record what is now known of a job.

        Raises:
            FolderGone: the sweep's folder was deleted since the sweep began.
        """
        self._append(row_line(row))
        self.ledger.rows[row.number] = row

    def add_start(self, started: Started) -> None:
        """Record that the sweep is started."""
        self._append(start_line(started))
        self.ledger.starts.append(started)

    def close(self) -> None:
        """Let other processes take the sweep."""
        self._file.close()

    def _append(self, line: str) -> None:
        folder = self.ledger.folder
        if not is_same(self._file, folder / LEDGER):
            raise FolderGone(
                f"the sweep folder {folder} was deleted, or moved away, while it was at work",
                "If it was moved, resume it there: the same command with "
                "hydra.sweep.dir=FOLDER. Otherwise start the sweep again.",
            )
        self._file.write(line.encode())
        self._file.flush()
        os.fsync(self._file.fileno())


def drop_half_a_line(file: Any) -> None:
    """Take away what a kill, a full disk or a power cut has left of a file's last line."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(end - 1, 0))
    if file.read() not in (b"", b"\n"):
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


def _lock(file: Any, folder: Path) -> None:
    if not lock(file, AFTER_A_KILL_S):
        file.close()
        raise UserError(
            f"the sweep {folder} is at work in another process",
            "Wait until that one ends, or stop it; Ctrl-C leaves every job resumable. "
            f"`python -m seqlab report {as_word(folder)}` shows how far it is.",
        )
