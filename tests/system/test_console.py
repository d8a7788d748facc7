"""A console that is closed, full, missing or short of characters ends nothing."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from seqlab.system.console import OutputLost, console, need_output, on_the_console

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")


@contextmanager
def closed_pipe() -> Iterator[Any]:
    """Lend a stream into a pipe whose reader has gone."""
    read, write = os.pipe()
    os.close(read)
    with open(write, "w", buffering=1, encoding="utf-8", closefd=False) as stream:
        yield stream
        os.dup2(os.open(os.devnull, os.O_WRONLY), write)
    os.close(write)


def printed(monkeypatch: pytest.MonkeyPatch, stream: Any, text: str, *, needed: bool) -> int:
    """Print a text on a console whose standard output is that stream; return the exit code."""
    monkeypatch.setattr(sys, "stdout", stream)

    def command() -> int:
        if needed:
            need_output()
        print(text)
        return 7

    return on_the_console(command)


def test_what_cannot_be_shown_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.BytesIO()
    stream = io.TextIOWrapper(shown, encoding="ascii")
    for needed in (False, True):
        assert printed(monkeypatch, stream, "löp 中 \udcff", needed=needed) == 7
    assert shown.getvalue() == b"l\\xf6p \\u4e2d \\udcff\n" * 2


@needs_full
def test_full_device_is_an_error_only_for_a_command_that_needs_its_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = "error: the output could not be written: No space left on device\n"
    for needed, code, message in ((False, 7, ""), (True, 1, told)):
        with FULL.open("w") as stream:
            assert printed(monkeypatch, stream, "lost", needed=needed) == code
        assert capsys.readouterr().err == message


def test_pipe_whose_reader_has_gone_ends_a_command_that_needs_it_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for needed, code in ((False, 7), (True, 0)):
        with closed_pipe() as stream:
            assert printed(monkeypatch, stream, "lost", needed=needed) == code
    assert capsys.readouterr().err == ""


def test_output_that_is_closed_or_missing_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    stream.close()
    assert printed(monkeypatch, stream, "lost", needed=False) == 7
    assert printed(monkeypatch, None, "lost", needed=True) == 7
    assert sys.stdout is None
    with console():
        assert not sys.stdout.isatty()
        sys.stdout.writelines(["a", "b"])


def test_closed_stream_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    with console():
        assert not sys.stderr.isatty()
    assert sys.stderr is stream


def test_error_of_a_lost_output_passes_what_catches_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    with closed_pipe() as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        with console():
            need_output()
            with pytest.raises(OutputLost) as lost:
                print("lost", flush=True)
    assert not isinstance(lost.value, Exception)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "> /dev/full"])
def test_files_never_take_the_numbers_of_closed_outputs(tmp_path: Path, closed: str) -> None:
    text = (
        "import subprocess\n"
        "from seqlab.system.console import on_the_console\n"
        "def command():\n"
        "    with open('file', 'w') as file:\n"
        "        assert file.fileno() > 2, file.fileno()\n"
        "        print('out')\n"
        "        subprocess.run(['sh', '-c', 'echo child; echo child >&2'])\n"
        "    return 5\n"
        "raise SystemExit(on_the_console(command))\n"
    )
    words = ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, text]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 5, done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "file").read_text(encoding="utf-8") == ""
