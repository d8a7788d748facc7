"""The letters of a text in lower case, block by block, and spaces for whatever else is in it."""

import functools
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[Any]
"""Code points or bytes, `(N,)`."""

_SPACE = ord(" ")
_SIGMA, _FINAL_SIGMA = "Σ", "ς"
_DOTTED_I = "İ"
"""The one letter that is two code points in lower case."""
_JOINERS = "\u200c\u200d"
"""They stand within words, as marks do: in Persian, Hindi and others."""
_NUM_CODE_POINTS = 0x110000
_LAST_LETTER = 0x34000
"""No plane from there on has letters; the only marks are variation selectors."""
_SELECTORS = range(0xE0100, 0xE01F0)
_LINE_ENDS = b"\n\r\x0b\x0c\x1c\x1d\x1e"
_LINE_ENDS_BEYOND_ASCII = tuple(end.encode() for end in "\x85\u2028\u2029")


def _table(others: Callable[[int], bytes]) -> bytes:
    letters = {*range(ord("A"), ord("Z") + 1), *range(ord("a"), ord("z") + 1)}
    return b"".join(bytes([i | 0x20]) if i in letters else others(i) for i in range(256))


# Letters in lower case, anything else a space; for lines, what ends one is told apart.
LETTERS_AND_SPACES = _table(lambda byte: b" ")
_LETTERS_AND_LINES = _table(lambda byte: b"\n" if byte in _LINE_ENDS else b" ")


@functools.cache
def folds() -> NDArray[np.int32]:
    """Return what each code point becomes: a letter its lower case, anything else a space.

    A mark, which belongs to the letter before it, is its own negative.
    """
    found = np.full(_NUM_CODE_POINTS, _SPACE, np.int32)
    for point, character in enumerate(map(chr, range(_LAST_LETTER))):
        if character.isalpha():
            found[point] = ord(character.lower()[0])
        elif unicodedata.category(character)[0] == "M" or character in _JOINERS:
            found[point] = -point
    found[_SELECTORS] = [-point for point in _SELECTORS]
    return found


class Folding:
    """Letters of every script in lower case, with their marks, and a space for anything else."""

    def __init__(self) -> None:
        self._inside = False
        # A capital sigma that ends the text so far: what follows decides its lower case.
        self._held = ""

    def feed(self, block: bytes) -> Codes:
        """Return the code points that a block adds, one for each of its own."""
        if block.isascii() and not self._held:
            found: Codes = np.frombuffer(block.translate(LETTERS_AND_SPACES), np.uint8)
        else:
            text = self._held + block.decode()
            whole = text.rstrip(_SIGMA)
            self._held = text[len(whole) :]
            found = self._folded(whole)
        if len(found):
            self._inside = bool(found[-1] != _SPACE)
        return found

    def finish(self) -> Codes:
        """Return what the end of the text adds."""
        held, self._held = self._held, ""
        return self._folded(held)

    def _folded(self, text: str) -> Codes:
        if _DOTTED_I in text:
            text = text.replace(_DOTTED_I, _DOTTED_I.lower())
        points = np.frombuffer(text.encode("utf-32-le"), "<i4")
        found = folds().take(points)
        self._place_marks(found)
        if _SIGMA in text:
            letter = np.concatenate([[self._inside], found != _SPACE, [False]])
            ends = (points == ord(_SIGMA)) & letter[:-2] & ~letter[2:]
            found[ends] = ord(_FINAL_SIGMA)
        return found

    def _place_marks(self, found: Codes) -> None:
        """Leave marks where they follow a letter, and put spaces in the place of others."""
        marks = found < 0
        if not marks.any():
            return
        places = np.flatnonzero(marks)
        # The place before the first of a run of marks, for each in it.
        first = np.flatnonzero(np.diff(places, prepend=-2) > 1)
        before = np.repeat(places[first] - 1, np.diff(first, append=len(places)))
        within = np.where(before < 0, self._inside, found[before] != _SPACE)
        found[places] = np.where(within, -found[places], _SPACE)


def encoded(codes: Codes) -> bytes:
    """Return code points in UTF-8."""
    if codes.dtype == np.uint8:
        return codes.tobytes()
    return codes.astype("<i4", copy=False).tobytes().decode("utf-32-le").encode()


class Letters:
    """Lower-case letters and single spaces, from blocks of any text.

    Args:
        lines: a run of other characters is nothing where it holds a line end, or begins or ends
            the text (`chapter`); otherwise every run is one space (`joined`).
        every_script: whether letters are those of every script, or those from A to Z.
    """

    def __init__(self, *, lines: bool, every_script: bool) -> None:
        self._lines = lines
        self._folding = Folding() if every_script else None
        # The run of other characters that the text so far ends with: a space where there is one,
        # and whether it is nothing even between letters.
        self._gap = b""
        self._silent = lines

    def feed(self, block: bytes) -> Codes:
        """Return what a block adds, up to its last letter."""
        if self._folding is not None:
            return self._spaced(self._folding.feed(block))
        if self._lines and not block.isascii():
            for end in _LINE_ENDS_BEYOND_ASCII:
                block = block.replace(end, b"\n")
        return self._of_bytes(
            block.translate(_LETTERS_AND_LINES if self._lines else LETTERS_AND_SPACES)
        )

    def finish(self) -> Codes:
        """Return what the end of the text adds."""
        rest = np.zeros(0, np.uint8)
        if self._folding is not None:
            rest = self._spaced(self._folding.finish())
        end = np.frombuffer(b"" if self._lines else self._gap, np.uint8)
        return np.concatenate([rest, end])

    def _of_bytes(self, block: bytes) -> Codes:
        begun = block.lstrip(b" \n")
        self._extend(block[: len(block) - len(begun)])
        if not begun:
            return np.zeros(0, np.uint8)
        body = begun.rstrip(b" \n")
        found = (b"" if self._silent else self._gap) + body
        self._gap, self._silent = b"", False
        self._extend(begun[len(body) :])
        return _collapsed(found)

    def _spaced(self, codes: Codes) -> Codes:
        """Return letters with single spaces, from letters with any number of them."""
        if codes.dtype == np.uint8:
            return self._of_bytes(codes.tobytes())
        space = codes == _SPACE
        # A space is left out before another, and at the end until a letter follows.
        keep = np.empty(len(codes), np.bool_)
        np.logical_not(space, out=keep)
        keep[:-1] |= keep[1:]
        begins = bool(self._gap) and len(codes) > 0 and not space[0]
        if len(codes):
            self._gap = b" " if space[-1] else b""
        found = codes[keep]
        return np.concatenate([[np.int32(_SPACE)], found]) if begins else found

    def _extend(self, run: bytes) -> None:
        if run:
            self._gap = b" "
            self._silent = self._silent or b"\n" in run


def _collapsed(text: bytes) -> Codes:
    """Return letters with each run between them one space, or nothing where it has a newline."""
    codes = np.frombuffer(text, np.uint8)
    space = codes == _SPACE
    keep = np.empty(len(codes), np.bool_)
    keep[0] = True
    np.logical_not(space[1:] & space[:-1], out=keep[1:])
    codes = codes[keep]
    if b"\n" not in text:
        return codes
    # Runs of spaces are single now: in a run with a newline each one has a newline beside it.
    newline = codes == ord("\n")
    drop = newline.copy()
    drop[1:] |= newline[:-1]
    drop[:-1] |= newline[1:]
    drop &= codes <= _SPACE
    return codes[~drop]
