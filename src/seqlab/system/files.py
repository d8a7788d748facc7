"""Files that are whole or not there: written beside their place, flushed to disk, then renamed."""

import csv
import io
import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_PARTIAL = ".partial"
# What JSON would hold as it is: control characters, line ends, halves of a code point.
_UNSAFE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


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


def csv_line(cells: Iterable[Any]) -> str:
    """Return one record of a CSV file; whatever ends a line elsewhere is quoted in it."""
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow(cells)  # a lone \r is quoted only with it
    return line.getvalue().removesuffix("\r\n") + "\n"


def json_text(value: Any, indent: int | None = None) -> str:
    """Return a value as JSON, in every file and for `--json`.

    JSON has no NaN and no infinity: such a number becomes null. What reads it back takes null for
    a number that is not finite. Characters that a terminal would obey are escaped.
    """
    text = json.dumps(finite(value), indent=indent, ensure_ascii=False, allow_nan=False)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def finite(value: Any, instead: Callable[[float], Any] = lambda number: None) -> Any:
    """Return a value with something else in place of its numbers that are not finite.

    Args:
        value: anything; dictionaries and lists are looked through, and keys become text.
        instead: makes what takes such a number's place.
    """
    if isinstance(value, dict):
        return {str(key): finite(item, instead) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item, instead) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return instead(value)
    return value
