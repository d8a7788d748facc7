"""When a run began: with its process where that is known, and otherwise now."""

import time
from pathlib import Path

import pytest

from conftest import spawn
from seqlab.profiling import start_time as beginning


def test_process_began_before_it_imported_anything(tmp_path: Path) -> None:
    code = """
import time
first = time.perf_counter()
time.sleep(0.03)
from seqlab.profiling.start_time import process_start
print(first - process_start())
"""
    before = time.perf_counter()
    done = spawn("-c", code, cwd=tmp_path)
    whole = time.perf_counter() - before
    assert done.returncode == 0, done.stderr
    # A hundredth of a second is what the system counts in.
    assert -0.02 < float(done.stdout) < whole


def test_forked_process_did_not_begin_with_the_one_it_was_forked_from(tmp_path: Path) -> None:
    code = """
import os, time
from seqlab.profiling.start_time import process_start
time.sleep(0.2)
forked = time.perf_counter()
if os.fork() == 0:
    print(process_start() - forked, flush=True)
    os._exit(0)
os.wait()
"""
    done = spawn("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > -0.1


@pytest.mark.parametrize("content", [None, "", "1 (a b) S 1 2", "1 (x) S " + "x " * 40])
def test_without_word_of_the_system_it_is_the_first_import(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "stat").write_text(content)
    monkeypatch.setattr(beginning, "_STAT", tmp_path / "stat")
    monkeypatch.setattr(beginning, "_first_moment", 3.0)
    assert beginning.process_start() == 3.0


def test_only_the_first_run_of_a_process_began_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "_first_moment", 3.0)
    beginning.began_with_the_process()
    assert beginning.take_beginning() <= 3.0
    now = time.perf_counter()
    assert beginning.take_beginning() >= now
