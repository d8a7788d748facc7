"""A study's file: no kill damages it, no dead process blocks it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from searching import source, told, trials

from expect import refusal
from processes import running
from seqlab.sweeps.search.storage import open_storage

# Holds the lock, as one that is killed in the middle of writing does.
HOLDER = """
import sys, time
from pathlib import Path
from seqlab.sweeps.search.storage import open_storage
storage = open_storage(sys.argv[1])
storage._backend._lock.acquire()
with open(sys.argv[1], "ab") as file:
    file.write(b'{"op_code":4,"worker_id":"half a li')
print("held", flush=True)
time.sleep(100)
"""


def test_a_writer_that_is_killed_blocks_nobody_and_leaves_no_half_line(tmp_path: Path) -> None:
    told(source(tmp_path, n_trials=2))
    journal = tmp_path / "study.journal"
    before = journal.read_bytes()
    with running(HOLDER, str(journal), until="held"):
        assert len(trials(tmp_path)) == 2  # reading goes on meanwhile
    assert journal.read_bytes() != before
    began = time.monotonic()
    told(source(tmp_path, n_trials=3))
    assert time.monotonic() - began < 20  # optuna's own lock would wait for 30 seconds
    assert journal.read_bytes().startswith(before)
    assert len(trials(tmp_path)) == 3


def test_many_writers_do_not_tear_each_others_lines(tmp_path: Path) -> None:
    told(source(tmp_path, n_trials=1))
    code = """
import sys
from seqlab.sweeps.search.storage import load_study
study = load_study(sys.argv[1], "mine")
for number in range(40):
    study.set_user_attr(sys.argv[2], number)
"""
    journal = str(tmp_path / "study.journal")
    writers = [
        subprocess.Popen([sys.executable, "-c", code, journal, name]) for name in ("a", "b", "c")
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    study = optuna.load_study(
        study_name="mine",
        storage=optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(journal)),
    )
    assert {name: study.user_attrs[name] for name in "abc"} == {"a": 39, "b": 39, "c": 39}


def test_optuna_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    told(source(tmp_path, n_trials=2, pruner="median"))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("scheme", ["", "sqlite:///"])
def test_study_that_others_may_write_is_not_used(tmp_path: Path, scheme: str) -> None:
    file = tmp_path / "mine"
    before = os.umask(0)
    open_storage(f"{scheme}{file}")
    os.umask(before)
    assert file.stat().st_mode & 0o022 == 0
    open_storage(f"{scheme}{file}")
    file.chmod(0o666)
    with refusal(f"cannot be used: others may write to {file} (chmod go-w {file})", "another file"):
        open_storage(f"{scheme}{file}")
