"""The words of a text as numbers, a block at a time."""

import functools
import logging
from collections.abc import Callable

import numpy as np

from seqlab.data.tokens.compiled_words import CompiledWordTable
from seqlab.data.tokens.encoding import Encoder, Numbers, smallest_type
from seqlab.data.tokens.vocabulary import Vocabulary
from seqlab.data.tokens.word_table import WordTable
from seqlab.system.compiler import CompilerError

logger = logging.getLogger(__name__)

_Table = WordTable | CompiledWordTable


@functools.cache
def fastest_table() -> type[WordTable] | type[CompiledWordTable]:
    """Return the compiled table of words, or where nothing can be compiled the other one."""
    try:
        CompiledWordTable(raw=True)
    except CompilerError as error:
        logger.info("words are looked up without compiled code, at half the speed: %s", error)
        return WordTable
    return CompiledWordTable


class WordEncoder(Encoder):
    """Words: numbered in the order of their first appearance.

    Args:
        preprocessing: `raw`, `joined`, `chapter` or `A_TO_Z`.
        table: makes what numbers the words; `None`: the fastest.
    """

    block_bytes = 1 << 17  # the arrays of longer blocks are returned to the system every time

    def __init__(
        self, preprocessing: str, table: Callable[[bool, bool], _Table] | None = None
    ) -> None:
        super().__init__()
        # Words end at line ends however lines are joined.
        self._table = (table or fastest_table())(preprocessing == "raw", preprocessing == "joined")

    def feed(self, block: bytes) -> Numbers:
        """Return the numbers of the words that a block completes."""
        return self._counted(self._table.feed(block))

    def finish(self) -> Numbers:
        """Return the numbers of the words that the end of the text completes."""
        return self._counted(self._table.finish())

    def counts(self) -> dict[str, int]:
        """Return how often each word came, in the order of their first appearance."""
        words = self._table.words()
        return {word.decode(): int(self._counts[i]) for i, word in enumerate(words)}

    def indices(self, vocabulary: Vocabulary) -> Numbers:
        """Return the index of each number."""
        every = (word.decode() for word in self._table.words())
        return np.array(vocabulary.encode(every), smallest_type(len(vocabulary)))

    def _counted(self, numbers: Numbers) -> Numbers:
        self._count(numbers)
        return numbers
