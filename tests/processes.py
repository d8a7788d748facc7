"""Commands as processes of their own: started, waited for, asked what they imported."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from conftest import spawn

DEADLINE_S = 120
ONE_THREAD = {
    "OMP_NUM_THREADS": "1"
}  # small products are slower on two, and far so on a busy machine

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


def probe(module: str, *words: str, cwd: Path, **environment: str) -> tuple[int, str, bool]:
    """Return exit code, standard output, and whether torch was imported."""
    done = spawn("-c", PROBE.format(module=module), *words, cwd=cwd, **environment)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("torch imported: "), done.stderr
    return done.returncode, done.stdout, last.endswith("True")


def started(folder: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "train", *words],
        cwd=folder,
        env=os.environ | ONE_THREAD,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process: "subprocess.Popen[str]", condition: Callable[[], bool]) -> None:
    """Wait until the condition holds, as long as the process runs."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert process.poll() is None, (
            f"ended too early: {process.stderr and process.stderr.read()}"
        )
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)
