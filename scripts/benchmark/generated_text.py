"""Generated texts of any length: words by Zipf's law, in sentences, lines and paragraphs."""

from pathlib import Path

import numpy as np

NUM_WORDS = 20_000
_BLOCK_WORDS = 200_000
_NUM_BLOCKS = 16
_ENGLISH = "etaoinshrdlucmfwypvbgkjqxz"
_CYRILLIC = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъ"


def write_generated(file: Path, size: int, *, ascii_only: bool = True, seed: int = 0) -> None:
    """Write a text of exactly `size` bytes; beyond ASCII a few less.

    Args:
        file: to write.
        size: in bytes.
        ascii_only: whether letters are English or Cyrillic.
        seed: of the words and their order.
    """
    rng = np.random.default_rng(seed)
    words = _words(rng, _ENGLISH if ascii_only else _CYRILLIC)
    blocks = [_block(rng, words) for _ in range(min(_NUM_BLOCKS, 1 + size // 10**6))]
    written = 0
    with file.open("wb") as target:
        while written < size:
            block = blocks[rng.integers(len(blocks))][: size - written]
            if written + len(block) == size:
                block = block.decode(errors="ignore").encode()
            written += target.write(block) or 1


def _words(rng: np.random.Generator, letters: str) -> list[str]:
    """Return words, shorter ones first: they are drawn most often."""
    share = 1 / np.arange(2, len(letters) + 2)
    lengths = np.sort(1 + rng.poisson(5, NUM_WORDS)) + rng.integers(0, 3, NUM_WORDS)
    drawn = rng.choice(list(letters), (NUM_WORDS, int(lengths.max())), p=share / share.sum())
    return ["".join(row[:length]) for row, length in zip(drawn, lengths, strict=True)]


def _block(rng: np.random.Generator, words: list[str]) -> bytes:
    """Return lines of about 70 characters, some followed by an empty line."""
    share = 1 / np.arange(1, len(words) + 1)
    chosen = rng.choice(len(words), _BLOCK_WORDS, p=share / share.sum())
    marks = rng.choice(["", ",", ".", ";"], _BLOCK_WORDS, p=[0.84, 0.08, 0.07, 0.01])
    lines: list[str] = []
    line: list[str] = []
    length, begins = 0, True
    for index, mark in zip(chosen.tolist(), marks.tolist(), strict=True):
        word = words[index]
        line.append((word.capitalize() if begins else word) + mark)
        begins = mark == "."
        length += len(line[-1]) + 1
        if length > 65:
            lines.append(" ".join(line) + ("\n" if begins else ""))
            line, length = [], 0
    return ("\n".join(lines) + "\n").encode()
