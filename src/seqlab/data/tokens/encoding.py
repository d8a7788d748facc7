"""A text to token indices, block by block.

Levels are `char`, every character a token, and `word`, what lies between white space.
Preprocessing is `raw`, which leaves the text as it is; `joined`, which makes it lower case and
every run of other characters than letters, of any script and with their marks, one space; or
`chapter`, which knows the letters A to Z alone, does the same to each line, strips it and joins the
lines with nothing, so that words fuse at line ends (Dive into Deep Learning, section 9.2).
`A_TO_Z` is what `joined` was in earlier versions.

Tokens get provisional numbers as they come, since their order by frequency is known at the end
only; `Encoder.indices` then translates the numbers. A block is a piece of the text in UTF-8 that
cuts no code point in two (`seqlab.system.text_files.text_blocks`), of any length.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.tokens.letters import Codes, Letters
from seqlab.data.tokens.vocabulary import Vocabulary

A_TO_Z = "joined_a_to_z"
Numbers = NDArray[Any]
"""Provisional token numbers or token indices, `(N,)`, of the smallest type that holds them."""

_NUM_ASCII = 128
_NUM_CODE_POINTS = 0x110000


def smallest_type(number: int) -> type[np.integer[Any]]:
    """Return the smallest type that tells so many tokens apart."""
    if number <= 1 << 8:
        return np.uint8
    return np.uint16 if number <= 1 << 16 else np.int32


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
        preprocessing: `raw`, `joined`, `chapter` or `A_TO_Z`.
    """

    def __init__(self, preprocessing: str) -> None:
        super().__init__()
        self._letters: Letters | None = None
        if preprocessing != "raw":
            self._letters = Letters(
                lines=preprocessing == "chapter", every_script=preprocessing == "joined"
            )
        self._seen = np.zeros(0, np.bool_)
        self._order: list[int] = []
        self._beyond: list[int] = []
        # The number of each code point, -1 for those that did not come yet; made where needed.
        self._numbers = np.zeros(0, np.int32)

    def feed(self, block: bytes) -> Numbers:
        """Return the numbers of the characters that a block completes."""
        if self._letters is not None:
            return self._noted(self._numbered(self._letters.feed(block)))
        if block.isascii():
            return self._noted(np.frombuffer(block, np.uint8))
        points = np.frombuffer(block.decode().encode("utf-32-le"), "<i4")
        return self._noted(self._numbered(points))

    def finish(self) -> Numbers:
        """Return the numbers of what the end of the text completes, such as a space."""
        rest = np.zeros(0, np.uint8) if self._letters is None else self._letters.finish()
        return self._noted(self._numbered(rest))

    def counts(self) -> dict[str, int]:
        """Return how often each character came, in the order of their first appearance."""
        return {self._character(i): int(self._counts[i]) for i in self._order}

    def indices(self, vocabulary: Vocabulary) -> Numbers:
        """Return the index of each number."""
        every = map(self._character, range(_NUM_ASCII + len(self._beyond)))
        return np.array(vocabulary.encode(every), smallest_type(len(vocabulary)))

    def _character(self, number: int) -> str:
        return chr(number if number < _NUM_ASCII else self._beyond[number - _NUM_ASCII])

    def _numbered(self, points: Codes) -> Numbers:
        if points.dtype == np.uint8:  # ASCII
            return points
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
