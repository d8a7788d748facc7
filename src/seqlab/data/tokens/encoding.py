"""A text to token indices, block by block.

Levels are `char`, every character a token, and `word`, what lies between white space.
Preprocessing is `raw`, which leaves the text as it is; `joined`, which makes it lower case and
every run of other characters than the letters A to Z one space; or `chapter`, which does the same
to each line, strips it and joins the lines with nothing, so that words fuse at line ends (Dive
into Deep Learning, section 9.2).

Tokens get provisional numbers as they come, since their order by frequency is known at the end
only; `Encoder.indices` then translates the numbers. A block is a piece of the text in UTF-8 that
cuts no code point in two (`seqlab.system.text_files.text_blocks`), of any length.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.tokens.vocabulary import Vocabulary

Numbers = NDArray[Any]
"""Provisional token numbers or token indices, `(N,)`, of the smallest type that holds them."""

_NUM_ASCII = 128
_NUM_CODE_POINTS = 0x110000
_LINE_ENDS = b"\n\r\x0b\x0c\x1c\x1d\x1e"
_LINE_ENDS_BEYOND_ASCII = tuple(end.encode() for end in "\x85\u2028\u2029")


def _table(others: Callable[[int], bytes]) -> bytes:
    letters = {*range(ord("A"), ord("Z") + 1), *range(ord("a"), ord("z") + 1)}
    return b"".join(bytes([i | 0x20]) if i in letters else others(i) for i in range(256))


# Letters in lower case, anything else a space; for lines, what ends one is told apart.
LETTERS_AND_SPACES = _table(lambda byte: b" ")
_LETTERS_AND_LINES = _table(lambda byte: b"\n" if byte in _LINE_ENDS else b" ")


def smallest_type(number: int) -> type[np.integer[Any]]:
    """Return the smallest type that tells so many tokens apart."""
    if number <= 1 << 8:
        return np.uint8
    return np.uint16 if number <= 1 << 16 else np.int32


class Letters:
    """Lower-case letters and single spaces, from blocks of any text.

    Args:
        lines: a run of other characters is nothing where it holds a line end, or begins or ends
            the text (`chapter`); otherwise every run is one space (`joined`).
    """

    def __init__(self, *, lines: bool) -> None:
        self._lines = lines
        # The run of other characters that the text so far ends with: a space where there is one,
        # and whether it is nothing even between letters.
        self._gap = b""
        self._silent = lines

    def feed(self, block: bytes) -> bytes:
        """Return what a block adds, up to its last letter."""
        if self._lines and not block.isascii():
            for end in _LINE_ENDS_BEYOND_ASCII:
                block = block.replace(end, b"\n")
        block = block.translate(_LETTERS_AND_LINES if self._lines else LETTERS_AND_SPACES)
        begun = block.lstrip(b" \n")
        self._extend(block[: len(block) - len(begun)])
        if not begun:
            return b""
        body = begun.rstrip(b" \n")
        found = (b"" if self._silent else self._gap) + body
        self._gap, self._silent = b"", False
        self._extend(begun[len(body) :])
        return _collapsed(found)

    def finish(self) -> bytes:
        """Return what the end of the text adds."""
        return b"" if self._lines else self._gap

    def _extend(self, run: bytes) -> None:
        if run:
            self._gap = b" "
            self._silent = self._silent or b"\n" in run


def _collapsed(text: bytes) -> bytes:
    """Return letters with each run between them one space, or nothing where it has a newline."""
    codes = np.frombuffer(text, np.uint8)
    space = codes == ord(" ")
    keep = np.empty(len(codes), np.bool_)
    keep[0] = True
    np.logical_not(space[1:] & space[:-1], out=keep[1:])
    codes = codes[keep]
    if b"\n" not in text:
        return codes.tobytes()
    # Runs of spaces are single now: in a run with a newline each one has a newline beside it.
    newline = codes == ord("\n")
    drop = newline.copy()
    drop[1:] |= newline[:-1]
    drop[:-1] |= newline[1:]
    drop &= codes <= ord(" ")
    return codes[~drop].tobytes()


class Encoder(ABC):
    """Numbers and counts the tokens of a text, whose blocks are fed in order."""

    block_bytes = 1 << 18
    """How long blocks are best: what is made of one stays in the processor's cache."""

    def __init__(self) -> None:
        self._counts = np.zeros(0, np.int64)

    @abstractmethod
    def feed(self, block: bytes) -> Numbers:
        """Return the numbers of the tokens that a block completes."""

    @abstractmethod
    def finish(self) -> Numbers:
        """Return the numbers of the tokens that the end of the text completes."""

    @abstractmethod
    def counts(self) -> dict[str, int]:
        """Return how often each token came, in the order of their first appearance."""

    @abstractmethod
    def indices(self, vocabulary: Vocabulary) -> Numbers:
        """Return the index of each number."""

    def _count(self, numbers: Numbers) -> NDArray[np.int64]:
        """Count tokens, and return how often each number is among them."""
        counts = _histogram(numbers)
        if len(counts) > len(self._counts):
            more = max(len(counts), 2 * len(self._counts)) - len(self._counts)
            self._counts = np.pad(self._counts, (0, more))
        self._counts[: len(counts)] += counts
        return counts


def _histogram(numbers: Numbers) -> NDArray[np.int64]:
    """Return how often each number comes, at least up to the largest one."""
    if numbers.dtype != np.uint8 or len(numbers) < 1 << 16:
        return np.bincount(numbers)
    # Pairs of bytes are half as many, and the pairs of a text are few enough for the cache.
    even = len(numbers) & ~1
    pairs = np.bincount(numbers[:even].view(np.uint16), minlength=1 << 16).reshape(256, 256)
    counts: NDArray[np.int64] = pairs.sum(0) + pairs.sum(1)
    counts[numbers[even:]] += 1
    return counts


class CharacterEncoder(Encoder):
    """Characters: an ASCII one's number is its code, others get theirs from 128 up.

    Args:
        preprocessing: `raw`, `joined` or `chapter`.
    """

    def __init__(self, preprocessing: str) -> None:
        super().__init__()
        self._letters: Letters | None = None
        if preprocessing != "raw":
            self._letters = Letters(lines=preprocessing == "chapter")
        self._seen = np.zeros(0, np.bool_)
        self._order: list[int] = []
        self._beyond: list[int] = []
        # The number of each code point, -1 for those that did not come yet; made where needed.
        self._numbers = np.zeros(0, np.int32)

    def feed(self, block: bytes) -> Numbers:
        """Return the numbers of the characters that a block completes."""
        if self._letters is not None:
            block = self._letters.feed(block)
        if block.isascii():
            return self._noted(np.frombuffer(block, np.uint8))
        return self._noted(self._numbered(block))

    def finish(self) -> Numbers:
        """Return the number of the space that ends the text, where one does."""
        rest = b"" if self._letters is None else self._letters.finish()
        return self._noted(np.frombuffer(rest, np.uint8))

    def counts(self) -> dict[str, int]:
        """Return how often each character came, in the order of their first appearance."""
        return {self._character(i): int(self._counts[i]) for i in self._order}

    def indices(self, vocabulary: Vocabulary) -> Numbers:
        """Return the index of each number."""
        every = map(self._character, range(_NUM_ASCII + len(self._beyond)))
        return np.array(vocabulary.encode(every), smallest_type(len(vocabulary)))

    def _character(self, number: int) -> str:
        return chr(number if number < _NUM_ASCII else self._beyond[number - _NUM_ASCII])

    def _numbered(self, block: bytes) -> Numbers:
        points = np.frombuffer(block.decode().encode("utf-32-le"), "<i4")
        if not len(self._numbers):
            self._numbers = np.full(_NUM_CODE_POINTS, -1, np.int32)
            self._numbers[:_NUM_ASCII] = range(_NUM_ASCII)
        numbers = self._numbers.take(points)
        missing = points[numbers < 0]
        if len(missing):
            new = np.unique(missing)
            first = _NUM_ASCII + len(self._beyond)
            self._numbers[new] = np.arange(first, first + len(new))
            self._beyond += new.tolist()
            numbers = self._numbers.take(points)
        return numbers.astype(smallest_type(_NUM_ASCII + len(self._beyond)))

    def _noted(self, numbers: Numbers) -> Numbers:
        """Count characters, and remember the order in which new ones came."""
        counts = self._count(numbers)
        if len(self._counts) > len(self._seen):
            self._seen = np.pad(self._seen, (0, len(self._counts) - len(self._seen)))
        if np.any((counts > 0) & ~self._seen[: len(counts)]):
            new, first = np.unique(numbers[~self._seen[numbers]], return_index=True)
            self._order += new[np.argsort(first)].tolist()
            self._seen[new] = True
        return numbers
