"""Locks on open files."""

import threading
from pathlib import Path

import pytest

from seqlab.system import locks
from seqlab.system.locks import is_locked, lock


def test_one_has_a_file_to_itself_until_it_closes_it(tmp_path: Path) -> None:
    file = tmp_path / "log"
    with file.open("a") as first, file.open("a") as second:
        assert not is_locked(second)
        assert lock(first)
        assert is_locked(second)
        assert not lock(second)
        closing = threading.Timer(0.1, first.close)
        closing.start()
        assert lock(second, patience=60)  # as a killed process's lock may outlive it
        closing.join()


def test_where_there_are_no_locks_everyone_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "log"
    with file.open("a") as first, file.open("a") as second:
        assert lock(first)
        monkeypatch.setattr(locks, "fcntl", None)
        assert lock(second)
        assert not is_locked(second)
