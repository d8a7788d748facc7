"""Texts of others, made harmless: what they hold is shown on a terminal, and not obeyed by it."""

import re
import shlex
import sys
from pathlib import Path
from typing import Any, TextIO

from seqlab.system.started import as_started

# Control characters but for newline and tab, other line ends, and what reverses a line of text.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    r"""Return a text with `\x1b` in place of an escape, and so on; newlines and tabs stay."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def as_field(text: str, separator: str = "") -> str:
    r"""Return a text as one field of a line: line ends in it become `\n`, `\r` and the like.

    Args:
        text: any text.
        separator: what ends a field of that line; in the text it gets a backslash before it.
    """
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return harmless(text.replace(separator, f"\\{separator}") if separator else text)


def as_word(path: str | Path) -> str:
    """Return a path as one word of a command line, which is no option."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def say(*texts: Any, error: bool = False) -> None:
    """Print a message, made harmless; its commands are those that can be typed here.

    Args:
        texts: what `print` is given.
        error: whether it goes to standard error.
    """
    text = as_started(" ".join(map(str, texts)))
    print(harmless(text), file=sys.stderr if error else sys.stdout)


def pour(text: str, stream: TextIO | None = None) -> None:
    """Print a text that was made for its own sake, at once: as it is, but on a terminal harmless.

    Args:
        text: a piece of it.
        stream: where to; `None`: standard output.
    """
    stream = stream or sys.stdout
    obeyed = stream is not None and stream.isatty()
    print(harmless(text) if obeyed else text, end="", flush=True, file=stream)
