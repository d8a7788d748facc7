"""A text's tokens exactly: as the encoders find them, and by the plain way that others compare."""

from collections.abc import Callable

import pytest

from plain_tokens import tokenize
from seqlab.data.tokens.token_file import tokens_in_memory

Find = Callable[[str, str, str], list[str]]
TEXT = "  The cat, the CAT!\n\nA dog-cart.\n"


def encoded(text: str, level: str, preprocessing: str) -> list[str]:
    found = tokens_in_memory(text, level, preprocessing, 0)
    return [found.vocabulary.tokens[index] for index in found.indices]


@pytest.fixture(params=[encoded, tokenize], ids=lambda find: find.__name__)
def find(request: pytest.FixtureRequest) -> Find:
    """Return a text's tokens, of a level and preprocessing."""
    return request.param


@pytest.mark.parametrize(
    ("preprocessing", "expected"),
    [
        ("raw", TEXT),
        ("joined", " the cat the cat a dog cart "),
        ("chapter", "the cat the cata dog cart"),
    ],
)
def test_characters(find: Find, preprocessing: str, expected: str) -> None:
    assert find(TEXT, "char", preprocessing) == list(expected)


@pytest.mark.parametrize(
    ("preprocessing", "expected"),
    [
        ("raw", ["The", "cat,", "the", "CAT!", "A", "dog-cart."]),
        ("joined", ["the", "cat", "the", "cat", "a", "dog", "cart"]),
        ("chapter", ["the", "cat", "the", "cat", "a", "dog", "cart"]),
    ],
)
def test_words(find: Find, preprocessing: str, expected: list[str]) -> None:
    assert find(TEXT, "word", preprocessing) == expected


@pytest.mark.parametrize("level", ["char", "word"])
@pytest.mark.parametrize("preprocessing", ["raw", "joined", "chapter"])
def test_no_text_has_no_tokens(find: Find, level: str, preprocessing: str) -> None:
    assert find("", level, preprocessing) == []


def test_letters_beyond_ascii_are_letters_but_in_the_chapter_s_preprocessing(find: Find) -> None:
    assert find("Café 9", "char", "raw") == list("Café 9")
    assert find("Café 9", "char", "joined") == list("café ")
    assert find("Café 9", "char", "chapter") == list("caf")
    assert find("Café 9", "char", "joined_a_to_z") == list("caf ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Привет, мир! Ёж", "привет мир ёж"),
        ("ΟΔΟΣ ΣΑΣ, Σ σ. Σ", "οδος σας σ σ σ"),
        ("नमस्ते, दुनिया!", "नमस्ते दुनिया "),
        ("مرحبًا — العالم", "مرحبًا العالم"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("Cafe\u0301 – İyi, Ñandú", "cafe\u0301 i\u0307yi ñandú"),
        ("你好,世界。こんにちは", "你好 世界 こんにちは"),
        ("สวัสดี ชาวโลก", "สวัสดี ชาวโลก"),
        ("a\u0301 \u0301b ❤\ufe0f 1\ufe0f\u20e3 c", "a\u0301 b c"),
        ("5 км² №7, x=½", " км x "),
    ],
)
def test_letters_of_every_script_keep_their_marks(find: Find, text: str, expected: str) -> None:
    assert find(text, "char", "joined") == list(expected)
    assert find(text, "word", "joined") == expected.split()
