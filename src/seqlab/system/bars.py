"""Progress bars that fit the terminal, and leave its line as it was."""

from collections.abc import Mapping, Sequence
from typing import Any

from tqdm import tqdm
from tqdm.utils import disp_len

from seqlab.system.terminal import STABLE_WIDTH, shown, width

_FREE = 3
"""Columns that stay empty behind a bar: a terminal writes `^C` there."""
_SHORTEST = 10
_SLACK = 6


class Bar(tqdm):
    """A bar in the first of several formats that leaves it room.

    Args:
        formats: of tqdm, the longest first; `{bar}` is the bar itself, the last need not have one.
        stream: where it is drawn.
        texts: what the formats call by other names than tqdm's; they may be styled.
        options: what tqdm takes.
    """

    def __init__(
        self, formats: Sequence[str], stream: Any, texts: Mapping[str, str], **options: Any
    ) -> None:
        self.texts = texts
        self._formats = formats
        self._fits = 0, 0
        super().__init__(file=stream, leave=False, bar_format=formats[0], **options)

    def __str__(self) -> str:
        """Return the line."""
        columns = min(width(self.fp), STABLE_WIDTH) - _FREE
        facts = self.format_dict | {k: shown(text, self.fp) for k, text in self.texts.items()}
        facts |= {"prefix": shown(self.desc, self.fp), "ncols": columns}
        before = self._fits[1] if self._fits[0] == columns else 0
        for place, form in enumerate(self._formats):
            bare = form.replace("{bar}", " " * _SHORTEST)
            line = self.format_meter(**facts | {"ncols": None, "bar_format": bare})
            # A short line grows again only where it will not have to shrink at once.
            if disp_len(line) <= columns - _SLACK * (place < before):
                break
        self._fits = columns, place
        return str(self.format_meter(**facts | {"bar_format": self._formats[place]}))

    def close(self) -> None:
        """Take it away, and what a terminal has written behind it."""
        is_drawn, first = not self.disable, not self.pos
        super().close()
        if is_drawn and first:
            self.fp.write(f"\r{' ' * (width(self.fp) - 1)}\r")
            self.fp.flush()
