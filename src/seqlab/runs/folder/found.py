"""What a folder on the disk is: a run, with which status, how old, how large; or none.

Only its smallest files are read, so that thousands take seconds, and nothing in it is used.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqlab.config.folders import CONFIG
from seqlab.runs.folder.lock import is_held
from seqlab.runs.folder.run_folder import LOG, RESULT, RunFolder
from seqlab.system.errors import UserError

STATUSES = ("running", "completed", "pruned", "interrupted", "killed", "failed", "damaged")
"""Those of result.json; a run that is said to run and has no process was killed."""

_MOST_BYTES = 1 << 22
_KEYS = ("trainer:", "monitor:", "data:", "model:")
_MONITOR = re.compile(r"^monitor: (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class FoundRun:
    """A run folder.

    Attributes:
        path: where it is.
        status: one of `STATUSES`.
        changed: when its result was last written, in seconds since 1970.
        result: result.json; empty where there is none, or it is damaged. Of a run that has not
            ended, the metrics are those of metrics.csv.
        monitor: what best.ckpt minimises; `None`: whichever suits the run.
    """

    path: Path
    status: str
    changed: float
    result: dict[str, Any] = field(default_factory=dict)
    monitor: str | None = None

    @property
    def is_resumable(self) -> bool:
        """Whether `resume=` goes on with it."""
        return self.status in ("interrupted", "killed")


def found_run(path: Path, entries: Iterable[os.DirEntry[str]]) -> FoundRun | None:
    """Return the run that a folder holds; `None` where it is none.

    Args:
        path: the folder.
        entries: what is in it. Only its files count: a link may lead anywhere, a pipe has no end.
    """
    files = {entry.name for entry in entries if entry.is_file(follow_symlinks=False)}
    if CONFIG not in files and RESULT not in files:
        return None
    folder = RunFolder(path)
    config = _text(folder.config) if CONFIG in files else ""
    is_ours = all(f"\n{key}" in config for key in _KEYS)
    result = _result(folder) if RESULT in files else {}
    if "fingerprint" not in result and not (is_ours and files & {RESULT, LOG}):
        return None
    found = _MONITOR.search(config)
    if not is_ours or (RESULT in files and not result):
        status = "damaged"
    else:
        status = _status(result, held=LOG in files and is_held(path))
    newest = [folder.result, folder.config]
    if status in ("running", "killed") and folder.metrics.name in files:
        newest.insert(0, folder.metrics)  # result.json is of its start
        result = result | {"metrics": _latest(folder)}
    return FoundRun(
        path,
        status,
        _changed(*newest),
        result,
        None if found is None or found[1] == "null" else found[1],
    )


def size_of(path: Path) -> int:
    """Return the bytes of the files in a folder; one with two names counts once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for entry in _files(path):
        with suppress(OSError):
            status = entry.stat(follow_symlinks=False)
            if status.st_nlink == 1 or (status.st_dev, status.st_ino) not in seen:
                total += status.st_size
                if status.st_nlink > 1:
                    seen.add((status.st_dev, status.st_ino))
    return total


def short_path(path: Path) -> str:
    """Return a path from the working folder or from the root, whichever is shorter."""
    whole = os.path.abspath(path)  # noqa: PTH100 - a link keeps its name
    return min(os.path.relpath(whole), whole, key=len)


def entries_of(path: Path) -> list[os.DirEntry[str]]:
    """Return what is in a folder; nothing where it cannot be read."""
    with suppress(OSError), os.scandir(path) as entries:
        return list(entries)
    return []


def _files(path: Path) -> Iterator[os.DirEntry[str]]:
    for entry in entries_of(path):
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        else:
            yield entry


def _result(folder: RunFolder) -> dict[str, Any]:
    with suppress(UserError, OSError):
        if folder.result.stat().st_size <= _MOST_BYTES:
            return folder.read_result()
    return {}


def _latest(folder: RunFolder) -> dict[str, float]:
    with suppress(OSError):
        return {name: pairs[-1][1] for name, pairs in folder.read_metrics().items()}
    return {}


def _status(result: dict[str, Any], *, held: bool) -> str:
    status = result.get("status", "running")  # without a result, it has only just begun
    if status == "running":
        return "running" if held else "killed"
    error = result.get("error")
    if status == "interrupted" and isinstance(error, dict) and error.get("type") == "Pruned":
        return "pruned"
    return str(status)


def _changed(*files: Path) -> float:
    for file in files:
        with suppress(OSError):
            return file.stat().st_mtime
    return 0.0


def _text(file: Path) -> str:
    with suppress(OSError), file.open("rb") as opened:
        return opened.read(_MOST_BYTES).decode("utf-8", errors="replace")
    return ""
