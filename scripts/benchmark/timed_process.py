"""A Python command in a process of its own: how long it takes, and how much memory."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_POLL_S = 0.02


@dataclass(frozen=True)
class Usage:
    """What a process used: seconds, peak resident memory, and peak anonymous memory if watched."""

    seconds: float
    peak_gib: float
    anonymous_gib: float


def timed_process(
    words: Sequence[str],
    folder: Path,
    code: int = 0,
    environment: Mapping[str, str] | None = None,
    *,
    watch_anonymous: bool = False,
) -> Usage:
    """Run `python WORDS` in a folder and return its usage.

    Args:
        words: arguments of the interpreter.
        folder: working folder.
        code: expected exit code.
        environment: variables added to this process's own.
        watch_anonymous: whether to sample the anonymous memory, 50 times a second.

    Raises:
        RuntimeError: the process ended with another exit code.
    """
    variables = os.environ | dict(environment or {})
    anonymous = 0
    with tempfile.TemporaryFile() as out:
        begin = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *words], cwd=folder, env=variables, stdout=out, stderr=out
        )
        while not (ended := os.wait4(process.pid, os.WNOHANG if watch_anonymous else 0))[0]:
            anonymous = max(anonymous, _anonymous_kib(process.pid))
            time.sleep(_POLL_S)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(ended[1])
        if process.returncode != code:
            out.seek(0)
            text = out.read().decode(errors="replace")[-500:]
            raise RuntimeError(f"python {' '.join(words)} exited with {process.returncode}: {text}")
    return Usage(seconds, ended[2].ru_maxrss / 2**20, anonymous / 2**20)


def _anonymous_kib(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))
