"""The words of a text as numbers, compiled: kernels/words.cpp."""

import ctypes
import functools
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from seqlab.data.tokens.encoding import Numbers
from seqlab.data.tokens.letters import LETTERS_AND_SPACES, folds
from seqlab.data.tokens.word_table import WHITE_SPACE
from seqlab.system.compiler import load_compiled

_SOURCE = Path(__file__).parent / "kernels" / "words.cpp"
_WORDS, _NUMBERS, _FOLDS, _SIZE = (*[ctypes.c_void_p] * 3, ctypes.c_int64)
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "words_new": (_WORDS, [ctypes.c_char_p, ctypes.c_int]),
    "words_free": (None, [_WORDS]),
    "words_feed": (_SIZE, [_WORDS, ctypes.c_char_p, _SIZE, _FOLDS, _NUMBERS]),
    "words_finish": (_SIZE, [_WORDS, _NUMBERS]),
    "words_size": (_SIZE, [_WORDS]),
    "words_ends": (ctypes.POINTER(_SIZE), [_WORDS]),
    "words_text": (ctypes.POINTER(ctypes.c_char), [_WORDS]),
}


class CompiledWordTable:
    """What `WordTable` is, in compiled code.

    Args:
        raw: as there.
        every_script: as there.

    Raises:
        CompilerError: nothing can be compiled on this machine; the message says why.
    """

    def __init__(self, raw: bool, every_script: bool = False) -> None:
        self._every_script = every_script
        self._library = _library()
        self._words = self._library.words_new(WHITE_SPACE if raw else LETTERS_AND_SPACES, raw)
        weakref.finalize(self, self._library.words_free, self._words)

    def feed(self, block: bytes) -> Numbers:
        """Return the numbers of the words that a block completes."""
        numbers = np.empty(len(block) // 2 + 1, np.int32)
        # Only what is not ASCII needs the table, which takes a while to make.
        table = folds().ctypes.data if self._every_script and not block.isascii() else None
        found = self._library.words_feed(self._words, block, len(block), table, numbers.ctypes.data)
        return numbers[:found]

    def finish(self) -> Numbers:
        """Return the number of the word that ends the text, where one does."""
        numbers = np.empty(1, np.int32)
        return numbers[: self._library.words_finish(self._words, numbers.ctypes.data)]

    def words(self) -> list[bytes]:
        """Return the words by their numbers."""
        ends = self._library.words_ends(self._words)[: self._library.words_size(self._words)]
        text = self._library.words_text(self._words)[: ends[-1] if ends else 0]
        return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@functools.cache
def _library() -> ctypes.CDLL:
    library = load_compiled(_SOURCE)
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
