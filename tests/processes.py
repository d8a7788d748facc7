"""Commands as processes of their own: started, waited for, looked up, asked what they imported."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from conftest import spawn
from expect import Outcome

DEADLINE_S = 180

Process = subprocess.Popen[str]

# Runs a command, then tells on the last line of standard error whether torch was imported.
PROBE = """
import sys
from {module} import main
try:
    code = main(sys.argv[1:])
except SystemExit as exit_:
    code = exit_.code
print("torch imported:", "torch" in sys.modules, file=sys.stderr)
sys.exit(code)
"""


def probe(module: str, *words: str, cwd: Path, **environment: str) -> tuple[Outcome, bool]:
    """Run a command, and return what it left and whether torch was imported."""
    done = spawn("-c", PROBE.format(module=module), *words, cwd=cwd, **environment)
    err, mark, imported = done.stderr.rstrip("\n").rpartition("torch imported: ")
    assert mark, done.stderr
    return Outcome(done.returncode, done.stdout, err), imported == "True"


def started(folder: Path, *words: str, **options: Any) -> Process:
    """Start `python -m train WORDS`; what it prints can be read where nothing else is said."""
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-m", "train", *words]
    return subprocess.Popen(command, cwd=folder, text=True, **piped | options)


@contextmanager
def running(program: str, *words: str, until: str) -> Iterator[Process]:
    """Run a program in Python from where it has printed this line to the end of the block."""
    command = [sys.executable, "-c", program, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"{until}\n"
            yield process
        finally:
            process.kill()


def until(condition: Callable[[], Any], process: Process | None = None) -> Any:
    """Wait until the condition gives something true, as long as the process runs; return that."""
    end = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        if process is not None and process.poll() is not None:
            said = process.stderr and process.stderr.read()
            raise AssertionError(f"it ended too early: {said}")
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)
    return value


def processes_where(condition: Callable[[Path], Any]) -> list[int]:
    """Return the processes whose folders in /proc meet the condition; those that end do not."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if condition(each):
                found.append(int(each.name))
    return found


def parent(pid: int) -> int:
    """Return the process that started a process."""
    return int(_state(pid)[1])


def is_over(pid: int) -> bool:
    """Return whether a process has ended, though it may still be asked with which code."""
    try:
        return _state(pid)[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def _state(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
