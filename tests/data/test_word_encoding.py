"""Words as numbers, block by block."""

import sys

import numpy as np
import pytest

from seqlab.data.word_encoding import WordEncoder, spaced


def numbers(encoder: WordEncoder, *blocks: str) -> list[int]:
    found = [encoder.feed(block.encode()) for block in blocks]
    return np.concatenate([*found, encoder.finish()]).tolist()


def test_words_go_on_in_the_next_block() -> None:
    encoder = WordEncoder("raw")
    assert numbers(encoder, "one tw", "o", "", " one\n", "\n", "three") == [0, 1, 0, 2]
    assert encoder.counts() == {"one": 2, "two": 1, "three": 1}


@pytest.mark.parametrize("preprocessing", ["joined", "chapter"])
def test_line_ends_part_words(preprocessing: str) -> None:
    encoder = WordEncoder(preprocessing)
    assert numbers(encoder, "The cat,\nthe C", "AT's") == [0, 1, 0, 1, 2]
    assert encoder.counts() == {"the": 2, "cat": 2, "s": 1}


@pytest.mark.parametrize(
    "words",
    [
        ["a" * n for n in (7, 8, 9, 15, 16, 17, 18)],
        ["abcdefgh" + "x" * n for n in range(10)],
        ["a", "a\0", "a\0\0", "a"],
        ["新", "新聞", "é", "e\u0301"],
    ],
    ids=["lengths", "same-beginning", "zeros", "beyond-ascii"],
)
def test_words_that_are_alike_are_told_apart(words: list[str]) -> None:
    order = dict.fromkeys(words)
    expected = [list(order).index(word) for word in words]
    encoder = WordEncoder("raw")
    assert numbers(encoder, " ".join(words) + " ", " ".join(words)) == expected * 2
    assert encoder.counts() == {word: 2 * words.count(word) for word in order}


def test_a_table_with_one_place_still_knows_every_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqlab.data.word_encoding._slots", lambda keys: np.zeros(len(keys), int))
    encoder = WordEncoder("raw")
    assert numbers(encoder, "a b a b c ", "a c b ") == [0, 1, 0, 1, 2, 0, 2, 1]


def test_white_space_is_what_str_split_takes_for_it() -> None:
    every = [chr(i) for i in range(sys.maxunicode + 1) if not 0xD800 <= i < 0xE000]
    text = "".join(f"x{character}" for character in every if character != " ")
    assert spaced(text.encode()).split(b" ")[0] != b""
    assert [word.decode() for word in spaced(text.encode()).split(b" ") if word] == text.split()
