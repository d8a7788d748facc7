"""Files that are whole or not there: written beside their place, flushed to disk, then renamed."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_PARTIAL = ".partial"


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a path to write to; what was written then takes `target`'s place all at once.

    The file is on the disk before it gets its name, and its name before this returns, so that
    neither a kill nor a power cut leaves half of it. Where the body raises, `target` stays as it
    was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}{_PARTIAL}")
    try:
        yield partial
        sync_file(partial)
        partial.replace(target)
        sync_folder(target.parent)
    finally:
        partial.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write a whole text file, all at once."""
    write_bytes(target, text.encode())


def write_bytes(target: Path, content: bytes) -> None:
    """Write a whole file, all at once."""
    with replacing(target) as partial:
        partial.write_bytes(content)


def sync_file(file: Path) -> None:
    """Wait until a file's content is on the disk."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system can tell."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_partials(folder: Path) -> None:
    """Remove what killed processes were writing; no other may be at work in the folder."""
    for file in folder.rglob(f".*{_PARTIAL}"):
        file.unlink(missing_ok=True)


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: numbers that are not finite become null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
