"""What a terminal is told: its width, its colours, and texts of others, shown and not obeyed."""

import os
import re
import shlex
import sys
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from seqlab.system.started import as_started

# Control characters but for newline and tab, other line ends, and what reverses a line of text.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

# Noncharacters, which Unicode leaves to each program: one before what is styled, one after it.
_CODES = {"heading": "1", "good": "32", "caution": "33", "bad": "31"}
_MARKS = {style: chr(0xFDD0 + place) for place, style in enumerate(_CODES)}
_END = "\ufdef"
_STYLED = re.compile(f"([{''.join(_MARKS.values())}])([^\ufdd0-\ufdef]*){_END}")
_ANY_MARK = re.compile("[\ufdd0-\ufdef]")
_CODE_OF = {mark: _CODES[style] for style, mark in _MARKS.items()}

STABLE_WIDTH = 100
"""Columns of what is printed where no terminal says how wide it is."""
_NARROWEST = 20
_MISREAD = ("-", "'", '"')  # a path that begins so would be taken for an option, or for a quotation


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
    """Return a path as one word of a command line, which is no option and not in quotes."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith(_MISREAD) else text)


def styled(text: str, style: str) -> str:
    """Return a text that `say` shows in a style, where colours are shown.

    Args:
        text: without a styled part.
        style: `heading`, `good`, `caution` or `bad`.
    """
    return f"{_MARKS[style]}{text}{_END}"


def shown(text: str, stream: Any = None) -> str:
    """Return a text as a stream gets it: harmless, with short paths, and coloured where wanted.

    Args:
        text: may have styled parts.
        stream: where it goes; `None`: to a file, or another place without colours.
    """
    coloured = stream is not None and takes_colour(stream)

    def painted(found: re.Match[str]) -> str:
        return f"\x1b[{_CODE_OF[found[1]]}m{found[2]}\x1b[0m" if coloured else found[2]

    return _STYLED.sub(painted, as_started(relative(harmless(text))))


def relative(text: str) -> str:
    """Return a text whose paths below the working folder start there."""
    with suppress(OSError):  # it was deleted
        folder = os.getcwd()  # noqa: PTH109
        if folder != "/" and folder in text:
            here = re.compile(rf"(?<![\w.~/-]){re.escape(folder)}/(?=[^\s/])")
            return here.sub(lambda found: "./" if text[found.end()] in _MISREAD else "", text)
    return text


def takes_colour(stream: Any) -> bool:
    """Return whether a stream shows colours: a terminal does, unless the person says otherwise."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return os.environ.get("TERM") != "dumb" and is_terminal(stream)


def width(stream: Any = None) -> int:
    """Return how many columns a stream has: those of its terminal, or else a stable number.

    Args:
        stream: `None`: standard output.
    """
    stream = stream or sys.stdout
    wanted = os.environ.get("COLUMNS", "")
    columns = int(wanted) if wanted.isdecimal() else 0
    if not columns and is_terminal(stream):
        columns = 80
        with suppress(OSError, ValueError, AttributeError):
            columns = os.get_terminal_size(stream.fileno()).columns or columns
    return max(columns, _NARROWEST) if columns else STABLE_WIDTH


def plain(text: str) -> str:
    """Return a text without its styles."""
    return _ANY_MARK.sub("", text)


def length(text: str) -> int:
    """Return how many columns a text takes."""
    text = plain(text)
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + wide - sum(unicodedata.combining(sign) > 0 for sign in text)


def wrapped(text: str, columns: int, indent: str = "  ") -> list[str]:
    """Return a text in lines of so many columns at most; longer words, such as paths, stay whole.

    A percentage is one word.

    Args:
        text: one paragraph.
        columns: of a line.
        indent: before every line but the first.
    """
    columns = min(columns, STABLE_WIDTH)
    lines, line = [], ""
    for word in re.findall(r"\s*\S+(?: %[.,;:)]*(?!\S))?", text):
        if line and length(line + word) > columns:
            lines.append(line)
            line = indent + word.lstrip()
        else:
            line += word
    return [*lines, line] if line else lines


def fitted(text: str, indent: str = "  ", stream: Any = None) -> str:
    """Return a paragraph in lines that fit a terminal; where there is none, as it is.

    One with a command in it stays whole: it can be copied.

    Args:
        text: one paragraph.
        indent: before every line but the first.
        stream: where it goes; `None`: standard output.
    """
    stream = stream or sys.stdout
    if not is_terminal(stream) or "python -m " in text:
        return text
    return "\n".join(wrapped(relative(text), width(stream), indent))


def say(*texts: Any, error: bool = False) -> None:
    """Print a message: harmless, in colour if it has any, with paths and commands as they are here.

    Args:
        texts: what `print` is given; parts may be `styled`.
        error: whether it goes to standard error.
    """
    stream = sys.stderr if error else sys.stdout
    print(shown(" ".join(map(str, texts)), stream), file=stream)


def leave_echo() -> None:
    """Take away the `^C` that a terminal has written: what is said next has a line of its own."""
    if is_terminal(sys.stderr):
        print("\r  \r", end="", flush=True, file=sys.stderr)


def pour(text: str, stream: TextIO | None = None) -> None:
    """Print a text that was made for its own sake, at once: as it is, but on a terminal harmless.

    Args:
        text: a piece of it.
        stream: where to; `None`: standard output.
    """
    stream = stream or sys.stdout
    print(harmless(text) if is_terminal(stream) else text, end="", flush=True, file=stream)


def is_terminal(stream: Any) -> bool:
    """Return whether a stream is a terminal that is open."""
    try:
        return bool(stream.isatty())
    except (AttributeError, OSError, ValueError):  # it is missing, or closed
        return False
