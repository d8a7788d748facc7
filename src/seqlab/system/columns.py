"""Tables on a terminal: columns side by side, as many as have room, and no number in two lines."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from seqlab.system.terminal import STABLE_WIDTH, harmless, length, plain, width, wrapped

_GAP = 2
_SHORTEST = 8


@dataclass(frozen=True)
class Column:
    """A column of a printed table.

    Attributes:
        head: what stands above it.
        cells: its texts, which may be styled.
        is_number: whether it stands to the right, and is never cut short.
        spare: where a table is too wide, the column with the highest goes first; 0: it stays.
    """

    head: str
    cells: Sequence[str]
    is_number: bool = False
    spare: int = 0

    @property
    def width(self) -> int:
        """Columns of a terminal that it takes, the gap before it included."""
        return _GAP + max(length(harmless(text)) for text in (self.head, *self.cells))

    def lines(self) -> list[str]:
        """Return head and cells, all of one length."""
        texts = [harmless(text) for text in (self.head, *self.cells)]
        spaces = [" " * (self.width - _GAP - length(text)) for text in texts]
        if self.is_number:
            return [space + text for space, text in zip(spaces, texts, strict=True)]
        return [text + space for space, text in zip(spaces, texts, strict=True)]


def table(columns: Sequence[Column], room: int) -> list[str]:
    """Return the lines of a table: the head, then the cells.

    Where it is too wide, columns that can be spared go, and then the longest texts are cut short.

    Args:
        columns: from left to right.
        room: columns of the terminal.
    """
    left = list(columns)
    while width_of(left) > room and (spare := max(left, key=lambda each: each.spare)).spare:
        left.remove(spare)
    while (over := width_of(left) - room) > 0:
        texts = [each for each in left if not each.is_number and each.width > _GAP + _SHORTEST]
        if not texts:
            break
        longest = max(texts, key=lambda each: each.width)
        most = max(longest.width - _GAP - over, _SHORTEST)
        place = left.index(longest)
        left[place] = replace(
            longest, head=cut(longest.head, most), cells=[cut(each, most) for each in longest.cells]
        )
    rows = zip(*(column.lines() for column in left), strict=True)
    return [f"{' ' * _GAP}{(' ' * _GAP).join(cells)}".rstrip() for cells in rows]


def entries(rows: Iterable[tuple[str, str]], share: float = 1 / 3) -> Iterator[str]:
    """Yield names with words beside them; those of a name that is too long begin below it.

    Args:
        rows: names and words.
        share: of the terminal's width that the names may take.
    """
    rows, room = list(rows), min(width(), STABLE_WIDTH)
    longest = max((len(name) for name, _ in rows if len(name) <= share * room), default=0)
    column = 2 * _GAP + longest
    for name, words in rows:
        lines = wrapped(words, room - column, "") or [""]
        first = "" if len(name) > longest else lines.pop(0)
        yield f"{' ' * _GAP}{name:<{column - _GAP}}{first}".rstrip()
        yield from (" " * column + line for line in lines if line)


def width_of(columns: Sequence[Column]) -> int:
    """Return how many columns of a terminal a table takes."""
    return sum(column.width for column in columns)


def cut(text: str, most: int) -> str:
    """Return a text in so many columns: the end of a longer one is left out."""
    if length(text) <= most:
        return text
    text = plain(text)
    while length(text) > max(most, 2) - 1:
        text = text[:-1]
    return f"{text}…"


def number(value: float) -> str:
    """Return a metric to read: four decimals, or four digits of a small or large one."""
    return f"{value:,.4f}" if 1e-3 <= abs(value) < 1000 or not value else f"{value:.4g}"
