"""Words as numbers, block by block."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from plain_tokens import tokenize
from seqlab.data.tokens.compiled_words import CompiledWordTable
from seqlab.data.tokens.word_encoding import WordEncoder, fastest_table
from seqlab.data.tokens.word_table import WordTable, spaced
from seqlab.system.compiler import CompilerError

Encode = Callable[[str], WordEncoder]


@pytest.fixture(params=[WordTable, CompiledWordTable], ids=["arrays", "compiled"])
def encode(request: pytest.FixtureRequest) -> Encode:
    """Return an encoder of a preprocessing."""
    try:
        request.param(raw=True)
    except CompilerError as error:
        pytest.skip(str(error))
    return lambda preprocessing: WordEncoder(preprocessing, request.param)


def numbers(encoder: WordEncoder, *blocks: str) -> list[int]:
    found = [encoder.feed(block.encode()) for block in blocks]
    return np.concatenate([*found, encoder.finish()]).tolist()


def test_words_go_on_in_the_next_block(encode: Encode) -> None:
    encoder = encode("raw")
    assert numbers(encoder, "one tw", "o", "", " one\n", "\n", "three") == [0, 1, 0, 2]
    assert encoder.counts() == {"one": 2, "two": 1, "three": 1}


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        (("ΟΔΟΣ", " α"), ["οδος", "α"]),
        (("ΟΔΟΣ", "Α"), ["οδοσα"]),
        (("ΟΔΟΣ", "", "\u0301 Σ"), ["οδοσ\u0301", "σ"]),
        (("ΟΔΟΣ", "—α"), ["οδος", "α"]),
        (("οδΣ", "ΣΣ"), ["οδσσς"]),
        (("e", "\u0301", " \u0301", "\u0301e"), ["e\u0301", "e"]),
        (("ȺȺȺȺȺȺȺȺ", "İİİİİİİİ"), ["ⱥⱥⱥⱥⱥⱥⱥⱥ" + "i\u0307" * 8]),
    ],
)
def test_what_comes_in_the_next_block_decides(
    encode: Encode, blocks: tuple[str, ...], words: list[str]
) -> None:
    encoder = encode("joined")
    assert numbers(encoder, *blocks) == list(range(len(words)))
    assert list(encoder.counts()) == words


@pytest.mark.parametrize("preprocessing", ["joined", "chapter"])
def test_line_ends_part_words(encode: Encode, preprocessing: str) -> None:
    encoder = encode(preprocessing)
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
def test_words_that_are_alike_are_told_apart(encode: Encode, words: list[str]) -> None:
    order = dict.fromkeys(words)
    expected = [list(order).index(word) for word in words]
    encoder = encode("raw")
    assert numbers(encoder, " ".join(words) + " ", " ".join(words)) == expected * 2
    assert encoder.counts() == {word: 2 * words.count(word) for word in order}


def test_a_table_with_one_place_still_knows_every_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "seqlab.data.tokens.word_table._slots", lambda keys: np.zeros(len(keys), int)
    )
    encoder = WordEncoder("raw", WordTable)
    assert numbers(encoder, "a b a b c ", "a c b ") == [0, 1, 0, 1, 2, 0, 2, 1]


def test_more_words_than_the_table_begins_with(encode: Encode) -> None:
    words = [f"{'long' * (i % 5)}{i}" for i in range(20_000)]
    encoder = encode("raw")
    blocks = [" ".join(words[i : i + 999]) + " " for i in range(0, len(words), 999)]
    assert numbers(encoder, *blocks, *blocks[::-1])[: len(words)] == list(range(len(words)))
    assert encoder.counts() == dict.fromkeys(words, 2)


def every_space_and_character() -> str:
    every = [chr(i) for i in range(sys.maxunicode + 1) if not 0xD800 <= i < 0xE000]
    return "".join(f"x{character}" for character in every if character != " ")


def test_white_space_is_what_str_split_takes_for_it(encode: Encode) -> None:
    text = every_space_and_character()
    encoder = encode("raw")
    numbers(encoder, text)
    assert list(encoder.counts()) == list(dict.fromkeys(text.split()))


def test_spaces_take_the_place_of_white_space() -> None:
    text = every_space_and_character()
    assert spaced(text.encode()).split(b" ")[0] != b""
    assert [word.decode() for word in spaced(text.encode()).split(b" ") if word] == text.split()


@pytest.mark.parametrize("size", [100_000, 1 << 21])
def test_letters_are_those_of_every_script_in_lower_case(encode: Encode, size: int) -> None:
    text = every_space_and_character()
    encoder = encode("joined")
    numbers(encoder, *(text[i : i + size] for i in range(0, len(text), size)))
    assert list(encoder.counts()) == list(dict.fromkeys(tokenize(text, "word", "joined")))


@pytest.mark.parametrize("preprocessing", ["chapter", "joined_a_to_z"])
def test_letters_of_the_chapter_are_those_of_ascii(encode: Encode, preprocessing: str) -> None:
    encoder = encode(preprocessing)
    numbers(encoder, every_space_and_character())
    run = "".join(f"x{chr(i)}" for i in range(ord("a"), ord("z") + 1)) + "x"
    assert encoder.counts().keys() == {"x", run}
    assert encoder.counts()[run] == 2  # the capitals, and the others


def test_without_a_compiler_arrays_do_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def none(**_: Any) -> None:
        raise CompilerError("there is none")

    monkeypatch.setattr("seqlab.data.tokens.word_encoding.CompiledWordTable", none)
    fastest_table.cache_clear()
    with caplog.at_level(logging.INFO):
        assert fastest_table() is fastest_table() is WordTable
    fastest_table.cache_clear()
    expected = "words are looked up without compiled code, at half the speed: there is none"
    assert caplog.messages == [expected]
