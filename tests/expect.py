"""What several tests expect of a command, and of what refuses."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seqlab.system.errors import UserError
from seqlab.system.terminal import relative


@dataclass
class Outcome:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]
"""Runs a command with these words."""
Commands = Callable[..., list[Outcome]]
"""Hands a run folder to every command that takes one."""
Refuses = Callable[..., None]
"""Asserts that a command is refused: its line, then what the message has to say."""


def succeeded(outcome: Outcome) -> Outcome:
    """Assert exit code 0, and return what the command left."""
    assert outcome.code == 0, outcome.err
    return outcome


def refused(outcome: Outcome, *texts: str) -> None:
    """Assert exit code 2 and one clear message, with these texts in it, on standard error only.

    Paths in the texts may be absolute; the message has them from the working folder on.
    """
    assert outcome.code == 2, outcome.err
    assert outcome.out == "", outcome.out
    assert outcome.err.startswith("error: "), outcome.err
    assert outcome.err.count("error: ") == 1, outcome.err
    assert "Traceback" not in outcome.err, outcome.err
    for text in map(relative, texts):
        assert text in outcome.err, f"{text!r} is not in {outcome.err!r}"


@contextmanager
def refusal(message: str, remedy: str = "") -> Iterator[pytest.ExceptionInfo[UserError]]:
    """Assert that what is done in the block is refused with this message and this remedy."""
    with pytest.raises(UserError) as caught:
        yield caught
    assert message in str(caught.value)
    assert remedy in caught.value.hint


@contextmanager
def exact_refusal(message: str, remedy: str) -> Iterator[None]:
    """Assert that what is done in the block is refused in these very words."""
    with pytest.raises(UserError) as caught:
        yield
    assert (str(caught.value), caught.value.hint) == (message, remedy)


def refusals(*rows: tuple[Any, ...]) -> pytest.MarkDecorator:
    """Give a test `asked`, `message` and, where a row has one, `remedy`, from each of the rows.

    What is asked of a command is a line of words, or the words where one of them has a space in it.
    """
    width = max(map(len, rows))
    named = [pytest.param(*row, *[""] * (width - len(row)), id=_name(row[0])) for row in rows]
    return pytest.mark.parametrize(("asked", "message", "remedy")[:width], named)


def words_of(asked: str | tuple[str, ...]) -> list[str]:
    """Return the words of a line."""
    return asked.split() if isinstance(asked, str) else list(asked)


def _name(asked: Any) -> str | None:
    return " ".join(words_of(asked)) if isinstance(asked, str | tuple) else None


def rows_of(file: Path) -> list[dict[str, str]]:
    """Return the rows of a table in a file, each by the names of its columns."""
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return content and time of every file: equal only where nothing was touched."""
    return {
        str(file.relative_to(folder)): (file.read_bytes(), file.stat().st_mtime_ns)
        for file in folder.rglob("*")
        if file.is_file()
    }
