"""C++ is compiled once for a machine; what stands in the way is told."""

import logging
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from conftest import spawn
from expect import exact_refusal
from seqlab.data.tokens.word_encoding import fastest_table
from seqlab.data.tokens.word_table import WordTable
from seqlab.models.recurrent import RecurrentNetwork
from seqlab.models.scans import compiled
from seqlab.models.scans.cells import CELLS
from seqlab.runs.experiment import _check_backend
from seqlab.system import compiler
from seqlab.system.compiler import CompilerError
from seqlab.system.compiler import compiled_library as library_of

needs_gcc = pytest.mark.skipif(shutil.which("g++") is None, reason="needs GCC (g++)")
SOURCE = Path(compiled.__file__).parent / "kernels" / "scans.cpp"
COMPILED = ("experiment=time_machine_gru", "data=sample_story", "model.backend=compiled")
REMEDY = "Use model.backend=auto, the fastest that there is"
NO_COMPILER = "there is no C++ compiler: install GCC (apt-get install g++, or your system's way)"


def compiled_library() -> Path:
    return library_of(SOURCE)


def forget() -> None:
    compiled._library.cache_clear()
    compiled.compiled_steps.cache_clear()
    compiled.available.cache_clear()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where compiled libraries are kept; what is found out here is true of no other test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    forget()
    yield tmp_path / "seqlab" / "kernels"
    forget()


@pytest.fixture
def no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiler that notes what it is asked for, and makes a file of what `$MADE` says."""
    file = tmp_path / "made-up"
    file.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {tmp_path}/asked\n'
        'if [ "$1" = --version ]; then cat "$0.version" 2>/dev/null; exit 0; fi\n'
        "while [ $# -gt 1 ]; do shift; done\n"
        'echo made > "$1"\n'
    )
    file.chmod(0o755)
    monkeypatch.setenv("CXX", str(file))
    return file


def times_compiled(tmp_path: Path) -> int:
    asked = (tmp_path / "asked").read_text().splitlines()
    return sum("scans.cpp" in line for line in asked)


def test_it_is_compiled_once(made_up: Path, tmp_path: Path, folder: Path) -> None:
    library = compiled_library()
    assert library.parent == folder
    assert library.read_text() == "made\n"
    assert compiled_library() == library
    assert times_compiled(tmp_path) == 1


def test_it_is_compiled_again_for_another_compiler_processor_source_or_flag(
    made_up: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {compiled_library()}
    Path(f"{made_up}.version").write_text("made-up 2.0\n")
    found.add(compiled_library())
    monkeypatch.setattr(compiler, "_processor", lambda: "another")
    found.add(compiled_library())
    sources = shutil.copytree(SOURCE.parent, tmp_path / "sources")
    (sources / "cells.h").write_text("// another\n")
    found.add(library_of(sources / "scans.cpp"))
    found.add(library_of(sources / "scans.cpp", "-fopenmp"))
    assert len(found) == times_compiled(tmp_path) == 5


@needs_gcc
def test_a_machine_with_gcc_has_compiled_recurrences(folder: Path) -> None:
    assert compiled.available(CELLS["rnn"])
    assert [file.suffix for file in folder.iterdir()] == [".so"]
    network = RecurrentNetwork(5, hidden_size=4, backend="compiled")
    logits, _ = network(torch.zeros(1, 3, dtype=torch.int64))
    network.backend = "torch"
    torch.testing.assert_close(logits, network(torch.zeros(1, 3, dtype=torch.int64))[0])


@pytest.mark.usefixtures("no_compiler")
def test_without_a_compiler_auto_does_without(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert not compiled.available(CELLS["rnn"])
        assert not compiled.available(CELLS["rnn"])
    expected = f"recurrences do without compiled code: {NO_COMPILER}"
    assert [record.getMessage() for record in caplog.records] == [expected]
    assert RecurrentNetwork(5).backend_for(torch.zeros(8, 1, dtype=torch.int64)) == "scan"


def test_a_compiler_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "g+++")
    with pytest.raises(CompilerError, match=r"^CXX=g\+\+\+ is no program that can be run$"):
        compiled_library()


def test_what_a_compiler_says_is_passed_on(made_up: Path, folder: Path) -> None:
    made_up.write_text(
        '#!/bin/sh\n[ "$1" = --version ] || { echo "error: no such flag" >&2; exit 1; }\n'
    )
    with pytest.raises(CompilerError) as refused:
        compiled_library()
    assert str(refused.value) == f"{made_up} failed: error: no such flag"
    assert list(folder.iterdir()) == []  # nothing half made is left


def test_a_folder_that_cannot_be_written_is_named(made_up: Path, folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_text("a file is in the way")
    with pytest.raises(CompilerError, match=rf"^scans-\w+\.so cannot be kept: .*{folder}"):
        compiled_library()


def test_a_person_without_a_home_folder_does_without(
    made_up: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(compiler, "user_cache", none)
    with pytest.raises(CompilerError, match=r"cannot be kept: Could not determine home directory"):
        compiled_library()
    assert not compiled.available(CELLS["rnn"])


def test_what_cannot_be_loaded_is_told(made_up: Path) -> None:
    with pytest.raises(CompilerError, match=r"^what was compiled cannot be loaded: "):
        compiled.compiled_steps(CELLS["rnn"])


@needs_gcc
def test_another_thread_library_than_torch_s_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_thread_library_of_torch", lambda: None)
    with pytest.raises(CompilerError) as refused:
        compiled.compiled_steps(CELLS["rnn"])
    assert str(refused.value) == (
        "this torch runs its threads with another library than GCC's code, and the two would "
        "take the cores from each other"
    )


def test_without_a_compiler_compiled_is_refused_before_a_run_begins(tmp_path: Path) -> None:
    done = spawn("-m", "train", *COMPILED, cwd=tmp_path, PATH=str(tmp_path / "empty"))
    refused(done, tmp_path, f"model.backend=compiled: {NO_COMPILER}", " without it.")


def test_compiled_with_numbers_that_it_does_not_have_is_refused(tmp_path: Path) -> None:
    done = spawn("-m", "train", *COMPILED, "trainer.precision=bf16-mixed", cwd=tmp_path)
    message = (
        "model.backend=compiled with trainer.precision=bf16-mixed: it computes with 32 or 64 bits"
    )
    refused(done, tmp_path, message, ", or trainer.precision=32-true.")


def test_compiled_on_a_gpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqlab.runs.experiment.accelerator", lambda wanted: "gpu")
    config = {"model": {"backend": "compiled"}, "trainer": {"accelerator": "auto"}}
    message = "model.backend=compiled: it is for CPUs, and the run is on a GPU"
    with exact_refusal(message, f"{REMEDY}, or trainer.accelerator=cpu."):
        _check_backend(config)


def refused(
    done: subprocess.CompletedProcess[str], folder: Path, message: str, remedy: str
) -> None:
    assert done.returncode == 2
    assert done.stderr == f"error: {message}\n  {REMEDY}{remedy}\n"
    assert not (folder / "outputs").exists()


@pytest.mark.parametrize("level", [0, 1, 2])
def test_library_that_others_may_have_written_is_not_loaded(
    made_up: Path, folder: Path, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    library = compiled_library()
    assert library.stat().st_mode & 0o022 == 0
    writable = (library, *library.parents)[level]
    writable.chmod(0o777)
    reason = f"others may write to {writable} (chmod go-w {writable}): nothing is loaded from there"
    with pytest.raises(CompilerError) as caught:
        compiled_library()
    assert str(caught.value) == reason
    if level:  # the others' libraries have names of their own
        with caplog.at_level(logging.INFO):
            assert not compiled.available(CELLS["rnn"])
            assert fastest_table.__wrapped__() is WordTable
        assert caplog.messages[0] == f"recurrences do without compiled code: {reason}"
