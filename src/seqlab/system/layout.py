"""Text in lines and columns that fit the terminal."""

import shutil
import textwrap
from collections.abc import Iterable, Iterator

_WIDEST = 100


def table(rows: Iterable[tuple[str, str]], share: float = 1 / 3) -> Iterator[str]:
    """Yield two columns; the words of an entry that is too long for the first begin below it.

    Args:
        rows: both columns.
        share: of the width that the first column may take.
    """
    rows = list(rows)
    most = int(share * _width())
    column = 4 + max((len(name) for name, _ in rows if len(name) <= most), default=0)
    for name, words in rows:
        lines = textwrap.wrap(words, _width() - column) or [""]
        if len(name) > column - 4:
            yield f"  {name}"
        else:
            yield f"  {name:<{column - 2}}{lines.pop(0)}".rstrip()
        yield from (" " * column + line for line in lines if line)


def wrapped(text: str, indent: int = 0) -> list[str]:
    """Return a text in lines that fit the terminal, each indented."""
    return [" " * indent + line for line in textwrap.wrap(text, _width() - indent)]


def _width() -> int:
    return min(shutil.get_terminal_size().columns, _WIDEST)
