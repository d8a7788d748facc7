"""The words of a text as numbers, in array operations."""

from collections import defaultdict
from itertools import count

import numpy as np
from numpy.typing import NDArray

from seqlab.data.tokens.encoding import Numbers
from seqlab.data.tokens.letters import LETTERS_AND_SPACES, Folding, encoded

_SPACES = [chr(point) for point in range(0x3001) if chr(point).isspace()]
_ASCII_SPACES = "".join(filter(str.isascii, _SPACES)).encode()
WHITE_SPACE = bytes.maketrans(_ASCII_SPACES, b" " * len(_ASCII_SPACES))
_WIDE_SPACES = [space.encode() for space in _SPACES if not space.isascii()]
_BEGINS_WIDE_SPACE = np.isin(np.arange(256), [space[0] for space in _WIDE_SPACES])
_WIDE_SPACES_OF = {
    size: [int.from_bytes(space) for space in _WIDE_SPACES if len(space) == size] for size in (2, 3)
}

_KEY_BYTES = 16
_KEY_MASKS = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)
# Numbers without a pattern, as in splitmix and xxHash: their products' first bits are well mixed.
_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], np.uint64)
_SLOT_BITS = 20


class WordTable:
    """The numbers of words, in the order of their first appearance, by NumPy.

    Nearly all words of a text are short and came before. Those are found all at once, by their
    bytes as two integers, in a table that has a place for most; a dictionary has every word.

    Args:
        raw: words are what lies between white space; otherwise they are runs of letters, in lower
            case.
        every_script: whether letters are those of every script, or those from A to Z.
    """

    def __init__(self, raw: bool, every_script: bool = False) -> None:
        self._raw = raw
        self._folding = Folding() if every_script else None
        self._words: defaultdict[bytes, int] = defaultdict(count().__next__)
        self._begun: list[bytes] = []
        self._keys = np.zeros((1 << _SLOT_BITS, 2), np.uint64)
        self._known = np.zeros(1 << _SLOT_BITS, np.int32)  # the word's number and one

    def feed(self, block: bytes) -> Numbers:
        """Return the numbers of the words that a block completes."""
        return self._fed(self._clean(block))

    def finish(self) -> Numbers:
        """Return the numbers of the words that the end of the text completes."""
        rest = b"" if self._folding is None else encoded(self._folding.finish())
        return self._fed(rest + b" ")

    def words(self) -> list[bytes]:
        """Return the words by their numbers."""
        return list(self._words)

    def _clean(self, block: bytes) -> bytes:
        if self._folding is not None:
            return encoded(self._folding.feed(block))
        return spaced(block) if self._raw else block.translate(LETTERS_AND_SPACES)

    def _fed(self, text: bytes) -> Numbers:
        end = text.rfind(b" ")
        if end < 0:
            self._begun.append(text)
            return np.zeros(0, np.int32)
        whole = b"".join([*self._begun, text[:end]])
        self._begun = [text[end:]]
        return self._numbered(whole)

    def _numbered(self, text: bytes) -> Numbers:
        """Return the numbers of words with spaces between."""
        text = b" " + text + b" " * _KEY_BYTES
        codes = np.frombuffer(text, np.uint8)
        space = codes == ord(" ")
        borders = np.flatnonzero(space[1:] != space[:-1]) + 1
        starts, ends = borders[::2], borders[1::2]
        keys = _keys(codes, starts, ends - starts)
        slots = _slots(keys)
        numbers = self._known.take(slots) - 1
        same = self._keys.take(slots, axis=0) == keys
        found = same[:, 0] & same[:, 1] & (numbers >= 0)
        fits = ends - starts <= _KEY_BYTES
        if b"\0" in text:  # a word's key is that of the same word with zeros behind it
            fits[:] = False
        missing = np.flatnonzero(~(found & fits))
        if len(missing):
            places = zip(starts[missing].tolist(), ends[missing].tolist(), strict=True)
            numbers[missing] = [self._words[text[start:end]] for start, end in places]
            # A word keeps its place: frequent ones come early.
            kept = missing[fits[missing] & (self._known[slots[missing]] == 0)]
            self._keys[slots[kept]] = keys[kept]
            self._known[slots[kept]] = numbers[kept] + 1
        return numbers


def _keys(
    codes: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Return the first 16 bytes of each word as two integers, `(N, 2)`, zeros behind its end."""
    eights = np.ndarray(len(codes) - 7, "<u8", codes, strides=(1,))
    keys = np.zeros((len(starts), 2), np.uint64)
    np.bitwise_and(eights[starts], _KEY_MASKS.take(np.minimum(lengths, 8)), out=keys[:, 0])
    longer = np.flatnonzero(lengths > 8)
    left = np.minimum(lengths[longer] - 8, 8)
    keys[longer, 1] = eights[starts[longer] + 8] & _KEY_MASKS.take(left)
    return keys


def _slots(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the place of each key in the table."""
    mixed = (keys[:, 0] * _FACTORS[0]) ^ (keys[:, 1] * _FACTORS[1])
    return (mixed >> np.uint64(64 - _SLOT_BITS)).astype(np.int64)


def spaced(block: bytes) -> bytes:
    """Return a block with spaces for every byte of what `str.split` takes for white space."""
    block = block.translate(WHITE_SPACE)
    if block.isascii():
        return block
    codes = np.frombuffer(bytearray(block + b"\0\0"), np.uint8)
    places = np.flatnonzero(_BEGINS_WIDE_SPACE.take(codes))
    number = codes[places].astype(np.int32)
    for size, spaces in _WIDE_SPACES_OF.items():
        number = (number << 8) | codes[places + size - 1]
        for place in range(size):
            codes[places[np.isin(number, spaces)] + place] = ord(" ")
    return codes[:-2].tobytes()
