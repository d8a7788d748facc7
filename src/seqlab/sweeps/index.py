"""Which jobs a ledger knows already: by their words while the files are the same, else by value."""

import os
import re

from seqlab.sweeps.collect import reconciled
from seqlab.sweeps.ledger import Row
from seqlab.sweeps.ledger_file import LedgerFile

_NUMBERED = re.compile(r"(\d{4,})(_|$)")


class Index:
    """Finds the rows of a ledger.

    Args:
        store: the ledger. Rows of jobs that were at work when the sweep was killed are brought up
            to date in it, but for those that may be at work still, on a cluster.
        snapshot: the state of the configuration files.
    """

    def __init__(self, store: LedgerFile, snapshot: str) -> None:
        self._snapshot = snapshot
        self._folder = store.ledger.folder
        with os.scandir(self._folder) as entries:
            self._folders = {entry.name for entry in entries if entry.is_dir()}
        self._by_words: dict[tuple[str, ...], Row] = {}
        self._by_fingerprint: dict[str, Row] = {}
        for row in list(store.ledger.rows.values()):
            if row.status == "running" and row.handle is None:
                row = reconciled(row, self._folder)
                store.add_row(row)
            self.add(row)
        taken = [int(found[1]) for name in self._folders if (found := _NUMBERED.match(name))]
        self._next = max([-1, *taken, *store.ledger.rows]) + 1

    def add(self, row: Row) -> None:
        """Take note of what is now known of a job."""
        if row.snapshot == self._snapshot:
            self._by_words[tuple(row.overrides)] = row
        if row.fingerprint:
            self._by_fingerprint[row.fingerprint] = row

    def by_words(self, overrides: tuple[str, ...]) -> Row | None:
        """Return the row of a job with exactly these words, composed from the same files."""
        return self._usable(self._by_words.get(overrides))

    def by_fingerprint(self, fingerprint: str) -> Row | None:
        """Return the row of a job that computes the same."""
        return self._usable(self._by_fingerprint.get(fingerprint))

    def new_number(self) -> int:
        """Return a number that no job has, nor any folder."""
        self._next += 1
        return self._next - 1

    def _usable(self, row: Row | None) -> Row | None:
        """Return the row, unless someone has removed the folder of a finished run."""
        gone = row is not None and row.is_finished and row.folder not in self._folders
        return None if gone else row

    def appeared(self, folder: str) -> None:
        """Take note of a run folder that a job has made."""
        self._folders.add(folder)
