"""What several tests expect of a command."""

from pathlib import Path
from typing import Any

import pytest

from conftest import Outcome


def refused(outcome: Outcome, *texts: str) -> None:
    """Assert exit code 2 and one clear message, with these texts in it, on standard error only."""
    assert outcome.code == 2, outcome.err
    assert outcome.out == "", outcome.out
    assert outcome.err.startswith("error: "), outcome.err
    assert outcome.err.count("error: ") == 1, outcome.err
    assert "Traceback" not in outcome.err, outcome.err
    for text in texts:
        assert text in outcome.err, f"{text!r} is not in {outcome.err!r}"


def one(*words: str, message: str, remedy: str) -> Any:
    """Return a case for parametrize, named after the words of its command."""
    return pytest.param(words, message, remedy, id=" ".join(words))


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return content and time of every file: equal only where nothing was touched."""
    return {
        str(file.relative_to(folder)): (file.read_bytes(), file.stat().st_mtime_ns)
        for file in folder.rglob("*")
        if file.is_file()
    }
